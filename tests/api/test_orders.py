"""Orders and REMS: cards and statuses from our findings, by number and never by name."""

from __future__ import annotations

import copy
import json

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select

from compliance.db import db, transaction
from compliance.models import AccessLogEntry, CodeMapping, Evidence, ImportedResult, Patient, Role
from compliance.rules.facts import Acknowledgement, Counselling, Lab, PregnancyTest, Visit
from compliance.rules.terms import (
    Analyte,
    Form,
    Potential,
    PotentialReason,
    Signer,
    TestResult,
    Topic,
    VisitMode,
)
from compliance.services import recording
from tests.api.programs import Program, a_program
from tests.api.test_reading import valid
from tests.world import NOW, a_clinic, a_patient, a_user

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CARDS = "/cds-services/isotretinoin-order-sign"
ETASU = "/fhir/GuidanceResponse/$rems-etasu"
FORM = "/fhir/QuestionnaireResponse"
IPLEDGE = "http://example.org/fhir/Questionnaire/IPledgeRemsPatientEnrollment"
ISOTRETINOIN = {"coding": [{"system": RXNORM, "code": "6064"}]}


@pytest.fixture(autouse=True)
def _today():
    with time_machine.travel(NOW, tick=False):
        yield


class Place:
    """A clinic with a prescriber, a patient known as C-9 at CITYLAB, and a program."""

    def __init__(self, app: Flask) -> None:
        clinic = a_clinic()
        self.prescriber = a_user(clinic, Role.PRESCRIBER)
        self.patient = a_patient(
            self.prescriber, mrn="T-1", given_name="Amara", family_name="Okafor",
            identifiers=[("CITYLAB", "C-9"), ("iPLEDGE", "900123")],
        )  # fmt: skip
        self.program: Program = a_program(app, clinic)

    def add(self, *facts) -> None:
        with transaction() as session:
            patient = session.get_one(Patient, self.patient.id)
            recording.record_all(session, self.prescriber, patient, facts, NOW)

    def cards(self, order: dict | None = None, patient: dict | None = None) -> list:
        sent = hook(order or {"medicationCodeableConcept": ISOTRETINOIN}, patient or named())
        answer = self.program.post(CARDS, sent)
        assert answer.status_code == 200, answer.data
        return json.loads(answer.data)["cards"]

    def etasu(self, *parameters: dict, status: int = 200) -> dict:
        sent = {"resourceType": "Parameters", "parameter": list(parameters)}
        answer = self.program.post(ETASU, sent)
        assert answer.status_code == status, answer.data
        said = json.loads(answer.data)
        valid(said)
        return said if status != 200 else said["parameter"][0]["resource"]


@pytest.fixture
def place(app: Flask) -> Place:
    return Place(app)


def named(value: str = "C-9", authority: str = "CITYLAB", **more) -> dict:
    number = {"value": value, "assigner": {"display": authority}}
    return {"resourceType": "Patient", "id": "pat017", "identifier": [number], **more}


def hook(order: dict, patient: dict) -> dict:
    request = {"resourceType": "MedicationRequest", "status": "draft", "intent": "order", **order}
    orders = {"resourceType": "Bundle", "entry": [{"resource": request}]}
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {"patientId": "pat017", "draftOrders": orders},
        "prefetch": {"patient": patient},
    }  # fmt: skip


def a_test(result: TestResult) -> PregnancyTest:
    return PregnancyTest(collected=NOW.date(), result=result)


# --- CDS Hooks ------------------------------------------------------------------------------------


def test_the_services_are_listed_to_everybody(app: Flask) -> None:
    said = app.test_client().get("/api/cds-services").get_json()
    assert [(item["hook"], item["id"]) for item in said["services"]] == [
        ("order-sign", "isotretinoin-order-sign")
    ]


