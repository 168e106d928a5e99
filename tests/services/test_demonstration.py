"""The demonstration: alive on any day, the same from the same seed, as if it had been recorded."""

from __future__ import annotations

import datetime as dt
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from compliance.app import create_app
from compliance.cli.demonstration import SEED, import_lab_files
from compliance.db import db, transaction
from compliance.models import (
    AuditEvent,
    AuditHead,
    Clinic,
    Dispense,
    EditionAdoption,
    Evidence,
    ImportedFile,
    Membership,
    Patient,
    PrescriptionOrder,
    Role,
    StoredAssessment,
    User,
)
from compliance.rules.action_limits import suggested_limits
from compliance.rules.assess import assess
from compliance.rules.dates import age_on
from compliance.rules.facts import (
    Adoption,
    ClinicTerms,
    Dispensing,
    Lab,
    LimitSet,
    PregnancyPotential,
    Record,
    facts_of,
)
from compliance.rules.findings import Question
from compliance.rules.plan import plan
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act, Analyte, LabSchedule, Potential, Sex, Verdict
from compliance.rules.triage import Group, triage
from compliance.services import assessments, audit, evidence
from compliance.services.actors import system
from compliance.services.demonstration import Loaded, load
from compliance.services.demonstration.catalogue import Place, histories
from compliance.services.demonstration.labs import LabPerson
from compliance.services.demonstration.names import People
from tests.conftest import Template, make_config

NEW_YORK = ZoneInfo("America/New_York")
NOW = dt.datetime(2026, 11, 24, 15, 30, tzinfo=dt.UTC)
HERE = Place("harbor", "America/New_York", NOW.date(), NOW.date())
PASSWORD = "a password for tests"
ALIVE = [group for group in Group if group is not Group.CLOSED]


@contextmanager
def loaded_at(
    now: dt.datetime, folder: Path, template: Template, seed: int = SEED, imports: bool = True
) -> Iterator[Loaded]:
    """The demonstration loaded at a moment, inside its application's context."""
    shutil.copy(str(template.file), folder / "clinic.db")
    app = create_app(make_config(folder, f"sqlite:///{folder / 'clinic.db'}"))
    with app.app_context():
        with transaction() as session:
            loaded = load(session, now, seed, PASSWORD)
            if imports:
                import_lab_files(session, loaded, now)
        yield loaded
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Template) -> Iterator[Loaded]:
    with loaded_at(NOW, tmp_path_factory.mktemp("demonstration"), sqlite_template) as made:
        yield made


def groups() -> dict[str, Counter[str]]:
    """How many patients stand in each group, by clinic, as stored."""
    rows = db.session.execute(
        select(Clinic.code, StoredAssessment.grouping).join(
            Clinic, Clinic.id == StoredAssessment.clinic_id
        )
    ).all()
    return {code: Counter(group for own, group in rows if own == code) for code, _ in rows}


def groups_at(moment: dt.datetime) -> dict[str, Counter[str]]:
    """The same without a database: each history straight through the rules."""
    people = People()
    return {
        code: Counter(_groups(code, zone, plan_of_tests, moment, people))
        for code, zone, plan_of_tests in (
            ("harbor", "America/New_York", LabSchedule.LABEL),
            ("canyon", "America/Los_Angeles", LabSchedule.PEAK_DOSE),
        )
    }


def _groups(
    code: str, zone: str, schedule: LabSchedule, moment: dt.datetime, people: People
) -> Iterator[str]:
    today = moment.astimezone(ZoneInfo(zone)).date()
    place = Place(code, zone, today, moment.astimezone(NEW_YORK).date())
    adopted = min(dt.date(2026, 11, 15), today - dt.timedelta(days=7))
    adoptions = (Adoption(edition="2026", on=adopted),) if code == "canyon" else ()
    terms = ClinicTerms(
        time_zone=zone, adoptions=adoptions, lab_schedule=schedule, limits=_limits(code, today)
    )
    programme = load_programme("us-ipledge")
    for history in histories(place, SEED, people):
        replaced = {id(entry.corrects) for entry in history.entries if entry.corrects}
        stands = [
            item for item in history.entries if not item.withdrawn and id(item) not in replaced
        ]
        facts = tuple(item.fact for item in stands)
        record = Record(born=history.person.born, sex_at_birth=history.person.sex, facts=facts)
        question = Question(at=moment, act=assessments.current_act(record, today))
        answer = assess(record, programme, terms, question)
        ahead = plan(record, programme, terms, moment)
        yield triage(answer, ahead, moment).group.value


