"""Books with very many obligations: one real patient, copied by the database itself."""

from __future__ import annotations

import datetime as dt
from typing import Any

from sqlalchemy import delete, func, select, text

from compliance.db import Base, db, transaction
from compliance.models import Clinic, Patient, Reminder
from compliance.rules.facts import read_fact
from compliance.rules.terms import Cycle, Potential, PotentialReason
from compliance.services import evidence
from compliance.services.actors import system
from compliance.services.assessments import reassess
from compliance.services.patients import NewPatient, enrol

STARTED, PICKED_UP = dt.date(2026, 3, 2), dt.date(2026, 4, 2)
RECORDED = dt.datetime(2026, 4, 2, 15, tzinfo=dt.UTC)
AT = dt.datetime(2026, 4, 24, 15, tzinfo=dt.UTC)  # the first reminder of the next test is due
METHODS = ["combined-pill", "male-condom"]

# What differs from one copy to the next; everything else is the real patient's. :n numbers them.
_COPIED: dict[str, dict[str, str]] = {
    "patient": {"id": "id + :n", "public_id": "'b' || :n", "mrn": "'B-' || :n",
                "email": "'p' || :n || '@example.org'"},
    "course": {"id": "id + :n", "patient_id": "patient_id + :n"},
    "evidence": {"id": "NULL", "public_id": "id || '-' || :n", "patient_id": "patient_id + :n",
                 "course_id": "course_id + :n"},
    "assessment": {"course_id": "course_id + :n", "patient_id": "patient_id + :n"},
    "reminder": {"id": "NULL", "key": "key || :n", "course_id": "course_id + :n",
                 "patient_id": "patient_id + :n", "recipient": "'patient:b' || :n"},
}  # fmt: skip
_LATER = {
    "reminder": {
        "due_at": "strftime('%Y-%m-%d %H:%M:%f000', due_at, "
        "CASE rung WHEN 'gentle' THEN '-60 days' ELSE '+60 days' END)",
        "state": "CASE rung WHEN 'gentle' THEN 'sent' ELSE state END",
    },
    "assessment": {"changes_at": "NULL", "findings": "'[]'", "plan": "'[]'"},
}


def template() -> None:
    """A clinic with one patient, whose first reminder of the next test is due at AT."""
    with transaction() as session:
        clinic = Clinic(code="BENCH", name="Bench", programme="us-ipledge", country="US",
                        time_zone="America/New_York", created_at=RECORDED)  # fmt: skip
        session.add(clinic)
        session.flush()
        actor = system("bench")
        patient = enrol(session, actor, clinic, _new_patient(), RECORDED)
        for kind, data in _facts():
            evidence.append(session, actor, patient, read_fact(kind, data, ""), RECORDED)
        reassess(session, actor, patient, RECORDED)
        reassess(session, actor, patient, AT - dt.timedelta(days=1))
        first = select(func.min(Reminder.due_at)).where(Reminder.kind == "test-due")
        session.execute(delete(Reminder).where(Reminder.kind != "test-due", Reminder.due_at <= AT))
        if (session.scalar(first) or AT) >= AT:
            raise RuntimeError("nothing is due at the moment of measuring")


def _new_patient() -> NewPatient:
    return NewPatient(
        mrn="B-0",
        given_name="Ada",
        family_name="Sample",
        birth_date=dt.date(1998, 4, 2),
        potential=Potential.YES,
        reason=PotentialReason.ANATOMY,
        cycle=Cycle.REGULAR,
        confirmed=True,
        enrolled_on=STARTED,
        email="p0@example.org",
    )


def _facts() -> list[tuple[str, dict[str, Any]]]:
    test = {"result": "negative", "setting": "medical"}
    return [
        ("acknowledgement", {"on": STARTED, "form": "enrolment",
                             "signed_by": ["patient", "prescriber"]}),
        ("pregnancy_test", {"collected": STARTED, **test}),
        *(("contraception", {"method": method, "from": STARTED}) for method in METHODS),
        ("menses", {"started": PICKED_UP - dt.timedelta(days=1)}),
        ("pregnancy_test", {"collected": PICKED_UP, **test}),
        ("counselling", {"on": PICKED_UP}),
        ("method_report", {"on": PICKED_UP, "by": "prescriber", "methods": METHODS}),
        ("comprehension", {"on": PICKED_UP, "passed": True}),
        ("method_report", {"on": PICKED_UP, "by": "patient", "methods": METHODS}),
        ("prescription", {"on": PICKED_UP, "days_supply": 30}),
        ("dispensing", {"on": PICKED_UP}),
    ]  # fmt: skip


def fill(obligations: int, due: int) -> None:
    """Copy the patient until so many reminders are on the books, so many of them due at AT.

    Of the others the first of each patient was sent long ago, and the rest comes much later.
    """
    with transaction() as session:
        each = session.scalar(select(func.count(Reminder.id))) or 1
        patient = session.scalar(select(Patient.id))
        others = max(0, obligations // each - due)
        for table in _COPIED:
            _copy(session, table, range(1, due), {}, patient)
        for table in (name for name in _COPIED if name != "evidence"):
            _copy(session, table, range(due, due + others), _LATER.get(table, {}), patient)
    with db.engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("ANALYZE")
        connection.exec_driver_sql("BEGIN")


def _copy(session: Any, table: str, numbers: range, changes: dict[str, str], patient: int) -> None:
    if not numbers:
        return
    columns = [column.name for column in Base.metadata.tables[table].columns]
    values = {**_COPIED[table], **changes}
    said = ", ".join(values.get(name, name).replace(":n", "n") for name in columns)
    mine = "id = :patient" if table == "patient" else "patient_id = :patient"
    session.execute(
        text(
            "WITH RECURSIVE numbers(n) AS (SELECT :first UNION ALL "  # noqa: S608 - our own names
            "SELECT n + 1 FROM numbers WHERE n < :last) "
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {said} FROM numbers, {table} "
            f"WHERE {mine}"
        ),
        {"first": numbers[0], "last": numbers[-1], "patient": patient},
    )
