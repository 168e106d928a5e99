"""Patients from a spreadsheet: tried, decided, loaded as one, taken back as one."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from compliance.db import db, transaction
from compliance.models import Evidence, OnboardingBatch, Patient, Role
from compliance.models.onboarding import BatchState, RowOutcome
from compliance.rules.facts import Visit
from compliance.rules.terms import Sex
from compliance.services import onboarding as services
from compliance.services import recording
from compliance.services.errors import Conflict, Invalid, NotFound
from compliance.services.onboarding import account_of
from compliance.services.onboarding_rows import Decision, questions
from compliance.services.onboarding_values import DateForm
from tests.services.onboarding_sheets import HEADINGS, a_csv
from tests.world import NOW, a_clinic, a_patient, a_user, email_of

LATER = NOW + dt.timedelta(minutes=5)
ANN = ["N-1", "Ann", "Lee", "1999-12-31"]
BO = ["N-2", "Bo", "Ng", "2001-02-03"]


@pytest.fixture
def ada(app):
    return a_user(a_clinic(), Role.ADMINISTRATOR, "Ada Admin")


def tried(actor, *rows, headings=None, dates=None) -> str:
    """A file uploaded and tried with the columns that its headings suggest."""
    with transaction() as session:
        batch = services.upload(session, actor, "ours.csv", a_csv(*rows, headings=headings), NOW)
        fields = batch.columns["fields"]
        services.set_columns(session, actor, batch, fields, dates or {}, NOW)
        return batch.public_id


def batch_of(actor, public_id: str) -> OnboardingBatch:
    db.session.rollback()
    return services.get_batch(db.session, actor, public_id)


def outcomes(actor, public_id: str) -> list[str]:
    return [row.outcome.value for row in batch_of(actor, public_id).rows]


def reasons(actor, public_id: str) -> str:
    return " ".join(row.reason for row in batch_of(actor, public_id).rows)


def decide(actor, public_id: str, decisions: dict[int, Decision | None]) -> None:
    with transaction() as session:
        batch = services.get_batch(session, actor, public_id)
        services.decide(session, actor, batch, decisions, NOW)


def load(actor, public_id: str, **how) -> int:
    with transaction() as session:
        batch = services.get_batch(session, actor, public_id, lock=True)
        return services.load(session, actor, batch, NOW, **how)


def undo(actor, public_id: str, reason: str = "The wrong file.") -> int:
    with transaction() as session:
        batch = services.get_batch(session, actor, public_id, lock=True)
        return services.undo(session, actor, batch, reason, LATER)


def count(model) -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(model))


def test_a_dry_run_writes_no_patient(ada):
    file = tried(ada, ANN, BO)
    assert outcomes(ada, file) == ["new", "new"]
    assert count(Patient) == 0
    assert count(Evidence) == 0


def test_new_rows_become_patients_with_everything_that_the_row_has(ada):
    doctor = a_user(ada.clinic_id, Role.PRESCRIBER, "Dr Pia Ramos")
    headings = [*HEADINGS, "Sex", "Can become pregnant", "Reason", "Email", "Language", "Programme",
                "Prescriber", "Enrolled on", "Start date", "Weight"]  # fmt: skip
    row = [*ANN, "F", "yes", "anatomy", "ann@example.org", "Español", "us-ipledge",
           email_of(db.session, doctor), "2026-02-01", "2026-03-05", "62.5"]  # fmt: skip
    file = tried(ada, row, headings=headings)
    assert outcomes(ada, file) == ["new"], reasons(ada, file)
    assert load(ada, file) == 1
    db.session.rollback()
    patient = db.session.scalars(select(Patient)).one()
    assert (patient.name, patient.mrn, patient.language) == ("Ann Lee", "N-1", "es")
    assert (patient.sex_at_birth, patient.prescriber_id) == (Sex.FEMALE, doctor.user_id)
    assert (patient.course.weight_kg, patient.course.opened_on) == (
        Decimal("62.5"),
        dt.date(2026, 2, 1),
    )
    kinds = db.session.scalars(select(Evidence.kind).order_by(Evidence.id)).all()
    assert kinds == ["pregnancy_potential", "enrolment", "dispensing"]


@pytest.mark.parametrize(
    ("headings", "value", "said"),
    [
        ("Sex", "X", "Sex at birth: found “X”; allowed: female or male."),
        ("Sex", "M", "Sex at birth: found “M”; allowed: female or male."),
        ("Language", "fr", "Language: found “fr”; allowed: en or es."),
        ("Programme", "uk-ppp", "Programme: found “uk-ppp”; allowed is the clinic's own"),
        ("Prescriber", "dr@example.org", "Prescriber's e-mail: found “dr@example.org”;"),
        ("Weight", "9.9", "Weight in kg: found “9.9”; allowed: 10 to 400 kg."),
        ("Weight", "NaN", "Weight in kg: found “NaN”;"),
        ("Email", "ann", "E-mail: Found 'ann'; enter an address"),
        ("Start date", "2026-04-03", "Treatment started on: Found 2026-04-03; enter a day up to"),
        ("Enrolled on", "1999-12-31", "Enrolled on: Found 1999-12-31;"),
        ("Reason", "because", "Because: found “because”; allowed: anatomy,"),
        ("Can become pregnant", "perhaps", "Can become pregnant: found “perhaps”;"),
    ],
)
def test_a_row_is_refused_with_field_found_and_allowed(ada, headings, value, said):
    file = tried(ada, [*ANN, value], headings=[*HEADINGS, headings])
    assert outcomes(ada, file) == ["refused"]
    assert said in reasons(ada, file)


def test_every_fault_of_a_row_is_named_at_once(ada):
    file = tried(ada, ["", "", "Lee", "soon", "9"], headings=[*HEADINGS, "Weight"])
    said = reasons(ada, file)
    assert "Date of birth: found “soon”" in said
    assert "Weight in kg" in said


def test_an_m_is_read_by_the_other_letters_of_the_column(ada):
    headings = [*HEADINGS, "Sexo"]
    english = tried(ada, [*ANN, "M"], [*BO, "F"], headings=headings)
    spanish = tried(ada, [*ANN, "M"], [*BO, "H"], headings=headings)
    load(ada, english)
    sexes = [row.sex_at_birth for row in db.session.scalars(select(Patient).order_by(Patient.mrn))]
    assert sexes == [Sex.MALE, Sex.FEMALE]
    undo(ada, english)
    with transaction() as session:
        services.check(session, services.get_batch(session, ada, spanish), NOW)
    load(ada, spanish)
    db.session.rollback()
    ours = select(Patient).where(Patient.mrn.in_(["N-1", "N-2"])).order_by(Patient.mrn)
    assert [row.sex_at_birth for row in db.session.scalars(ours)] == [Sex.FEMALE, Sex.MALE]


def test_dates_that_can_be_read_two_ways_are_asked_about_once_for_the_column(ada):
    rows = (["N-1", "Ann", "Lee", "02/04/1999"], ["N-2", "Bo", "Ng", "13/04/1999"])
    file = tried(ada, *rows)
    assert outcomes(ada, file) == ["refused", "new"]
    assert "it can be read two ways; say which form" in reasons(ada, file)
    batch = batch_of(ada, file)
    assert [item.field for item in questions(batch, services.sheet_of(batch))] == ["birth_date"]
    file = tried(ada, *rows, dates={"birth_date": DateForm.DAY_FIRST})
    assert outcomes(ada, file) == ["new", "new"]
    file = tried(ada, *rows, dates={"birth_date": DateForm.MONTH_FIRST})
    assert outcomes(ada, file) == ["new", "refused"]


def test_a_number_that_is_twice_in_a_file_is_refused_the_second_time(ada):
    file = tried(ada, ANN, ["n-1", "Bo", "Ng", "2001-02-03"])
    assert outcomes(ada, file) == ["new", "refused"]
    assert "found “n-1” in row 2 too" in reasons(ada, file)


def test_a_row_longer_than_the_heading_is_refused(ada):
    file = tried(ada, [*ANN, "surplus"])
    assert "Row: found 5 cells; allowed: 4" in reasons(ada, file)


def test_a_known_number_and_a_known_person_wait_for_a_decision(ada):
    a_patient(ada, mrn="N-1", given_name="Zoe", family_name="Other")
    a_patient(ada, given_name="Bo", family_name="Ñg", birth_date=dt.date(2001, 2, 3))
    file = tried(ada, ANN, ["N-2", "ng", "BO", "2001-02-03"])
    assert outcomes(ada, file) == ["duplicate", "duplicate"]
    assert account_of(batch_of(ada, file)).undecided == 2
    with pytest.raises(Conflict, match="2 rows may be patients that are here"):
        load(ada, file)


def test_each_decision_has_its_outcome_and_can_be_taken_back(ada):
    a_patient(ada, given_name="Ann", family_name="Lee", birth_date=dt.date(1999, 12, 31))
    file = tried(ada, ANN, BO)
    for choice, outcome in (
        (Decision.SAME, "duplicate"),
        (Decision.ANOTHER, "new"),
        (Decision.LEAVE_OUT, "left-out"),
    ):
        decide(ada, file, {2: choice})
        assert outcomes(ada, file) == [outcome, "new"]
        assert account_of(batch_of(ada, file)).undecided == 0
    decide(ada, file, {2: None})
    assert account_of(batch_of(ada, file)).undecided == 1


def test_another_person_needs_another_number(ada):
    a_patient(ada, mrn="N-1")
    file = tried(ada, ANN)
    with pytest.raises(Invalid, match="the record number is taken"):
        decide(ada, file, {2: Decision.ANOTHER})


def test_the_same_person_twice_in_a_file_is_a_duplicate_of_the_row(ada):
    file = tried(ada, ANN, ["N-9", *ANN[1:]])
    assert outcomes(ada, file) == ["new", "duplicate"]
    assert batch_of(ada, file).rows[1].data["match"] == {"by": "row", "row": "2"}


def test_the_account_is_the_number_of_rows(ada):
    a_patient(ada, mrn="N-1")
    rows = [ANN, BO, ["N-3", "Cy", "Ode", "never"], ["N-4", "Di", "Poe", "1990-01-01"]]
    file = tried(ada, *rows)
    decide(ada, file, {2: Decision.SAME, 5: Decision.LEAVE_OUT})
    for _ in ("before", "after"):
        account = account_of(batch_of(ada, file))
        assert account.rows == 4
        parts = (account.new, account.duplicate, account.refused, account.left_out)
        assert parts == (1, 1, 1, 1)
        if batch_of(ada, file).state is BatchState.CHECKED:
            load(ada, file, refused_seen=True)


def test_refused_rows_stay_out_only_when_somebody_says_so(ada):
    file = tried(ada, ANN, ["N-2", "Bo", "Ng", "never"])
    with pytest.raises(Invalid, match="1 refused rows stay out"):
        load(ada, file)
    assert count(Patient) == 0
    assert load(ada, file, refused_seen=True) == 1


def test_nothing_is_loaded_when_one_row_no_longer_fits(ada):
    file = tried(ada, ANN, BO)
    a_patient(ada, mrn="N-2")
    with pytest.raises(Conflict, match="changed since the dry run"):
        load(ada, file)
    assert count(Patient) == 1
    assert outcomes(ada, file) == ["new", "new"]


def test_a_file_is_loaded_once(ada):
    file = tried(ada, ANN)
    load(ada, file)
    with pytest.raises(Conflict, match="loaded already"):
        load(ada, file)
    with pytest.raises(Conflict, match="loaded already"):
        decide(ada, file, {2: Decision.LEAVE_OUT})


def test_undoing_withdraws_closes_and_frees_the_numbers(ada):
    file = tried(ada, ANN, BO)
    load(ada, file)
    assert undo(ada, file) == 2
    assert outcomes(ada, file) == [RowOutcome.UNDONE, RowOutcome.UNDONE]
    for patient in db.session.scalars(select(Patient)):
        assert patient.course.closed_reason == "Taken over by mistake: The wrong file."
        assert patient.mrn.startswith(("N-1 (undone ", "N-2 (undone "))
    standing = select(func.count()).select_from(Evidence).where(Evidence.withdrawn_at.is_(None))
    assert db.session.scalar(standing) == 0
    again = tried(ada, ANN, BO)
    assert outcomes(ada, again) == ["new", "new"]
    assert load(ada, again) == 2


def test_undoing_is_refused_once_something_was_recorded(ada):
    file = tried(ada, ANN, BO)
    load(ada, file)
    with transaction() as session:
        patient = session.scalars(select(Patient).where(Patient.mrn == "N-2")).one()
        recording.record_evidence(session, ada, patient, Visit(on=dt.date(2026, 4, 2)), NOW)
    with pytest.raises(Conflict, match="patients of rows 3:"):
        undo(ada, file)
    assert outcomes(ada, file) == ["loaded", "loaded"]


def test_undoing_needs_a_reason(ada):
    file = tried(ada, ANN)
    load(ada, file)
    with pytest.raises(Invalid):
        undo(ada, file, " ")


def test_another_clinic_does_not_see_the_file(ada):
    file = tried(ada, ANN)
    other = a_user(a_clinic("second"), Role.ADMINISTRATOR)
    with pytest.raises(NotFound):
        services.get_batch(db.session, other, file)


def test_who_names_no_language_is_written_to_in_the_clinics_first(app):
    ada = a_user(a_clinic("centro", language="es"), Role.ADMINISTRATOR)
    file = tried(ada, [*ANN, ""], [*BO, "English"], headings=[*HEADINGS, "Language"])
    load(ada, file)
    db.session.rollback()
    spoken = db.session.scalars(select(Patient.language).order_by(Patient.mrn)).all()
    assert spoken == ["es", "en"]
