"""The database keeps what it is given: no lost update, no naive moment, no rounded decimal."""

from __future__ import annotations

import datetime as dt
import threading
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from compliance.db import db, transaction
from compliance.models import Course, Membership, Patient, Setting
from compliance.models.clinics import Clinic
from tests.world import a_clinic, a_patient, a_user

THREADS, ROUNDS = 6, 15


def test_no_update_is_lost_when_many_write_at_once(app) -> None:
    with transaction() as session:
        session.add(Setting(name="counter", value=0))

    def count_up() -> None:
        with app.app_context():
            for _ in range(ROUNDS):
                with transaction() as session:
                    row = session.get(Setting, "counter", with_for_update=True)
                    row.value = row.value + 1

    threads = [threading.Thread(target=count_up) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert db.session.get(Setting, "counter").value == THREADS * ROUNDS


def test_a_moment_without_a_zone_cannot_be_stored(app) -> None:
    with pytest.raises(StatementError, match="without a time zone"), transaction() as session:
        naive = dt.datetime(2026, 4, 2, 12, 0)  # noqa: DTZ001 - the very thing that is refused
        session.add(
            Clinic(
                code="x",
                name="x",
                programme="us-ipledge",
                time_zone="UTC",
                country="US",
                created_at=naive,
            )
        )


def test_a_moment_comes_back_as_it_went_in_whatever_its_zone(app) -> None:
    eastern = dt.timezone(dt.timedelta(hours=-4))
    moment = dt.datetime(2026, 4, 2, 11, 0, 0, 123456, tzinfo=eastern)
    clinic_id = a_clinic(created_at=moment)
    stored = db.session.get(Clinic, clinic_id).created_at
    assert stored == moment
    assert stored.tzinfo is not None


def test_a_decimal_keeps_its_digits(app) -> None:
    patient = a_patient(a_user(a_clinic()))
    with transaction() as session:
        course = session.get(Patient, patient.id).course
        course.weight_kg = Decimal("61.10")
        course_id = course.id
    assert str(db.session.get(Course, course_id).weight_kg) == "61.10"


def test_foreign_keys_are_enforced(app) -> None:
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Membership(user_id=999, clinic_id=999, role="nurse"))
        session.flush()


def test_a_word_outside_its_vocabulary_cannot_be_stored(app) -> None:
    clinic_id = a_clinic()
    actor = a_user(clinic_id)
    with pytest.raises(StatementError, match="surgeon"), transaction() as session:
        session.add(Membership(user_id=actor.user_id, clinic_id=clinic_id, role="surgeon"))
        session.flush()


def test_a_failed_use_case_leaves_nothing_behind(app) -> None:
    with pytest.raises(RuntimeError, match="half way"), transaction() as session:
        session.add(Setting(name="half", value=1))
        session.flush()
        raise RuntimeError("half way")
    assert db.session.get(Setting, "half") is None


def test_a_transaction_refuses_to_begin_on_top_of_unsaved_work(app) -> None:
    db.session.add(Setting(name="pending", value=1))
    with pytest.raises(RuntimeError, match="nothing pending"), transaction():
        pass
    db.session.rollback()


def test_a_reader_is_not_held_up_by_a_writer(app) -> None:
    with transaction() as session:
        session.add(Setting(name="slow", value=1))
        session.flush()
        seen: list[object] = []

        def look() -> None:
            from compliance.db import only_reading

            with app.app_context():
                only_reading(True)
                seen.append(db.session.execute(text("SELECT count(*) FROM setting")).scalar())

        reader = threading.Thread(target=look)
        reader.start()
        reader.join(timeout=5)
        assert seen == [0]
    assert db.session.get(Setting, "slow").value == 1