def test_a_card_says_what_blocks_why_by_what_and_where_to_go(place: Place) -> None:
    [card] = place.cards()
    assert card["indicator"] == "critical"
    assert card["summary"].startswith("Prerequisites do not appear met")
    assert len(card["summary"]) < 140
    assert "Blocks: " in card["detail"]
    assert "Source: " in card["detail"]
    assert card["links"][0]["url"].endswith(f"/patients/{place.patient.public_id}")
    assert card["links"][0]["url"].startswith("http")
    assert card["source"]["label"]
    looks = db.session.scalars(select(AccessLogEntry)).all()
    assert [look.page for look in looks] == ["API order-sign"]


def ready(place: Place) -> dict:
    """A patient who cannot become pregnant, with everything done; as a sender names the patient."""
    other = a_patient(
        place.prescriber, mrn="T-7", potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE,
        identifiers=[("CITYLAB", "C-7")],
    )  # fmt: skip
    day = NOW.date()
    signed = (Signer.PATIENT, Signer.PRESCRIBER)
    facts = (
        Acknowledgement(on=day, form=Form.ENROLMENT, signed_by=signed),
        Acknowledgement(on=day, form=Form.CONSENT_PART_1, signed_by=signed),
        Counselling(on=day),
        Visit(on=day, mode=VisitMode.IN_PERSON, topics=tuple(Topic)),
        Lab(collected=day, analyte=Analyte.ALT, value="20", unit="U/L", upper_limit="40"),
        Lab(collected=day, analyte=Analyte.TG, value="90", unit="mg/dL", fasting=True),
    )
    with transaction() as session:
        patient = session.get_one(Patient, other.id)
        recording.record_all(session, place.prescriber, patient, facts, NOW)
    return named("C-7")


def test_nothing_against_it_is_an_info_card_that_approves_nothing(place: Place) -> None:
    [card] = place.cards(patient=ready(place))
    assert card["summary"] == "Prerequisites appear met", card["detail"]
    assert card["indicator"] == "info", card["detail"]


@pytest.mark.parametrize(
    ("days", "refills", "indicator"), [(30, 0, "info"), (31, 0, "critical"), (30, 1, "critical")]
)
def test_the_amount_that_is_ordered_is_judged(
    place: Place, days: int, refills: int, indicator: str
) -> None:
    amount = {
        "expectedSupplyDuration": {"value": days, "code": "d"}, "numberOfRepeatsAllowed": refills,
    }  # fmt: skip
    order = {"medicationCodeableConcept": ISOTRETINOIN, "dispenseRequest": amount}
    [card] = place.cards(order, ready(place))
    assert card["indicator"] == indicator, card["detail"]


def test_an_order_for_another_patient_than_the_one_sent_gets_no_answer_about_either(
    place: Place,
) -> None:
    [card] = place.cards(patient=named(id="pat018"))
    assert "not known here" in card["summary"]
    assert place.patient.public_id not in json.dumps(card)


def test_a_positive_test_is_critical(place: Place) -> None:
    place.add(a_test(TestResult.POSITIVE))
    [card] = place.cards()
    assert card["indicator"] == "critical"
    assert "not pregnant" in card["summary"].lower()


@pytest.mark.parametrize(
    "order",
    [
        {"medicationCodeableConcept": {"text": "Isotretinoin 20 mg oral capsule"}},
        {"medicationCodeableConcept": {"coding": [{"display": "ISOTRETINOIN 40 MG"}]}},
        {
            "medicationReference": {"reference": "#m"},
            "contained": [{"resourceType": "Medication", "id": "m", "code": ISOTRETINOIN}],
        },
    ],
)
def test_the_medicine_is_known_by_its_words_and_where_it_is_contained(
    place: Place, order: dict
) -> None:
    assert len(place.cards(order)) == 1


@pytest.mark.parametrize(
    "order",
    [
        {"medicationCodeableConcept": {"coding": [{"system": RXNORM, "code": "10395"}]}},
        {"medicationCodeableConcept": {"coding": [{"system": "http://other", "code": "6064"}]}},
        {},
    ],
)
def test_other_medicines_get_no_card(place: Place, order: dict) -> None:
    assert place.cards(order or {"status": "draft"}) == []


