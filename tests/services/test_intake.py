"""Results come in through one door: matched, filed or held, accounted for, and never twice."""

from __future__ import annotations

import dataclasses
import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from compliance.db import db, transaction
from compliance.interop.hl7v2 import read_file
from compliance.models import (
    AuditEvent,
    Clinic,
    CodeMapping,
    Evidence,
    ImportedFile,
    ImportedResult,
    Patient,
    PatientIdentifier,
    Role,
    StoredAssessment,
)
from compliance.models.intake import Disposition
from compliance.rules.facts import Lab, PregnancyTest
from compliance.rules.terms import Analyte, Potential, PotentialReason, TestResult
from compliance.services import held
from compliance.services.actors import Actor, system
from compliance.services.errors import Conflict, Invalid, NotPermitted
from compliance.services.evidence import known_evidence
from compliance.services.held import Decision
from compliance.services.intake import Account, receive
from tests.interop.messages import ALT, HCG, STATUS, TG, URINE_HCG, obx, oru
from tests.world import NOW, a_clinic, a_patient, a_user

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(file for file in SAMPLES.rglob("*") if file.suffix in (".hl7", ".out"))
BORN = dt.date(1998, 4, 2)


@dataclasses.dataclass
class Place:
    """A clinic, somebody who works there, and one patient."""

    nurse: Actor
    patient: Patient


@pytest.fixture
def place(app: Any) -> Place:
    nurse = a_user(a_clinic(), Role.NURSE)
    return Place(nurse, a_patient(nurse, mrn="T-1", family_name="Okafor", birth_date=BORN))


def take(
    actor: Actor, content: bytes, name: str = "results.hl7", now: dt.datetime = NOW
) -> Account:
    with transaction() as session:
        clinic = session.get(Clinic, actor.clinic_id)
        return receive(session, actor, clinic, name, content, read_file(content), now)


def filed(patient: Patient) -> list[Any]:
    rows = known_evidence(db.session(), db.session.get(Patient, patient.id))
    return [row.fact for row in rows if row.kind in ("lab", "pregnancy_test")]


def said(account: Account) -> list[str]:
    return [line.disposition for line in account.results]


def result(disposition: Disposition = Disposition.HELD) -> ImportedResult:
    query = select(ImportedResult).where(ImportedResult.disposition == disposition)
    found: ImportedResult = db.session.scalars(query).one()
    return found


def test_a_result_of_a_known_patient_is_filed_and_judged_at_once(place: Place) -> None:
    before = db.session.scalar(select(func.count(AuditEvent.sequence)))
    account = take(place.nurse, oru(obx(TG, "120"), obx(ALT, "22", "U/L")))
    assert said(account) == ["filed", "filed"]
    assert {fact.analyte for fact in filed(place.patient)} == {Analyte.TG, Analyte.ALT}
    assert db.session.scalar(select(func.count(AuditEvent.sequence))) >= before + 3
    assessed = db.session.scalar(select(StoredAssessment.assessed_at))
    assert assessed == NOW


def test_what_the_laboratory_wrote_is_kept_beside_what_was_made_of_it(place: Place) -> None:
    content = oru(obx(TG, "120,0", "mg/dl", span="<150"))
    take(place.nurse, content)
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "lab")).one()
    assert row.extra["as_sent"] == "120,0 mg/dl (<150)"
    assert row.extra["laboratory"] == "LIS / CITYLAB"
    assert db.session.scalars(select(ImportedFile.content)).one() == content


def test_the_same_bytes_again_change_nothing(place: Place) -> None:
    content = oru(obx())
    first, again = take(place.nurse, content), take(place.nurse, content, "another name.hl7")
    assert (first.is_repeat, again.is_repeat) == (False, True)
    assert again.file == "another name.hl7"
    assert dataclasses.replace(again, file=first.file, is_repeat=False) == first
    assert len(filed(place.patient)) == 1
    assert db.session.scalar(select(func.count(ImportedFile.id))) == 1


def test_the_same_message_in_another_file_is_not_filed_again(place: Place) -> None:
    content = oru(obx())
    take(place.nurse, content)
    again = take(place.nurse, content + oru(obx(ALT, "22", "U/L"), control="2"))
    assert said(again) == ["ignored", "filed"]
    assert len(filed(place.patient)) == 2


def test_the_same_result_in_another_message_is_not_filed_again(place: Place) -> None:
    take(place.nurse, oru(obx(), control="1"))
    again = take(place.nurse, oru(obx(), control="2"))
    assert said(again) == ["ignored"]
    assert "filed already" in again.results[0].reason


