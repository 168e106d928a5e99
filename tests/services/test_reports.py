"""Monthly reports: the same for the same cut-off, kept for good, never with a name in them."""

from __future__ import annotations

import datetime as dt
import hashlib
import io
import re
from decimal import Decimal

import pypdf
import pytest

from compliance.db import db, transaction
from compliance.models import (
    AuditEvent,
    Clinic,
    EditionAdoption,
    Evidence,
    ImportedFile,
    ImportedMessage,
    ImportedResult,
    Patient,
    Role,
    Setting,
)
from compliance.models.intake import Disposition
from compliance.pdf.monthly import print_monthly
from compliance.pdf.style import Paper
from compliance.services import evidence, recording, reports
from compliance.services.errors import Invalid, NotFound, NotPermitted
from compliance.services.report_content import Month
from compliance.services.reports import make_monthly_report, monthly_content
from tests.services.histories import course, day, fact, without
from tests.world import a_clinic, a_patient, a_user

pytestmark = pytest.mark.usefixtures("app")

FEB, MAR = Month(2026, 2), Month(2026, 3)
ENROLLED = dt.datetime(2026, 1, 5, 15, tzinfo=dt.UTC)
CUT_OFF = dt.datetime(2026, 4, 2, 15, tzinfo=dt.UTC)
OWN = {"enrolment", "pregnancy_potential"}  # recorded when the patient is enrolled


def printer(content, paper):
    return print_monthly(content, Paper(paper))


def treated(actor, facts, **changes) -> str:
    """A patient with these facts, each recorded at noon of its day; returns the record number."""
    patient = a_patient(actor, ENROLLED, enrolled_on=dt.date(2026, 1, 5), **changes)
    with transaction() as session:
        patient = session.get(Patient, patient.id)
        for each in facts:
            if each.kind not in OWN:
                at = dt.datetime.combine(each.day, dt.time(17), dt.UTC)
                evidence.append(session, actor, patient, each, at)
        return patient.mrn


def make(actor, month=MAR, now=CUT_OFF, known_at=None):
    with transaction() as session:
        clinic = session.get(Clinic, actor.clinic_id)
        row = make_monthly_report(
            session, actor, clinic, month, now, printer=printer, known_at=known_at
        )
        return row.public_id, row.sha256, row.content


def content(actor, month=MAR, known_at=CUT_OFF):
    clinic = db.session.get(Clinic, actor.clinic_id)
    return monthly_content(db.session(), clinic, month, known_at)


def read(pdf: bytes) -> str:
    pages = pypdf.PdfReader(io.BytesIO(pdf)).pages
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in pages))


@pytest.fixture
def prescriber(app):
    return a_user(a_clinic(), Role.PRESCRIBER, "Dr Rosa Ramos")


def test_a_report_is_kept_with_the_hash_of_its_bytes(prescriber):
    treated(prescriber, course())
    public_id, sha256, pdf = make(prescriber)
    row = reports.get_report(db.session(), prescriber, public_id)
    assert row.content == pdf
    assert row.sha256 == sha256 == hashlib.sha256(pdf).hexdigest()
    assert row.pages == len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert [each.public_id for each in reports.reports_of(db.session(), row_clinic(row))] == [
        public_id
    ]


def row_clinic(row):
    return db.session.get(Clinic, row.clinic_id)


def test_the_same_cut_off_gives_the_same_report_and_not_a_second_one(prescriber):
    treated(prescriber, course())
    first = make(prescriber)
    again = make(prescriber, now=CUT_OFF + dt.timedelta(days=3), known_at=CUT_OFF)
    assert first == again


def test_the_same_data_and_cut_off_give_the_same_bytes_when_composed_again(prescriber):
    treated(prescriber, course())
    _, _, pdf = make(prescriber)
    clinic = db.session.get(Clinic, prescriber.clinic_id)
    assert printer(content(prescriber), clinic.paper).content == pdf