@pytest.mark.parametrize(
    "patient",
    [
        named("C-8"),
        named("C-9", "OTHERLAB"),
        named("C-9", birthDate="1990-01-01"),
        {"resourceType": "Patient", "name": [{"family": "Okafor", "given": ["Amara"]}],
         "birthDate": "1998-04-02"},
    ],
)  # fmt: skip
def test_whoever_is_not_certain_is_said_to_be_unknown(place: Place, patient: dict) -> None:
    [card] = place.cards(patient=patient)
    assert "not known here" in card["summary"]
    assert card["indicator"] == "warning"
    assert place.patient.public_id not in json.dumps(card)


def test_another_hook_is_refused(place: Place) -> None:
    sent = {**hook({}, named()), "hook": "patient-view"}
    assert place.program.post(CARDS, sent).status_code == 400
    assert place.program.post(CARDS, []).status_code == 400


# --- REMS -----------------------------------------------------------------------------------------


def test_each_requirement_has_its_status_and_reason(place: Place) -> None:
    said = place.etasu(
        {"name": "patient", "resource": named()},
        {"name": "medication", "resource": {"resourceType": "Medication", "code": ISOTRETINOIN}},
    )
    assert said["status"] == "data-required"
    parts = said["contained"][0]["parameter"]
    assert said["outputParameters"]["reference"] == f"#{said['contained'][0]['id']}"
    statuses = {part["name"]: part["resource"]["status"] for part in parts}
    assert statuses["Enrolment"] == "success"
    assert statuses["Monthly test" if "Monthly test" in statuses else "Screening test"] != "success"
    assert all(len(part["resource"]["note"]) >= 2 for part in parts)


def test_a_positive_test_fails(place: Place) -> None:
    place.add(a_test(TestResult.POSITIVE))
    said = place.etasu({"name": "patient", "resource": named()})
    assert said["status"] == "failure"


@pytest.mark.parametrize(
    ("parameter", "status"),
    [
        ({"name": "authNumber", "valueString": "900123"}, 200),
        ({"name": "authNumber", "valueString": "900124"}, 404),
        ({"name": "authNumber", "valueString": "C-9"}, 404),
        ({"name": "patient", "valueReference": {"reference": "Patient/unknown"}}, 404),
        ({"name": "other"}, 422),
    ],
)
def test_the_number_of_the_programme_names_the_patient(
    place: Place, parameter: dict, status: int
) -> None:
    place.etasu(parameter, status=status)


def test_a_patient_is_named_by_our_own_id(place: Place) -> None:
    address = {"reference": f"Patient/{place.patient.public_id}"}
    said = place.etasu({"name": "patient", "valueReference": address})
    assert said["subject"] == address


def test_another_medicine_is_not_known(place: Place) -> None:
    other = {"resourceType": "Medication", "code": {"text": "Methotrexate"}}
    parameters = (
        {"name": "patient", "resource": named()},
        {"name": "medication", "resource": other},
    )
    place.etasu(*parameters, status=422)


# --- QuestionnaireResponse ------------------------------------------------------------------------

POSITIVE = ("77386006", "In-office pregnancy test is positive")
NEGATIVE = ("60001007", "In-office pregnancy test is negative")


def response(
    place: Place, code: str = "", words: str = "", day: str = "2026-04-01", **more
) -> dict:
    answer = {"system": "http://snomed.info/sct", "code": code, "display": words}
    test = [{"linkId": "2.2", "answer": [{"valueCoding": answer}]}] if code else []
    when = [{"linkId": "2.3", "answer": [{"valueDate": day}]}] if code else []
    consent = {
        "linkId": "7.2", "text": "I understand that I must not get pregnant",
        "answer": [{"valueBoolean": True}],
    }  # fmt: skip
    return {
        "resourceType": "QuestionnaireResponse",
        "questionnaire": IPLEDGE,
        "status": "completed",
        "subject": {"reference": f"Patient/{place.patient.public_id}"},
        "item": [
            {"linkId": "2", "item": [*test, *when]},
            {"linkId": "7", "item": [consent]},
        ],
        **more,
    }


