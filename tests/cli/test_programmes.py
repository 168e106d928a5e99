"""The command programmes: the list, and what an edition changed."""

from __future__ import annotations

from flask import Flask

from compliance.cli.programmes import programmes


def run(app: Flask, *words: str) -> tuple[int, str]:
    answer = app.test_cli_runner().invoke(programmes, list(words))
    return answer.exit_code, answer.output


def test_it_lists_every_edition_with_its_day_and_its_source(app: Flask) -> None:
    code, said = run(app)
    assert code == 0
    for name in ("au-pi/2025-04", "ca-ppp/2014", "eu-ppp/2003", "uk-ppp/2019-06"):
        assert f"  {name}  in force from" in said
    assert "us-ipledge/2026  announced for 15 Nov 2026, not confirmed" in said
    assert "not verified yet" in said
    assert "https://" in said


def test_it_tells_what_an_edition_changed(app: Flask) -> None:
    code, said = run(app, "diff", "uk-ppp/2025-10", "uk-ppp/2026-01")
    assert code == 0
    assert "before: 18 (must)" in said
    assert "now:    nothing is asked" in said
    assert "2 differences." in said
    assert run(app, "diff", "eu-ppp/2018", "eu-ppp/2018")[1].endswith("Nothing differs.\n")


def test_a_wrong_name_is_refused_with_those_that_are_allowed(app: Flask) -> None:
    code, said = run(app, "diff", "uk-ppp/2025", "uk-ppp/2026-01")
    assert code == 2
    assert "uk-ppp/2025-10" in said