def test_another_value_of_the_same_test_is_held(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    again = take(place.nurse, oru(obx(TG, "520"), control="2"))
    assert said(again) == ["held"]
    assert "contradicts" in again.results[0].reason


def test_a_correction_supersedes_what_it_corrects(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "120"), control="1"))
    take(place.nurse, oru(obx(TG, "520", status="C"), control="2"))
    take(place.nurse, oru(obx(TG, "530", status="C"), control="3"))
    (fact,) = filed(place.patient)
    assert fact.value == "530"
    assert db.session.scalar(select(func.count(Evidence.id)).where(Evidence.kind == "lab")) == 3


def test_a_positive_test_is_never_replaced_by_a_negative_one_without_a_person(place: Place) -> None:
    take(place.nurse, oru(obx(URINE_HCG, "Positive", "", kind="ST"), control="1"))
    for number, status in enumerate(("F", "C"), 2):
        again = take(
            place.nurse,
            oru(obx(URINE_HCG, "Negative", "", kind="ST", status=status), control=str(number)),
        )
        assert said(again) == ["held"]
    (fact,) = filed(place.patient)
    assert fact.result is TestResult.POSITIVE


def test_a_positive_test_is_filed_beside_a_negative_one(place: Place) -> None:
    take(place.nurse, oru(obx(URINE_HCG, "Negative", "", kind="ST"), control="1"))
    again = take(place.nurse, oru(obx(URINE_HCG, "Positive", "", kind="ST"), control="2"))
    assert said(again) == ["filed"]
    assert {fact.result for fact in filed(place.patient)} == {
        TestResult.NEGATIVE,
        TestResult.POSITIVE,
    }


def test_quantitative_hcg_is_filed_as_a_test_with_its_number_beside_it(place: Place) -> None:
    take(place.nurse, oru(obx(HCG, "45000", "IU/L")))
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "pregnancy_test")).one()
    assert row.fact.result is TestResult.POSITIVE
    assert (row.extra["value"], row.extra["unit"]) == ("45000", "[IU]/L")


def test_hcg_of_a_patient_who_cannot_become_pregnant_is_held(place: Place) -> None:
    a_patient(place.nurse, mrn="M-1", family_name="Okafor", birth_date=BORN,
              potential=Potential.NO, reason=PotentialReason.ASSIGNED_MALE)  # fmt: skip
    numbers = "M-1^^^RIVERSIDE^MR"
    account = take(place.nurse, oru(obx(URINE_HCG, "Negative", "", kind="ST"), numbers=numbers))
    assert said(account) == ["held"]
    assert "tumour marker" in account.results[0].reason


@pytest.mark.parametrize(
    ("header", "disposition"),
    [
        ({"numbers": "T-1^^^RIVERSIDE^MR"}, "filed"),
        ({"numbers": "T-1^^^riverside dermatology^MR"}, "filed"),
        ({"numbers": "T-1^^^RIVERSIDE^MR", "born": ""}, "filed"),
        ({"numbers": "T-1^^^RIVERSIDE^MR", "born": "19980403"}, "held"),
        ({"numbers": "T-1^^^RIVERSIDE^MR", "born": "", "name": "Other^Amara"}, "held"),
        ({"numbers": "T-1^^^RIVERSIDE^MR", "name": "Married^Amara"}, "filed"),
        ({"numbers": "T-1^^^RIVERSIDE^MR", "name": "Other^Person"}, "held"),
        ({"numbers": "T-1^^^HOSP^MR"}, "filed"),
        ({"numbers": "T-1"}, "filed"),
        ({"numbers": "T-1^^^HOSP^MR", "born": ""}, "held"),
        ({"numbers": "T-1^^^HOSP^MR", "name": "Other^Amara"}, "held"),
        ({"numbers": "T-1^^^HOSP^SS"}, "held"),
        ({"numbers": "T-9^^^RIVERSIDE^MR"}, "held"),
        ({"numbers": ""}, "held"),
        ({"numbers": "77^^^CITYLAB^PI"}, "filed"),
        ({"numbers": "77^^^&1.2.3&ISO^PI"}, "held"),
        ({"numbers": "77^^^OTHERLAB^PI"}, "held"),
        ({"numbers": "77^^^CITYLAB^PI~T-2^^^RIVERSIDE^MR"}, "held"),
    ],
)
def test_a_patient_is_known_by_a_number_and_who_assigned_it(place, header, disposition) -> None:
    other = a_patient(place.nurse, mrn="T-2", family_name="Somebody")
    with transaction() as session:
        session.add(
            PatientIdentifier(clinic_id=place.nurse.clinic_id, patient_id=place.patient.id,
                              authority="CityLab", value="77", recorded_at=NOW)
        )  # fmt: skip
    account = take(place.nurse, oru(obx(), **header))
    assert said(account) == [disposition], account.results[0].reason
    assert filed(other) == []