def submit(place: Place, sent: dict, status: int = 201) -> str:
    answer = place.program.post(FORM, sent)
    assert answer.status_code == status, answer.data
    valid(json.loads(answer.data))
    return " ".join(item["diagnostics"] for item in json.loads(answer.data)["issue"])


def test_a_positive_answer_stops_at_once_and_waits_for_a_person(place: Place) -> None:
    said = submit(place, response(place, *POSITIVE))
    assert "held" in said
    [row] = db.session.scalars(select(ImportedResult))
    assert (row.disposition.value, row.urgent, row.patient_id) == ("held", True, place.patient.id)
    [card] = place.cards()
    assert "not pregnant" in card["summary"].lower()
    assert card["indicator"] == "critical"


def test_a_negative_answer_clears_nobody_until_a_person_has_confirmed_it(place: Place) -> None:
    before = db.session.scalars(select(Evidence)).all()
    submit(place, response(place, *NEGATIVE))
    [row] = db.session.scalars(select(ImportedResult))
    assert (row.disposition.value, row.urgent) == ("held", False)
    assert len(db.session.scalars(select(Evidence)).all()) == len(before)


def test_a_code_that_its_words_contradict_is_not_taken_for_negative(place: Place) -> None:
    submit(place, response(place, NEGATIVE[0], POSITIVE[1]))
    [row] = db.session.scalars(select(ImportedResult))
    assert (row.disposition.value, row.urgent) == ("held", True)


def test_what_is_not_read_is_listed_and_nothing_of_it_is_kept_as_a_fact(place: Place) -> None:
    said = submit(place, response(place))
    assert "linkId 7.2 was not read" in said
    assert db.session.scalars(select(ImportedResult)).all() == []


def test_a_free_answer_that_states_a_pregnancy_waits_for_a_person(place: Place) -> None:
    sent = response(place)
    sent["item"].append({"linkId": "10", "answer": [{"valueString": "I am pregnant"}]})
    submit(place, sent)
    [row] = db.session.scalars(select(ImportedResult))
    assert row.urgent


def test_the_answers_of_an_unknown_questionnaire_are_all_listed(place: Place) -> None:
    said = submit(place, response(place, *NEGATIVE, questionnaire="http://example.org/other"))
    assert "0 of them read" in said


def test_the_same_answers_again_change_nothing(place: Place) -> None:
    sent = response(place, *POSITIVE)
    submit(place, sent)
    assert "Received before" in submit(place, sent, 200)
    assert len(db.session.scalars(select(ImportedResult)).all()) == 1


def test_submit_is_the_same_and_another_resource_is_refused(place: Place) -> None:
    assert place.program.post(f"{FORM}/$submit", response(place, *POSITIVE)).status_code == 201
    assert place.program.post(FORM, {"resourceType": "Patient"}).status_code == 400
    broken = copy.deepcopy(response(place))
    broken["item"] = "\0"
    assert place.program.post(FORM, broken).status_code == 422


def test_an_id_of_another_clinic_names_nobody(app: Flask, place: Place) -> None:
    other = a_program(app, a_clinic("hillside"))
    other.post(FORM, response(place, *POSITIVE))
    [row] = db.session.scalars(select(ImportedResult))
    assert row.patient_id is None


def test_a_code_mapping_makes_no_laboratory_of_a_form(place: Place) -> None:
    with transaction() as session:
        session.add(
            CodeMapping(
                clinic_id=place.patient.clinic_id,
                sender="",
                code="2.2",
                target_code="2106-3",
                code_system="IPledgeRemsPatientEnrollment",
                mapped_by="Nia Nurse",
                mapped_at=NOW,
            )
        )
    said = submit(place, response(place, *NEGATIVE))
    assert "no laboratory reported it" in said
    [row] = db.session.scalars(select(ImportedResult))
    assert row.disposition.value == "held"
