"""A laboratory's own code means nothing until a person maps it; then what waited is read again."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.interop.formats import read_file
from compliance.models import AuditEvent, CodeMapping, Evidence, ImportedResult, Patient, Role
from compliance.models.intake import Disposition
from compliance.services import code_mapping, codes
from compliance.services.actors import Actor
from compliance.services.code_mapping import Outcome
from compliance.services.codes import LocalCode
from compliance.services.errors import Conflict, Invalid, NotFound
from tests.interop.messages import TG, obx, oru
from tests.services.test_intake import BORN, filed, said, take
from tests.world import NOW, a_clinic, a_patient, a_user

SIMHOSPITAL = Path(__file__).parents[1] / "samples/simhospital/messages_0001-0080.out"
LOCAL = "tt-0001-02^Triglyceride^WinPath"
LATER = NOW + dt.timedelta(hours=1)


@pytest.fixture
def nurse(app: Any) -> Actor:
    return a_user(a_clinic(), Role.NURSE)


@pytest.fixture
def patient(nurse: Actor) -> Patient:
    return a_patient(nurse, mrn="T-1", family_name="Okafor", birth_date=BORN)


def the_code(actor: Actor, code: str = "tt-0001-02") -> LocalCode:
    (found,) = [item for item in codes.local_codes(db.session(), actor) if item.code == code]
    return found


def map_to(actor: Actor, target: str, code: str = "tt-0001-02") -> Outcome:
    with transaction() as session:
        local = codes.local_code(session, actor, the_code(actor, code).example.public_id)
        return code_mapping.map_code(session, actor, local, target, read_file, LATER)


def standing() -> Sequence[str]:
    rows = db.session.scalars(select(ImportedResult).order_by(ImportedResult.id))
    return [row.disposition.value for row in rows]


def test_an_unmapped_code_is_listed_with_laboratory_units_and_an_example(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L"), obx("HB^Haemoglobin^WinPath", "13", "g/dL")))
    first, second = codes.local_codes(db.session(), nurse)
    assert (first.code, first.held, first.ignored) == ("tt-0001-02", 1, 0)
    assert (first.sender, first.units) == ("LIS / CITYLAB", ("mmol/L",))
    assert first.example.as_sent == "1.6 mmol/L"
    assert (second.code, second.held, second.ignored) == ("HB", 0, 1)


def test_what_the_units_and_the_words_fit_is_offered_first(nurse: Actor, patient: Patient) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    offered = codes.targets(the_code(nurse))
    assert [item.code for item in offered[:2]] == ["14927-8", "35217-9"]
    assert next(item for item in offered if item.code == "2571-8").fits is False


def test_mapping_files_what_waited_and_keeps_the_laboratorys_own_code(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    outcome = map_to(nurse, "14927-8")
    assert (outcome.filed, outcome.total) == (1, 1)
    (fact,) = filed(patient)
    assert (fact.value, fact.unit) == ("1.6", "mmol/L")
    row = db.session.scalars(select(Evidence).where(Evidence.kind == "lab")).one()
    assert row.extra["mapped_from"] == ["WinPath", "tt-0001-02"]
    mapping = db.session.scalars(select(CodeMapping)).one()
    assert (mapping.mapped_by, mapping.mapped_at) == (nurse.name, LATER)
    events = db.session.scalars(select(AuditEvent.action)).all()
    assert "code.mapped" in events


def test_a_mapping_that_the_unit_does_not_fit_files_nothing_and_says_why(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    outcome = map_to(nurse, "2571-8")
    assert outcome.filed == 0
    assert ["cannot carry mmol/L" in reason for reason in outcome.held] == [True]
    assert filed(patient) == []


def test_a_preview_changes_nothing(nurse: Actor, patient: Patient) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    with transaction() as session:
        outcome = code_mapping.try_mapping(
            session, nurse, the_code(nurse), "14927-8", read_file, LATER
        )
    assert outcome.filed == 1
    assert (standing(), filed(patient)) == (["held"], [])
    assert db.session.scalar(select(func.count(CodeMapping.id))) == 0


def test_the_next_message_is_filed_by_the_mapping_and_another_laboratorys_is_not(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L"), control="1"))
    map_to(nurse, "14927-8")
    day = "20260331083000-0400"
    assert said(take(nurse, oru(obx(LOCAL, "1.7", "mmol/L", at=day), control="2"))) == ["filed"]
    other = oru(obx(LOCAL, "1.8", "mmol/L", at=day), control="3").replace(b"CITYLAB", b"OTHER")
    assert said(take(nurse, other)) == ["held"]


def test_what_was_ignored_for_its_code_is_read_again_and_a_repeat_is_not(
    nurse: Actor, patient: Patient
) -> None:
    content = oru(obx("X-9^Neutral fat^WinPath", "1.6", "mmol/L"), control="1")
    assert said(take(nurse, content)) == ["ignored"]
    take(nurse, content + oru(obx(TG, "120"), control="2"))
    outcome = map_to(nurse, "14927-8", "X-9")
    assert outcome.total == 1
    assert standing() == ["filed", "ignored", "filed"]


def test_a_code_is_mapped_once_and_only_into_the_catalogue(nurse: Actor, patient: Patient) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    local = the_code(nurse)
    with pytest.raises(Invalid), transaction() as session:
        code_mapping.map_code(session, nurse, local, "718-7", read_file, LATER)
    map_to(nurse, "14927-8")
    with pytest.raises(Conflict), transaction() as session:
        code_mapping.map_code(session, nurse, local, "14927-8", read_file, LATER)


def test_taking_a_mapping_back_leaves_the_filed_and_asks_again_about_what_waits(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L"), control="1"))
    take(nurse, oru(obx(LOCAL, "160", "mmol/L", at="20260330083000-0400"), control="2"))
    map_to(nurse, "14927-8")
    mapping = db.session.scalars(select(CodeMapping)).one()
    assert code_mapping.filed_under(db.session(), nurse, mapping.id) == 1
    with transaction() as session:
        outcome = code_mapping.unmap(session, nurse, mapping.id, read_file, LATER)
    assert ["needs a code mapping" in reason for reason in outcome.held] == [True]
    assert len(filed(patient)) == 1
    assert the_code(nurse).held == 1


def test_another_clinics_mapping_is_out_of_reach(nurse: Actor, patient: Patient) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L")))
    map_to(nurse, "14927-8")
    mapping = db.session.scalars(select(CodeMapping)).one()
    stranger = a_user(a_clinic("hillside"), Role.NURSE)
    with pytest.raises(NotFound), transaction() as session:
        code_mapping.unmap(session, stranger, mapping.id, read_file, LATER)
    assert codes.local_codes(db.session(), stranger) == []


def test_a_word_that_says_pregnant_stays_held_whatever_its_code_is_mapped_to(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx("X-9^Neutral fat^WinPath", "patient is pregnant", "", kind="ST")))
    assert standing() == ["held"]
    map_to(nurse, "14927-8", "X-9")
    assert standing() == ["held"]


def test_a_hospitals_own_feed_is_filed_once_its_patient_is_known_and_its_code_mapped(
    nurse: Actor,
) -> None:
    """The sample marks itself as training (MSH-11 is T): as it came it needs a person's click."""
    content = SIMHOSPITAL.read_bytes()
    take(nurse, content.replace(b"|T|2.3|", b"|P|2.3|"))
    seen = the_code(nurse)
    first = seen.example.message
    authority, value, _kind = first.patient_identifiers[0]
    given, family = first.patient_name.rsplit(" ", 1)
    born = dt.datetime.strptime(first.patient_born[:8], "%Y%m%d").date()  # noqa: DTZ007
    someone = a_patient(
        nurse,
        given_name=given,
        family_name=family,
        birth_date=born,
        enrolled_on=None,
        identifiers=((authority, value),),
    )
    outcome = map_to(nurse, "14927-8")
    assert outcome.filed > 0
    assert len(filed(someone)) == outcome.filed


def test_a_feed_marked_as_training_stays_held_after_mapping_with_a_fact_to_file(
    nurse: Actor, patient: Patient
) -> None:
    take(nurse, oru(obx(LOCAL, "1.6", "mmol/L"), processing="T"))
    outcome = map_to(nurse, "14927-8")
    assert ["test or debugging" in reason for reason in outcome.held] == [True]
    row = db.session.scalars(select(ImportedResult)).one()
    assert row.proposed_fact is not None
    assert (row.patient_id, row.disposition) == (patient.id, Disposition.HELD)