def test_a_name_and_a_birth_date_only_suggest(place: Place) -> None:
    take(place.nurse, oru(obx(), numbers="X-1^^^HOSP^PI"))
    row = result()
    assert row.patient is None
    assert row.suggested_patient.mrn == "T-1"
    assert row.waits_for_patient


def test_another_clinics_patient_is_unknown_here(place: Place) -> None:
    elsewhere = a_user(a_clinic("hillside", name="Hillside"), Role.NURSE)
    account = take(elsewhere, oru(obx()))
    assert said(account) == ["held"]
    assert result().suggested_patient is None


def test_staff_of_another_clinic_cannot_bring_results_in(place: Place) -> None:
    elsewhere = a_user(a_clinic("hillside", name="Hillside"), Role.NURSE)
    with pytest.raises(NotPermitted), transaction() as session:
        here = session.get(Clinic, place.nurse.clinic_id)
        receive(session, elsewhere, here, "x.hl7", b"", read_file(b""), NOW)


def test_results_of_two_patients_in_one_message_go_to_each(place: Place) -> None:
    other = a_patient(place.nurse, mrn="T-2", family_name="Somebody", birth_date=BORN)
    content = oru(obx(TG, "120"), "PID|2||T-2^^^RIVERSIDE^MR||Somebody^Amara||19980402",
                  "OBR|1||G|1^x^L", obx(TG, "300"))  # fmt: skip
    assert said(take(place.nurse, content)) == ["filed", "filed"]
    assert [fact.value for fact in filed(place.patient)] == ["120"]
    assert [fact.value for fact in filed(other)] == ["300"]


def test_a_local_code_that_was_mapped_is_filed(place: Place) -> None:
    local = obx("TRG^Triglyceride^CITY", "120")
    assert said(take(place.nurse, oru(local, control="1"))) == ["held"]
    with transaction() as session:
        session.add(
            CodeMapping(clinic_id=place.nurse.clinic_id, sender="LIS / CITYLAB", code_system="CITY",
                        code="TRG", target_code="2571-8", mapped_by="Nia", mapped_at=NOW)
        )  # fmt: skip
    assert said(take(place.nurse, oru(local, control="2"))) == ["filed"]


def test_a_result_from_before_the_patient_was_born_is_held(place: Place) -> None:
    account = take(place.nurse, oru(obx(at="19970101")))
    assert "before the patient was born" in account.results[0].reason


def test_the_database_refuses_an_account_that_does_not_add_up(place: Place) -> None:
    take(place.nurse, oru(obx()))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(update(ImportedFile).values(filed=7))


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}/{file.name}")
def test_every_real_file_has_an_account_that_adds_up(place: Place, file: Path) -> None:
    content = file.read_bytes()
    parsed = read_file(content)
    account = take(system_at(place), content, file.name)
    assert account.received == account.filed + account.held + account.rejected + account.ignored
    assert account.received == len(account.results) == sum(len(m.results) for m in parsed.messages)
    assert account.filed == 0
    assert all(line.reason for line in account.results)
    assert account.results or account.error or parsed.messages
    assert take(system_at(place), content).is_repeat


def system_at(place: Place) -> Actor:
    return dataclasses.replace(system("tests"), clinic_id=place.nurse.clinic_id)