def _limits(code: str, today: dt.date) -> tuple[LimitSet, ...]:
    if code != "harbor":
        return ()
    keys = tuple(limit.key for limit in suggested_limits() if not limit.variant_of)
    return (LimitSet(on=today - dt.timedelta(days=28), keys=keys),)


def demonstrated() -> list[tuple[object, ...]]:
    """What the load itself wrote about patients, without the ids that the database gives."""
    rows = db.session.execute(
        select(
            Patient.public_id, Patient.mrn, Patient.given_name, Patient.family_name,
            Patient.birth_date, Patient.email, Evidence.public_id, Evidence.kind, Evidence.detail,
            Evidence.recorded_at, Evidence.recorded_by,
        )
        .join(Evidence, Evidence.patient_id == Patient.id)
        .where(Evidence.source == "demonstration")
        .order_by(Evidence.id)
    )  # fmt: skip
    return [tuple(row) for row in rows]


# --- alive on any day -----------------------------------------------------------------------------

MOMENTS = [
    dt.datetime(2026, 11, 23, 0, 5, tzinfo=NEW_YORK),  # Monday, just begun
    dt.datetime(2026, 11, 24, 8, 0, tzinfo=NEW_YORK),  # Tuesday
    dt.datetime(2026, 11, 26, 12, 0, tzinfo=NEW_YORK),  # Thursday, a holiday
    dt.datetime(2026, 11, 25, 23, 58, tzinfo=NEW_YORK),  # Wednesday, nearly over
    dt.datetime(2026, 11, 27, 1, 30, tzinfo=NEW_YORK),  # Friday; still Thursday in the west
    dt.datetime(2026, 11, 28, 12, 0, tzinfo=NEW_YORK),  # Saturday
    dt.datetime(2026, 11, 29, 18, 0, tzinfo=NEW_YORK),  # Sunday
    dt.datetime(2026, 12, 31, 22, 0, tzinfo=NEW_YORK),  # the last day of a year
    dt.datetime(2027, 3, 1, 9, 0, tzinfo=NEW_YORK),  # after a short month
    dt.datetime(2027, 3, 14, 3, 30, tzinfo=NEW_YORK),  # the morning on which clocks change
    dt.datetime(2028, 2, 29, 7, 0, tzinfo=NEW_YORK),  # a leap day
    dt.datetime(2026, 9, 10, 10, 0, tzinfo=NEW_YORK),  # before the announced day of edition 2026
]


@pytest.mark.parametrize("moment", MOMENTS, ids=lambda moment: f"{moment:%a-%Y-%m-%d-%H%M}")
def test_every_group_has_several_patients_at_any_hour_of_any_day(moment: dt.datetime):
    found = groups_at(moment.astimezone(dt.UTC))
    assert all(found["harbor"][group.value] >= 3 for group in ALIVE), found
    assert all(found["canyon"][group.value] >= 1 for group in ALIVE), found


def test_the_worklist_shows_the_groups_that_the_histories_mean(
    tmp_path: Path, sqlite_template: Template
):
    late = dt.datetime(2026, 11, 27, 1, 30, tzinfo=NEW_YORK).astimezone(dt.UTC)
    with loaded_at(late, tmp_path, sqlite_template, imports=False):
        assert groups() == groups_at(late)


def test_about_a_hundred_and_fifty_patients_at_two_clinics(loaded: Loaded):
    here = Counter(patient.clinic.code for patient in loaded.patients)
    assert 105 <= here["harbor"] <= 116
    assert 36 <= here["canyon"] <= 44


def test_nothing_is_dated_or_recorded_after_the_moment_of_loading(loaded: Loaded):
    for patient in loaded.patients:
        today = evidence.local_date(patient.clinic, NOW)
        for row in evidence.known_evidence(db.session(), patient):
            assert row.happened_on < today
            assert row.recorded_at <= NOW