def test_what_is_recorded_after_the_cut_off_changes_nothing(prescriber):
    treated(prescriber, without(course(), "pregnancy_test", day(30)))
    before = content(prescriber)
    with transaction() as session:
        patient = session.query(Patient).one()
        test = fact("pregnancy_test", collected=day(30), result="negative", setting="medical")
        recording.record_evidence(
            session, prescriber, patient, test, CUT_OFF + dt.timedelta(minutes=1)
        )
    assert content(prescriber) == before
    later = content(prescriber, known_at=CUT_OFF + dt.timedelta(days=1))
    by_number = {each.number: each for each in later.indicators}
    assert (by_number[8].numerator, by_number[8].denominator) == (1, 1)
    assert before.indicators != later.indicators


def test_a_test_withdrawn_after_the_cut_off_still_counts_at_it(prescriber):
    treated(prescriber, course())
    before = content(prescriber)
    with transaction() as session:
        patient = session.query(Patient).one()
        rows = evidence.known_evidence(session, patient)
        wrong = next(
            row for row in rows if row.kind == "pregnancy_test" and row.happened_on == day(30)
        )
        moment = CUT_OFF + dt.timedelta(hours=1)
        recording.withdraw_evidence(
            session, prescriber, patient, wrong, "Another patient's", moment
        )
    assert content(prescriber) == before
    later = content(prescriber, known_at=CUT_OFF + dt.timedelta(days=1))
    assert any("test" in row.reason for row in later.exceptions)


def test_no_name_of_a_patient_is_in_a_report(prescriber):
    facts = without(course(), "pregnancy_test")
    mrn = treated(prescriber, facts, given_name="Wilhelmina", family_name="Żółkiewska")
    _, _, pdf = make(prescriber)
    text = read(pdf)
    assert mrn in text
    assert "Wilhelmina" not in text
    assert "kiewska" not in text
    assert b"Wilhelmina" not in pdf


def test_another_clinics_patients_are_not_counted(prescriber):
    treated(prescriber, course())
    other = a_user(a_clinic("hilltop", name="Hilltop"), Role.PRESCRIBER)
    treated(other, course())
    found = {each.number: each for each in content(prescriber).indicators}
    assert found[0].denominator == 1


def test_an_override_is_listed_with_who_when_and_why(prescriber):
    treated(prescriber, [])
    with transaction() as session:
        patient = session.query(Patient).one()
        recording.prescribe(
            session,
            prescriber,
            patient,
            dt.datetime(2026, 3, 10, 18, tzinfo=dt.UTC),
            days_supply=30,
            refills=0,
            daily_dose_mg=Decimal(40),
            override_reason="The portal shows the patient as qualified.",
        )
    found = content(prescriber)
    (row,) = found.overrides
    assert row.by == "Dr Rosa Ramos"
    assert row.reason == "The portal shows the patient as qualified."
    assert "Screening test" in row.requirements
    account = next(each for each in found.accounts if each.title.startswith("Prescriptions"))
    assert dict(account.parts)["Not met, issued by an override with its reason"] == 1
    text = read(make(prescriber)[2])
    assert "The portal shows the patient as qualified." in text


def test_every_account_balances(prescriber):
    treated(prescriber, course())
    treated(prescriber, [*course(1), fact("last_dose", on=dt.date(2026, 3, 7))])
    for month in (FEB, MAR):
        found = content(prescriber, month)
        assert all(account.balances for account in found.accounts)
    courses = next(each for each in found.accounts if each.title == "Courses of treatment")
    assert courses.parts == (
        ("On treatment when the month began", 2),
        ("Begun in the month", 0),
        ("Ended in the month", -1),
    )
    assert courses.whole[1] == 1