@settings(max_examples=60, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_mutated_message_gets_an_account_and_clears_nobody(place: Place, data: Any) -> None:
    seeds = [file.read_bytes()[:4000] for file in FILES] + [
        oru(obx(), obx(URINE_HCG, "Positive", "", kind="ST"), obx(STATUS, "Y", "", kind="ST"))
    ]
    content = data.draw(st.sampled_from(seeds))
    for _ in range(data.draw(st.integers(0, 8))):
        at = data.draw(st.integers(0, len(content)))
        put = data.draw(
            st.binary(max_size=6)
            | st.sampled_from([b"\r", b"|", b"^", b"~", b"\\", b"&", b'""', b"PID|", b"F", b"\x00"])
        )
        content = content[:at] + put + content[at + data.draw(st.integers(0, 20)) :]
    account = take(place.nurse, content)
    assert account.received == account.filed + account.held + account.rejected + account.ignored
    assert account.received == len(account.results)
    negative = [
        fact
        for fact in filed(place.patient)
        if isinstance(fact, PregnancyTest) and fact.result is TestResult.NEGATIVE
    ]
    assert negative == []


@pytest.mark.parametrize("status", ["F", "C", "P", "X", "W", ""])
@pytest.mark.parametrize("numbers", ["T-1^^^RIVERSIDE^MR", "nobody^^^X^MR"])
@pytest.mark.parametrize("kind", ["ORU^R01", "ADT^A01", "ORM^O01"])
def test_a_pregnancy_never_vanishes(place: Place, status: str, numbers: str, kind: str) -> None:
    content = oru(
        obx(STATUS, "77386006^Pregnant^SCT", "", kind="CWE", status=status),
        "NTE|1||pt is pregnant",
        numbers=numbers, kind=kind,
    )  # fmt: skip
    account = take(place.nurse, content)
    assert said(account) == ["held", "held"]
    waiting = held.held_results(db.session(), place.nurse)
    assert all(row.urgent for row in waiting)


def test_what_may_announce_a_pregnancy_stands_first_in_the_queue(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "5.6"), obx(STATUS, "Y^Yes^HL70136", "", kind="CWE")))
    first, second = held.held_results(db.session(), place.nurse)
    assert (first.code, second.code) == ("82810-3", "2571-8")
    assert held.count_held(db.session(), place.nurse) == 2


def decide(place: Place, decision: Decision, **how: Any) -> None:
    with transaction() as session:
        query = select(ImportedResult).where(ImportedResult.disposition == Disposition.HELD)
        row = session.scalars(query).one()
        held.resolve_held(session, place.nurse, row, decision, NOW, **how)


def test_a_person_files_a_held_result_and_the_account_still_adds_up(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "1200")))
    decide(place, Decision.FILE, patient=place.patient, reason="Dr Lab confirmed.")
    (fact,) = filed(place.patient)
    assert fact.value == "1200"
    file = db.session.scalars(select(ImportedFile)).one()
    assert (file.received, file.filed, file.held) == (1, 1, 0)
    row = result(Disposition.FILED)
    assert "unusual" in row.reason
    assert (row.resolved_by, row.resolved_at) == ("Nia Nurse", NOW)
    assert "Dr Lab confirmed." in row.resolution


def test_a_person_files_what_the_laboratory_said_instead(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "5.6")))
    with pytest.raises(Invalid):
        decide(place, Decision.FILE, patient=place.patient)
    read = Lab(collected=dt.date(2026, 4, 1), analyte=Analyte.TG, value="5.6", unit="mmol/L")
    decide(place, Decision.FILE, patient=place.patient, fact=read)
    assert filed(place.patient)[0].unit == "mmol/L"


def test_a_person_dismisses_with_a_reason_only(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "5.6")))
    with pytest.raises(Invalid):
        decide(place, Decision.DISMISS, reason="  ")
    decide(place, Decision.DISMISS, reason="The laboratory withdrew it.")
    assert result(Disposition.REJECTED).resolution == "Dismissed. The laboratory withdrew it."
    assert filed(place.patient) == []
    actions = db.session.scalars(select(AuditEvent.action)).all()
    assert "result.resolved" in actions


def test_what_was_decided_cannot_be_decided_again(place: Place) -> None:
    take(place.nurse, oru(obx(TG, "5.6")))
    decide(place, Decision.DISMISS, reason="Gone.")
    with pytest.raises(Conflict), transaction() as session:
        row = session.scalars(select(ImportedResult)).one()
        held.resolve_held(session, place.nurse, row, Decision.DISMISS, NOW, reason="Again.")


def test_a_result_is_never_filed_to_another_clinics_patient(place: Place) -> None:
    elsewhere = a_user(a_clinic("hillside", name="Hillside"), Role.NURSE)
    stranger = a_patient(elsewhere)
    take(place.nurse, oru(obx(TG, "1200")))
    with pytest.raises(Invalid):
        decide(place, Decision.FILE, patient=stranger)


def test_saying_whose_message_it_is_files_it_and_remembers_the_number(place: Place) -> None:
    content = oru(obx(TG, "120"), obx(TG, "", status="F"), numbers="X-1^^^HOSP^PI")
    assert said(take(place.nurse, content)) == ["held", "held"]
    with transaction() as session:
        row = next(
            item for item in held.held_results(session, place.nurse) if item.waits_for_patient
        )
        patient = session.get(Patient, place.patient.id)
        assert held.identify(session, place.nurse, row.message, patient, NOW, remember=True) == 1
    assert len(filed(place.patient)) == 1
    assert said(take(place.nurse, oru(obx(ALT, "22", "U/L"), numbers="X-1^^^HOSP^PI"))) == ["filed"]
