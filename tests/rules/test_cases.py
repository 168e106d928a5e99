"""Case files: ours all agree, a mistake in one names its place, and the answer is as documented."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from compliance.rules.assess import assess
from compliance.rules.case_answers import differences
from compliance.rules.cases import CaseError, read_case, run_cases
from compliance.rules.programme import load_programme

OURS = Path(__file__).resolve().parent.parent / "cases"
FILES = sorted(OURS.rglob("*.toml"))
ONE = OURS / "us" / "ipl-window-last-second.toml"
SILENT: list[str] = []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_question_gets_the_answer_it_must(path: Path) -> None:
    case = read_case(path)
    for ask in case.asks:
        found = assess(case.record, load_programme(case.programme), case.terms, ask.question)
        assert differences(found, ask.expect or {}) == [], str(ask.written_at)


def written(tmp_path: Path, text: str, name: str = ONE.name) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


BROKEN = {
    "an unknown key": ("time_zone =", 'colour = "red"\ntime_zone =', "colour: unknown key"),
    "an unknown key in a fact": (
        "[[enrolment]]\n",
        "[[enrolment]]\nby = 1\n",
        "enrolment[1].by: unknown key",
    ),
    "a missing key": ('programme = "us-ipledge"\n', "", "programme: missing"),
    "a missing key in a fact": (
        "[[dispensing]]\non = 2026-02-11\n",
        "[[dispensing]]\n",
        "dispensing[1].on: missing",
    ),
    "a value outside its list": (
        'result = "negative"',
        'result = "faint"',
        "pregnancy_test[1].result: found 'faint' (allowed: negative | positive | indeterminate)",
    ),
    "a date written as text": (
        "[[enrolment]]\non = 2026-01-09",
        '[[enrolment]]\non = "2026-01-09"',
        "enrolment[1].on: found '2026-01-09' (allowed: a local date",
    ),
    "a date that does not exist": ("on = 2026-01-09", "on = 2026-02-30", "is not TOML"),
    "a supply of no days": ("days_supply = 30", "days_supply = 0", "days_supply: found 0"),
    "an unknown programme": ("us-ipledge", "mars-ppp", "programme: found 'mars-ppp'"),
    "an unknown zone": ("America/New_York", "Mars/Olympus", "time_zone: found 'Mars/Olympus'"),
    "another id": ('id = "ipl-window', 'id = "ipl-door', "id: found 'ipl-door-last-second'"),
    "an act that is none": ('act = "dispense"', 'act = "eat"', "ask[1].act: found 'eat'"),
    "a question before birth": ("1998-08-08", "2027-08-08", "ask[1].at: lies before the patient"),
    "an unknown requirement": (
        '"first-window-lockout"',
        '"luck"',
        "ask[2].expect.not_blocked_by: found ['luck']",
    ),
    "a yes that is blocked": (
        'permitted = "no"',
        'permitted = "yes"',
        'ask[2].expect: permitted = "yes" with blocked_by',
    ),
    "an earliest day in the past": (
        "earliest = 2026-04-15",
        "earliest = 2026-04-14",
        "ask[2].expect.earliest: 2026-04-14 lies before the day asked",
    ),
    "a window backwards": (
        "[2026-04-08, 2026-04-14]",
        "[2026-04-14, 2026-04-08]",
        "ask[1].expect.window: found",
    ),
    "a method that ends before it begins": (
        "[[contraception]]\n",
        "[[contraception]]\nuntil = 2020-01-01\n",
        "contraception[1].until: found 2020-01-01",
    ),
    "a potential in other words": (
        "can_become_pregnant = true",
        'can_become_pregnant = "yes"',
        "pregnancy_potential[1].can_become_pregnant: found 'yes'",
    ),
    "an edition that is none": (
        "[patient]",
        '[[adoption]]\nedition = "2030"\non = 2026-01-01\n[patient]',
        "adoption[1].edition: found '2030'",
    ),
}


@pytest.mark.parametrize(("before", "after", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_mistake_names_file_key_and_what_is_allowed(
    tmp_path: Path, before: str, after: str, words: str
) -> None:
    text = ONE.read_text("utf-8")
    assert before in text
    path = written(tmp_path, text.replace(before, after, 1))
    with pytest.raises(CaseError) as error:
        read_case(path)
    assert str(path) in str(error.value)
    assert words in str(error.value)


def test_files_that_cannot_be_read_at_all_are_named(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="cannot be read"):
        read_case(tmp_path / "nowhere.toml")
    (tmp_path / "latin.toml").write_bytes(b'id = "\xe9"')
    with pytest.raises(CaseError, match="is not UTF-8"):
        read_case(tmp_path / "latin.toml")


def test_the_answer_is_one_json_object_a_question() -> None:
    lines: list[str] = []
    assert run_cases([ONE], True, lines.append, SILENT.append) == 0
    first, second = (json.loads(line) for line in lines)
    assert first["case"] == "ipl-window-last-second"
    assert (first["at"], first["act"]) == ("2026-04-14T23:59:59", "dispense")
    assert (first["programme"], first["edition"]) == ("us-ipledge", "2023-discretion")
    assert first["permitted"] == "yes"
    assert first["window"] == ["2026-04-08", "2026-04-14"]
    assert first["earliest"] is None
    assert (first["agrees"], first["differences"]) == (True, [])
    assert second["blocked_by"] == ["prescription-window"]
    assert second["earliest"] == "2026-04-15"
    finding = next(f for f in second["findings"] if f["requirement"] == "prescription-window")
    assert (finding["outcome"], finding["binding"]) == ("unmet", "must")
    assert "8 Apr 2026 to 14 Apr 2026" in finding["reason"]
    assert finding["evidence"] == ["pregnancy_test[4]"]
    assert finding["basis"][0]["parameter"] == "window_days_can"
    assert finding["basis"][0]["value"] == 7
    assert finding["basis"][0]["title"]
    assert finding["basis"][0]["address"].startswith("http")


def test_a_person_reads_verdict_window_reasons_sources_and_the_count() -> None:
    lines: list[str] = []
    run_cases([ONE], False, lines.append, SILENT.append)
    text = "\n".join(lines)
    for words in (
        "prerequisites appear met",
        "not yet (prescription-window)",
        "edition 2023-discretion",
        "iPLEDGE alone authorises a dispensing",
        "Window: 8 Apr 2026 to 14 Apr 2026.",
        "To do: Collect a new pregnancy test",
        "http://awaywithacne.com",
        "2 of 2 questions agree.",
    ):
        assert words in text
    assert "approved" not in text.replace("Approved REMS", "")


def test_the_exit_status_tells_agreement_difference_and_unreadable(tmp_path: Path) -> None:
    text = ONE.read_text("utf-8")
    lines: list[str] = []
    differs = written(tmp_path, text.replace("2026-04-14]", "2026-04-15]", 1))
    assert run_cases([differs], False, lines.append, SILENT.append) == 1
    assert "DIFFERS  window: expected 2026-04-08 to 2026-04-15" in "\n".join(lines)
    complaints: list[str] = []
    broken = written(tmp_path, "id = 1", "broken.toml")
    assert run_cases([ONE, broken], True, lines.append, complaints.append) == 2
    assert len(complaints) == 1
    assert "broken.toml: title: missing" in complaints[0]


def test_two_files_may_not_have_one_id(tmp_path: Path) -> None:
    complaints: list[str] = []
    copy = written(tmp_path, ONE.read_text("utf-8"))
    assert run_cases([ONE, copy], True, SILENT.append, complaints.append) == 2
    assert "is also the id of" in complaints[0]


def test_a_case_without_expectations_is_answered_without_judgement(tmp_path: Path) -> None:
    lines: list[str] = []
    text = ONE.read_text("utf-8").split("[ask.expect]")[0]
    assert run_cases([written(tmp_path, text)], True, lines.append, SILENT.append) == 0
    assert "agrees" not in json.loads(lines[0])
