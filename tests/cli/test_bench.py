"""The measurements run, name their floors, and end with one line of JSON."""

from __future__ import annotations

import json

from click.testing import CliRunner

from compliance.cli.bench import bench


def measured(*arguments: str) -> dict[str, object]:
    answer = CliRunner().invoke(bench, arguments, catch_exceptions=False)
    assert answer.exit_code == 0
    found: dict[str, object] = json.loads(answer.output.splitlines()[-1])
    return found


def test_the_rules_are_measured_beside_reading_the_same_rows():
    found = measured("rules", "--patients", "200")
    assert found["name"] == "bench rules"
    assert 12 <= found["facts_per_patient"] <= 16
    assert list(found["figures"]) == [
        "floor: read the rows",
        "and make facts of them",
        "and assess",
        "one patient: assess, plan, triage",
    ]
    for figures in found["figures"].values():
        assert figures["patients_per_second"] > 0
        assert figures["peak_mb_at_the_end"] >= figures["peak_mb_after_a_tenth"] > 0
    assert found["figures"]["one patient: assess, plan, triage"]["ms_each_of_cpu"] < 5
    assert found["ratios"]["assess / floor, in cpu time"] > 1


def test_the_pages_are_measured_beside_a_static_file_and_their_own_reads():
    found = measured("pages", "--requests", "5")
    assert found["patients"] > 100
    for page in ("worklist", "patient"):
        assert (
            found["figures"][page]["median_ms"]
            > found["figures"][f"{page}: its reads alone"]["median_ms"]
        )
    assert all(ratio > 1 for ratio in found["ratios"].values())


def test_taking_in_messages_is_measured_beside_parsing_them_for_nothing():
    found = measured("intake", "--patients", "20", "--messages", "30")
    assert (found["name"], found["results_per_message"]) == ("bench intake", 8)
    assert list(found["figures"]) == [
        "floor: parsed by the hl7 library",
        "parsed by our own reader",
        "filed, one message a file",
        "filed, many messages a file",
    ]
    for figures in found["figures"].values():
        assert figures["messages_per_second"] > 0
        assert figures["peak_mb"] > 0
    assert all(ratio > 0 for ratio in found["ratios"].values())
