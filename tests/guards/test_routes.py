"""Every route says who may use it, and pages load nothing from elsewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from flask import Flask

from compliance.app import create_app
from compliance.web.security import LIBRARY_RULES, PUBLIC, rule_of
from tests.conftest import make_config

ROOT = Path(__file__).parents[2]
OPEN_TO_ALL = {"static", "security.login", "people.set_password"}
OPEN_TO_ALL |= {"patient_page.enter", "patient_page.stop"}  # a link in a mail, nothing behind it
OPEN_TO_ALL |= {"metrics.numbers"}  # to this machine, or with a token: numbers only


@pytest.fixture
def bare_app(tmp_path: Path) -> Flask:
    return create_app(make_config(tmp_path))


def test_every_route_declares_who_may_use_it_or_is_refused(bare_app: Flask) -> None:
    own = [
        rule.endpoint for rule in bare_app.url_map.iter_rules() if "security." not in rule.endpoint
    ]
    undeclared = [endpoint for endpoint in own if rule_of(bare_app, endpoint) is None]
    assert own
    assert undeclared == []


def test_only_signing_in_the_links_in_mails_and_the_styles_are_open_to_everybody(
    bare_app: Flask,
) -> None:
    endpoints = {rule.endpoint for rule in bare_app.url_map.iter_rules()}
    assert {e for e in endpoints if rule_of(bare_app, e) == PUBLIC} == OPEN_TO_ALL


def test_no_rule_is_kept_for_a_route_that_is_gone(bare_app: Flask) -> None:
    endpoints = {rule.endpoint for rule in bare_app.url_map.iter_rules()}
    assert set(LIBRARY_RULES) <= endpoints


def test_a_library_route_that_nobody_listed_is_refused(app: Flask) -> None:
    listed = set(LIBRARY_RULES)
    others = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith("security.")
        and rule.endpoint not in listed
        and "GET" in rule.methods
        and not rule.arguments
    ]
    assert others
    for rule in others:
        assert app.test_client().get(rule.rule).status_code == 404


def test_no_template_or_style_names_an_asset_of_another_host() -> None:
    asset = re.compile(r"""(?:src|srcset|@import|url\()\s*=?\s*["']?(?:https?:)?//""", re.I)
    link = re.compile(r"""<link[^>]+href=["'](?:https?:)?//""", re.I)
    files = [*ROOT.glob("templates/**/*.html"), *ROOT.glob("compliance/web/static/*")]
    assert len(files) > 10
    for file in files:
        text = file.read_text(encoding="utf-8")
        if file.parts[-2] != "mail" and file.suffix in (".html", ".css", ".js", ".svg"):
            assert not asset.search(text), file
            assert not link.search(text), file


def test_no_page_carries_inline_script_or_style() -> None:
    for file in ROOT.glob("templates/**/*.html"):
        if "mail" in file.parts:
            continue
        text = file.read_text(encoding="utf-8")
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), file
        assert not re.search(r"\sstyle=", text), file
        assert not re.search(r"\son[a-z]+=", text), file