def test_a_positive_test_stands_among_the_events_until_somebody_closes_it(prescriber):
    positive = fact("pregnancy_test", collected=day(32), result="positive", setting="medical")
    treated(prescriber, [*course(), positive])
    (event,) = content(prescriber).events
    assert event.event == "Positive urine pregnancy test"
    assert event.followed == "Open: 0 of 5 steps of the stop protocol done"
    with transaction() as session:
        patient = session.query(Patient).one()
        closed = fact("pregnancy_excluded", on=day(34), by="Dr Ramos", reason="Serum negative")
        at = dt.datetime.combine(day(34), dt.time(17), dt.UTC)
        evidence.append(session, prescriber, patient, closed, at)
    (event,) = content(prescriber).events
    assert event.followed == "Closed on 11 Mar 2026 by Dr Ramos: Serum negative"


def test_an_event_says_how_far_its_stop_protocol_is_or_what_resolved_it(prescriber):
    unclear = fact("pregnancy_test", collected=day(32), result="indeterminate", setting="medical")
    treated(prescriber, [*course(), unclear])
    (event,) = content(prescriber).events
    assert event.followed == "Open: 0 of 3 steps of the stop protocol done"
    with transaction() as session:
        patient = session.query(Patient).one()
        cause = str(session.query(Evidence).filter_by(kind="pregnancy_test").all()[-1].id)
        at = dt.datetime.combine(day(33), dt.time(17), dt.UTC)
        held = fact("protocol_step", on=day(33), step="hold", cause=cause, by="Dr Ramos")
        evidence.append(session, prescriber, patient, held, at)
    (event,) = content(prescriber).events
    assert event.followed == "Open: 1 of 3 steps of the stop protocol done"
    with transaction() as session:
        patient = session.query(Patient).one()
        repeat = fact("pregnancy_test", collected=day(34), result="negative", setting="medical")
        evidence.append(session, prescriber, patient, repeat, at + dt.timedelta(days=1))
    (event,) = content(prescriber).events
    assert event.followed == "Resolved by a later negative test"


def test_a_pregnancy_stands_among_the_events_and_first_in_what_needs_attention(prescriber):
    treated(prescriber, [*course(), fact("pregnancy", on=day(40))])
    found = content(prescriber)
    assert [row.event for row in found.events] == ["Pregnancy recorded"]
    assert found.attention[0].title == "Pregnancies recorded: 1"


def test_both_editions_are_named_in_the_month_in_which_one_followed_the_other(prescriber):
    with transaction() as session:
        session.add(
            EditionAdoption(
                clinic_id=prescriber.clinic_id,
                programme="us-ipledge",
                edition="2026",
                adopted_on=dt.date(2026, 3, 16),
                source="A letter",
                attested_by_id=prescriber.user_id,
                recorded_at=ENROLLED,
            )
        )
    rows = [(row.edition, row.in_force) for row in content(prescriber).editions]
    assert rows == [
        ("2023-discretion", "Until 15 Mar 2026"),
        ("2026", "From 16 Mar 2026"),
    ]


def test_a_stop_symptom_stands_among_the_events_with_the_last_dose_that_followed(prescriber):
    symptom = fact("symptom", on=day(33), name="abdominal-pain")
    harmless = fact("symptom", on=day(33), name="dry-lips")
    treated(prescriber, [*course(), symptom, harmless, fact("last_dose", on=day(34))])
    (event,) = content(prescriber).events
    assert event.event.startswith("Abdominal pain: ")
    assert "pancreatitis" in event.event
    assert event.followed == "Last dose on 11 Mar 2026"


def test_what_needs_attention_names_the_first_patients_and_counts_the_rest(prescriber):
    for _ in range(6):
        treated(prescriber, without(course(2), "pregnancy_test", day(30)))
    first = content(prescriber).attention[0]
    assert first.title == "Prescriptions without a valid monthly test: 6 of 6"
    assert re.fullmatch(r"Local numbers (T-\d+, ){3}T-\d+ and 2 more\.", first.detail)