def test_facts_are_recorded_in_office_hours_on_their_day_or_soon_after(loaded: Loaded):
    rows = db.session.execute(
        select(Evidence.happened_on, Evidence.recorded_at, Clinic.time_zone)
        .join(Clinic, Clinic.id == Evidence.clinic_id)
        .where(
            Evidence.source == "demonstration", Evidence.kind.not_in(["contraception", "menses"])
        )
    ).all()
    for happened_on, recorded_at, time_zone in rows:
        local = recorded_at.astimezone(ZoneInfo(time_zone))
        assert 8 <= local.hour < 19
        assert 0 <= (local.date() - happened_on).days <= 1


# --- the same from the same seed ------------------------------------------------------------------


def test_the_same_seed_and_day_give_the_same_rows_whatever_the_hour(
    loaded: Loaded, tmp_path: Path, sqlite_template: Template
):
    at_noon = demonstrated()
    late = NOW.replace(hour=23)
    with loaded_at(late, tmp_path, sqlite_template, imports=False):
        assert demonstrated() == at_noon
    assert len(at_noon) > 4000


def test_another_seed_gives_other_people():
    names = [
        {
            (item.person.given_name, item.person.family_name)
            for item in histories(HERE, seed, People())
        }
        for seed in (SEED, SEED + 1)
    ]
    assert len(names[0] & names[1]) < len(names[0]) / 2


# --- as if it had been recorded -------------------------------------------------------------------


def test_the_audit_chains_are_whole_and_in_the_order_of_time(loaded: Loaded):
    for chain in db.session.scalars(select(AuditHead.chain)):
        assert audit.verify(db.session(), chain).fault is None
        times = list(
            db.session.scalars(
                select(AuditEvent.at).where(AuditEvent.chain == chain).order_by(AuditEvent.sequence)
            )
        )
        assert times == sorted(times)


def test_every_entry_has_its_audit_event(loaded: Loaded):
    audited = set(
        db.session.scalars(
            select(AuditEvent.entity_id).where(
                AuditEvent.action.in_(["evidence.recorded", "evidence.corrected"])
            )
        )
    )
    assert set(db.session.scalars(select(Evidence.public_id))) == audited


def test_each_stored_assessment_recomputes_to_the_same(loaded: Loaded):
    columns = [column.key for column in StoredAssessment.__table__.columns]
    for patient in loaded.patients:
        stored = db.session.get(StoredAssessment, patient.course.id)
        before = {name: getattr(stored, name) for name in columns}
        again = assessments.reassess(db.session(), system("tests"), patient, NOW)
        assert {name: getattr(again, name) for name in columns} == before
    db.session.rollback()


def test_each_decision_replays_to_its_verdict_from_what_was_known_then(loaded: Loaded):
    rng = Random(3)
    orders = list(db.session.scalars(select(PrescriptionOrder).order_by(PrescriptionOrder.id)))
    for order in [*rng.sample(orders, 40), *(item for item in orders if item.override_reason)]:
        patient = db.session.get(Patient, order.patient_id)
        before = order.decided_at - dt.timedelta(seconds=1)
        answer = assessments.ask(
            db.session(), patient, order.decided_at, act=Act.PRESCRIBE, known_at=before
        )
        assert (answer.verdict, answer.edition) == (order.verdict, order.edition)


def test_a_decision_has_a_reason_just_when_the_verdict_was_not_yes(loaded: Loaded):
    decisions = [
        *db.session.scalars(select(PrescriptionOrder)),
        *db.session.scalars(select(Dispense)),
    ]
    for decision in decisions:
        assert (decision.override_reason is None) == (decision.verdict is Verdict.YES)
    overridden = [item for item in decisions if item.override_reason]
    assert 4 <= len(overridden) <= 20


def test_every_pick_up_fills_a_prescription_of_its_own_patient(loaded: Loaded):
    orders = {row.id: row for row in db.session.scalars(select(PrescriptionOrder))}
    filled = list(db.session.scalars(select(Dispense)))
    assert len({row.prescription_id for row in filled}) == len(filled)
    for row in filled:
        order = orders[row.prescription_id]
        assert (order.patient_id, order.issued_on <= row.dispensed_on) == (row.patient_id, True)


# --- who they are ---------------------------------------------------------------------------------


