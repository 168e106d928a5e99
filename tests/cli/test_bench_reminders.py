"""The measurement of reminders: small books, every mail once, all figures there."""

from __future__ import annotations

import json

from click.testing import CliRunner

from compliance.cli.bench import bench


def test_small_books_are_swept_scanned_planned_and_sent():
    arguments = ["reminders", "--obligations", "2000", "--due", "10"]
    answer = CliRunner().invoke(bench, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    found = json.loads(answer.output.strip().splitlines()[-1])
    assert (found["name"], found["due"]) == ("bench reminders", 10)
    assert found["obligations"] >= 2000 * 0.9
    assert found["figures"]["the send loop"]["count"] == 10
    assert found["ratios"]["send loop / floor"] > 0