def a_result(session, clinic_id, received_at, **changes):
    """One imported result in a file of its own."""
    file = ImportedFile(
        clinic_id=clinic_id,
        name="results.hl7",
        format="hl7v2",
        sha256=hashlib.sha256(repr(changes).encode()).hexdigest(),
        content=b"",
        received_at=received_at,
        received_by="Nia Nurse",
        received=1,
        held=1,
    )
    message = ImportedMessage(
        clinic_id=clinic_id, position=1, message_type="ORU^R01", control_id="1",
        sha256="", patient_identifiers=[],
    )  # fmt: skip
    values = {
        "clinic_id": clinic_id, "position": 1, "code_system": "http://loinc.org",
        "code": "2571-8", "analyte": "TG", "value": "96", "unit": "mg/dL", "status": "final",
        "collected": "20260310", "disposition": Disposition.HELD, "reason": "Held for Amara Okafor",
        **changes,
    }  # fmt: skip
    message.results.append(ImportedResult(**values))
    file.messages.append(message)
    session.add(file)


def test_a_result_resolved_after_the_cut_off_was_still_held_at_it(prescriber):
    received_at = dt.datetime(2026, 3, 10, 15, tzinfo=dt.UTC)
    later = CUT_OFF + dt.timedelta(hours=2)
    with transaction() as session:
        here = prescriber.clinic_id
        a_result(session, here, received_at, disposition=Disposition.FILED, resolved_at=later)
    found = content(prescriber)
    results = next(each for each in found.accounts if each.title.startswith("Laboratory"))
    assert dict(results.parts)["Held for a person"] == 1
    assert results.balances
    quality = next(each for each in found.indicators if each.number == 25)
    assert [case.reason for case in quality.cases] == ["Held."]
    assert "Okafor" not in repr(found)
    now_known = content(prescriber, known_at=later)
    results = next(each for each in now_known.accounts if each.title.startswith("Laboratory"))
    assert dict(results.parts)["Filed"] == 1


def test_demonstration_data_is_called_so(prescriber):
    with transaction() as session:
        session.add(Setting(name="demonstration", value=True))
    assert content(prescriber).demonstration


def test_a_running_month_and_a_cut_off_ahead_are_refused(prescriber):
    with pytest.raises(Invalid, match="has not ended"):
        make(prescriber, Month(2026, 4))
    with pytest.raises(Invalid, match="lies in the future"):
        make(prescriber, known_at=CUT_OFF + dt.timedelta(days=1))


def test_the_month_ends_at_the_clinics_midnight(prescriber):
    midnight = dt.datetime(2026, 4, 1, 4, 0, tzinfo=dt.UTC)
    with pytest.raises(Invalid, match="has not ended"):
        make(prescriber, now=midnight - dt.timedelta(seconds=1))
    assert make(prescriber, now=midnight)


def test_a_nurse_makes_no_reports_and_nobody_those_of_another_clinic(prescriber):
    nurse = a_user(prescriber.clinic_id, Role.NURSE)
    with pytest.raises(NotPermitted):
        make(nurse)
    public_id, _, _ = make(prescriber)
    stranger = a_user(a_clinic("hilltop"), Role.MANAGER)
    with pytest.raises(NotFound):
        reports.get_report(db.session(), stranger, public_id)


def test_making_a_report_is_in_the_audit_trail_with_both_hashes(prescriber):
    _, sha256, _ = make(prescriber)
    event = db.session.query(AuditEvent).filter_by(action="report.made").one()
    assert event.detail["sha256"] == sha256
    assert event.detail["content_hash"] == content(prescriber).content_hash


def test_the_schedule_asks_for_the_month_that_no_report_covers_yet(prescriber):
    clinic = db.session.get(Clinic, prescriber.clinic_id)
    assert reports.missing_months(db.session(), CUT_OFF) == [(clinic, MAR)]
    make(prescriber)
    assert reports.missing_months(db.session(), CUT_OFF) == []