def test_no_address_or_number_can_reach_anybody(loaded: Loaded):
    for patient in loaded.patients:
        assert patient.email == "" or patient.email.isascii()
        assert patient.email == "" or patient.email.endswith("@example.org")
        assert re.fullmatch(r"\+1 \d{3} 555 01\d\d", patient.phone)
    assert all(email.endswith("@example.org") for email in db.session.scalars(select(User.email)))
    assert all(clinic.email.endswith("@example.org") for clinic in loaded.clinics.values())


def test_names_are_many_and_no_two_patients_share_one(loaded: Loaded):
    names = [patient.name for patient in loaded.patients]
    assert len(set(names)) == len(names)
    assert sum(not name.isascii() for name in names) >= 20


def test_somewhat_more_than_half_can_become_pregnant(loaded: Loaded):
    stated = Counter(
        facts_of(evidence.load_record(db.session(), patient).facts, PregnancyPotential)[
            0
        ].can_become_pregnant
        for patient in loaded.patients
    )
    assert 0.5 < stated[Potential.YES] / len(loaded.patients) < 0.62
    assert stated[Potential.UNDETERMINED] == 1


def test_ages_and_languages_vary(loaded: Loaded):
    ages = [age_on(patient.birth_date, NOW.date()) for patient in loaded.patients]
    assert min(ages) == 13
    assert 0.2 < sum(age < 18 for age in ages) / len(ages) < 0.5
    assert {patient.language for patient in loaded.patients} == {"en", "es"}


def test_each_role_has_an_account_and_one_nurse_works_at_both_clinics(loaded: Loaded):
    roles = Counter((row.clinic.code, row.role) for row in db.session.scalars(select(Membership)))
    assert all(roles["harbor", role] >= 1 for role in Role)
    assert roles["harbor", Role.PRESCRIBER] == 2
    both = loaded.users["nurse.both@example.org"]
    assert {item.clinic.code for item in both.memberships} == {"harbor", "canyon"}


def test_both_editions_are_at_work(loaded: Loaded):
    adoption = db.session.scalars(select(EditionAdoption)).one()
    assert (adoption.edition, adoption.adopted_on) == ("2026", dt.date(2026, 11, 15))
    editions = {
        (row.patient.clinic.code, row.edition)
        for row in db.session.scalars(select(StoredAssessment))
    }
    assert editions == {("harbor", "2023-discretion"), ("canyon", "2026")}


# --- what they have -------------------------------------------------------------------------------


def test_laboratory_levels_are_those_of_the_cohorts():
    rng = Random(5)
    before, on = [], []
    for _ in range(3000):
        person = LabPerson(rng, Sex.FEMALE)
        for values, drug in ((before, False), (on, True)):
            panel = {lab.analyte: int(lab.value) for lab in person.panel(NOW.date(), drug)}
            values.append(panel[Analyte.TG])
    assert 85 < sum(before) / len(before) < 96
    assert 112 < sum(on) / len(on) < 132
    assert 0.0005 < sum(value > 500 for value in on) / len(on) < 0.02


def test_ldl_is_left_out_when_triglycerides_are_too_high_for_it(loaded: Loaded):
    for patient in loaded.patients:
        panels: dict[dt.datetime, dict[Analyte, str]] = {}
        for row in evidence.known_evidence(db.session(), patient):
            if isinstance(row.fact, Lab) and row.source == "demonstration":
                panels.setdefault(row.recorded_at, {})[row.fact.analyte] = row.fact.value
        for panel in panels.values():
            if Analyte.LDL in panel:
                assert int(panel[Analyte.TG]) <= 400


def test_what_the_laboratory_sent_is_filed_or_waits_for_a_person(loaded: Loaded):
    files = list(db.session.scalars(select(ImportedFile)))
    assert len(files) == 2
    for file in files:
        assert file.received == file.filed + file.held + file.rejected + file.ignored
        assert file.filed >= 2
        assert file.held >= 2


def test_there_is_a_month_of_everything_that_a_report_counts(loaded: Loaded):
    kinds = Counter(db.session.scalars(select(Evidence.kind)))
    assert kinds["pregnancy"] >= 1
    assert kinds["symptom"] >= 1
    assert kinds["lab_decision"] >= 1
    assert kinds[Dispensing.kind] > 300
    assert {row.detail["result"] for row in db.session.scalars(
        select(Evidence).where(Evidence.kind == "pregnancy_test"))
    } == {"negative", "positive", "indeterminate"}  # fmt: skip
