"""FHIR to typed input: what a document says, digit for digit, and nothing that it does not say."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.interop.fhir import read_fhir
from compliance.interop.formats import read_file
from compliance.rules.terminology import load_terminology
from compliance.services.dispositions import Setting, asserted, judge

SETTING = Setting(
    load_terminology(), ZoneInfo("Australia/Sydney"), dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
)
LOINC = "http://loinc.org"
PATIENT: dict[str, Any] = {
    "resourceType": "Patient",
    "id": "p1",
    "identifier": [
        {"system": "urn:oid:1.2.3", "value": "77", "type": {"coding": [{"code": "MR"}]}},
        {"use": "old", "system": "urn:oid:1.2.3", "value": "66"},
    ],
    "name": [
        {"use": "nickname", "given": ["Mimi"]},
        {"use": "official", "family": "Banks", "given": ["Mia", "Leanne"]},
    ],
    "birthDate": "2001-04-02",
}


def observation(**changes: Any) -> dict[str, Any]:
    """A final cholesterol of 5.90 mmol/L."""
    found = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "code": {"coding": [{"system": LOINC, "code": "14647-2"}]},
        "subject": {"reference": "Patient/p1"},
        "effectiveDateTime": "2026-11-17T08:30:00+11:00",
        "valueQuantity": {"value": 5.9, "unit": "mmol/L", "code": "mmol/L"},
    }
    found.update(changes)
    return {key: value for key, value in found.items() if value is not None}


def bundle(*resources: dict[str, Any], kind: str = "transaction") -> dict[str, Any]:
    return {
        "resourceType": "Bundle",
        "type": kind,
        "entry": [{"fullUrl": f"urn:uuid:{n}", "resource": r} for n, r in enumerate(resources)],
    }


def one(document: dict[str, Any]) -> Any:
    [message] = read_fhir(json.dumps(document).encode()).messages
    [result] = message.results
    return result


def judged(document: dict[str, Any]) -> Any:
    [message] = read_fhir(json.dumps(document).encode()).messages
    [result] = message.results
    return judge(result, message, SETTING)


def test_a_number_keeps_the_digits_that_were_sent() -> None:
    text = json.dumps(observation()).replace("5.9", "5.90")
    [message] = read_fhir(text.encode()).messages
    assert message.results[0].value.text == "5.90"


def test_the_patient_of_the_bundle_is_found_with_numbers_in_force_and_the_official_name() -> None:
    result = one(bundle(PATIENT, observation()))
    assert [(n.value, n.authority_id, n.type) for n in result.subject.identifiers] == [
        ("77", "1.2.3", "MR")
    ]
    assert (result.subject.name, result.subject.born) == ("Mia Leanne Banks", dt.date(2001, 4, 2))


def test_a_reference_out_of_the_document_names_nobody() -> None:
    [number] = one(observation()).subject.identifiers
    assert (number.value, number.type) == ("Patient/p1", "reference")


def test_a_full_address_and_a_contained_patient_are_followed() -> None:
    by_url = observation(subject={"reference": "urn:uuid:0"})
    assert one(bundle(PATIENT, by_url)).subject.family_name == "Banks"
    inside = observation(subject={"reference": "#p1"}, contained=[PATIENT])
    assert one(inside).subject.family_name == "Banks"


def test_a_report_that_names_another_patient_than_its_result_leaves_it_without_one() -> None:
    other = {**PATIENT, "id": "p2", "identifier": [{"value": "88"}]}
    report = {
        "resourceType": "DiagnosticReport",
        "status": "final",
        "subject": {"reference": "Patient/p2"},
        "result": [{"reference": "Observation/o1"}],
    }
    assert one(bundle(PATIENT, other, report, observation())).subject.identifiers == ()
    agreeing = {**report, "subject": {"reference": "Patient/p1"}}
    assert one(bundle(PATIENT, other, agreeing, observation())).subject.identifiers[0].value == "77"


@pytest.mark.parametrize(
    ("status", "disposition", "word"),
    [
        ("final", "filed", "final"),
        ("amended", "filed", "corrected"),
        ("corrected", "filed", "corrected"),
        ("preliminary", "held", "preliminary"),
        ("unknown", "held", "unknown"),
        ("entered-in-error", "held", "entered-in-error"),
        ("something-new", "held", "unknown"),
    ],
)
def test_only_final_and_corrected_results_can_be_filed(
    status: str, disposition: str, word: str
) -> None:
    judgement = judged(observation(status=status))
    assert (judgement.disposition.value, judgement.status) == (disposition, word)


def test_a_report_entered_in_error_takes_its_results_with_it() -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "status": "entered-in-error",
        "result": [{"reference": "Observation/o1"}],
    }
    assert judged(bundle(report, observation())).status == "entered-in-error"


def test_what_changes_the_meaning_in_a_way_we_do_not_know_is_held() -> None:
    changed = observation(modifierExtension=[{"url": "http://example.org/not", "valueBoolean": 1}])
    assert judged(changed).disposition.value == "held"


@pytest.mark.parametrize(
    "masked",
    [
        {"valueQuantity": {"unit": "mmol/L", "_value": {"extension": [{"valueCode": "masked"}]}}},
        {"valueQuantity": None, "dataAbsentReason": {"coding": [{"code": "masked"}]}},
        {"dataAbsentReason": {"coding": [{"code": "error"}]}},
        {"valueQuantity": {"value": "5.9", "unit": "mmol/L"}},
        {"valueString": "also this"},
        {"valueQuantity": {"value": 5.9, "unit": "mg/dL", "code": "mmol/L"}},
        {"valueQuantity": {"value": 5.9}},
        {"effectiveDateTime": None},
        {"effectiveDateTime": None, "issued": "2026-11-17T08:30:00+11:00"},
        {"effectiveDateTime": "2026-11"},
        {
            "effectiveDateTime": None,
            "effectivePeriod": {"start": "2026-11-16", "end": "2026-11-17"},
        },
    ],
)
def test_a_masked_doubled_doubtful_or_undated_value_is_held(masked: dict[str, Any]) -> None:
    assert judged(observation()).disposition.value == "filed"
    assert judged(observation(**masked)).disposition.value == "held"


def test_the_specimen_gives_the_day_of_collection_where_the_result_has_none() -> None:
    specimen = {
        "resourceType": "Specimen",
        "id": "s",
        "collection": {"collectedDateTime": "2026-11-16"},
    }
    taken = observation(effectiveDateTime=None, specimen={"reference": "#s"}, contained=[specimen])
    assert one(taken).collected.day == dt.date(2026, 11, 16)


def test_a_race_is_no_pregnancy_test_and_a_local_code_is_no_loinc() -> None:
    race = observation(code={"coding": [{"system": "urn:oid:2.16.840.1.113883.6.238",
                                         "code": "2106-3", "display": "White"}]})  # fmt: skip
    assert judged(race).disposition.value == "ignored"
    urine = {"coding": [{"system": LOINC, "code": "2106-3"}]}
    negative = observation(code=urine, valueQuantity=None, valueString="Negative")
    assert judged(negative).fact.result.value == "negative"


def test_a_statement_of_pregnancy_is_held_wherever_it_stands() -> None:
    status = observation(
        code={"coding": [{"system": LOINC, "code": "82810-3"}]},
        valueQuantity=None,
        valueCodeableConcept={"coding": [{"system": "http://snomed.info/sct", "code": "77386006",
                                          "display": "Pregnant"}]},
    )  # fmt: skip
    assert (judged(status).disposition.value, judged(status).urgent) == ("held", True)
    condition = {"resourceType": "Condition", "code": {"text": "Patient is pregnant"}}
    [message] = read_fhir(json.dumps(bundle(condition)).encode()).messages
    assert len(asserted(message, SETTING.terms)) == 1


def test_each_component_is_a_result_of_its_own() -> None:
    panel = observation(
        valueQuantity=None,
        component=[
            {
                "code": {"coding": [{"system": LOINC, "code": code}]},
                "valueQuantity": {"value": 1.5, "comparator": "<", "code": "mmol/L"},
            }
            for code in ("14647-2", "14927-8")
        ],
    )
    [message] = read_fhir(json.dumps(panel).encode()).messages
    assert [item.code[0].code for item in message.results] == ["14647-2", "14927-8"]
    assert message.results[1].value.structured == ("<", "1.5", "", "")


def test_a_range_in_another_unit_is_left_out_and_one_in_the_same_is_read() -> None:
    low, high = {"value": 3, "unit": "mmol/L"}, {"value": 5.5, "unit": "mmol/L"}
    assert one(observation(referenceRange=[{"low": low, "high": high}])).reference_range == (
        "3 - 5.5"
    )
    high = {"value": 200, "unit": "mg/dL"}
    assert one(observation(referenceRange=[{"high": high}])).reference_range == ""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b'<Observation xmlns="http://hl7.org/fhir"/>', "XML"),
        (b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "XML"),
        (b'{"resourceType": "Patient", "active": true, "active": false}', "twice"),
        (b'{"resourceType": "Observation", "valueInteger": NaN}', "NaN"),
        (b'{"name": "no resource"}', "resourceType"),
        (b'{"resourceType": ', "no JSON"),
        (b"[" * 200_000, "nested"),
        (b'{"resourceType": "Observation\xff"}', "UTF-8"),
    ],
)
def test_a_document_that_cannot_be_read_says_why(content: bytes, says: str) -> None:
    found = read_file(content)
    assert found.messages == ()
    assert says in (found.error or "")


def test_one_document_a_line_is_one_message_a_line() -> None:
    lines = "\n".join(json.dumps(observation(id=f"o{n}")) for n in range(3))
    assert [item.control_id for item in read_fhir(lines.encode()).messages] == ["o0", "o1", "o2"]


def test_a_report_without_its_results_says_what_is_missing() -> None:
    report = {"resourceType": "DiagnosticReport", "result": [{"reference": "Observation/a"}]}
    [message] = read_fhir(json.dumps(report).encode()).messages
    assert "1 result that is not in this document" in message.problem


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["resourceType", "entry", "resource", "contained", "code", "coding", "subject", "reference",
     "valueQuantity", "value", "component", "effectivePeriod", "identifier", "name", "given",
     "status", "result", "interpretation", "referenceRange", "low", "high", "dataAbsentReason"]
)  # fmt: skip
TREES = st.recursive(
    SCALARS | st.sampled_from(["Observation", "Bundle", "Patient", "DiagnosticReport"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=30,
)


@given(st.dictionaries(KEYS, TREES, max_size=8), st.sampled_from(["Bundle", "Observation"]))
def test_whatever_the_document_is_it_is_read_and_judged_without_an_exception(
    tree: dict[str, Any], kind: str
) -> None:
    content = json.dumps({**tree, "resourceType": kind}).encode()
    for message in read_fhir(content).messages:
        for result in (*message.results, *asserted(message, SETTING.terms)):
            assert judge(result, message, SETTING).reason
