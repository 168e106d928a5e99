"""How many reminders a second are scanned and sent, beside the sink alone and the naive way."""

from __future__ import annotations

import datetime as dt
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from sqlalchemy import func, select

from compliance.app import create_app
from compliance.cli.bench_books import AT, fill, template
from compliance.cli.smtp_sink import sink
from compliance.db import db, transaction
from compliance.mail.delivery import send_due
from compliance.mail.messages import Sender, message_of
from compliance.mail.smtp import SmtpOutbox
from compliance.models import Course, Reminder
from compliance.rules.reminders import ReminderKind, Rung
from compliance.services import assessments, reminders, sending
from compliance.services.audit import verify
from compliance.services.letters import Letter
from config import Config, read_config

FLOOR = "floor: the sink alone, one connection"
LOOP = "the send loop"
NAIVE = "naive: one APScheduler job a reminder"
SCAN = "scan: what is due, of all on the books"
PLAN = "plan: answers compared with what is planned"
SENDER = Sender("clinic@example.org", "https://clinic.example.org", "a secret for measuring")
FEW = 1000
PLANNED, SCANS = 1000, 20
NAIVE_MOST = 300
Figures = dict[str, dict[str, float]]


def measure_reminders(folder: Path, obligations: int, due: int) -> dict[str, Any]:
    """Mails and obligations a second on books of so many obligations, so many of them due.

    Raises RuntimeError when a mail is lost or doubled, or the audit trail does not verify.
    """
    config = read_config({"INSTANCE_DIR": str(folder / "many")})
    figures: Figures = {f"sweep with nothing due, {FEW:,} on the books": _small(folder)}
    with _books(config, obligations, due), sink() as (port, taken):
        figures[f"sweep with nothing due, {obligations:,} on the books"] = _sweeps()
        on_books = db.session.scalar(select(func.count(Reminder.id))) or 0
        figures[SCAN] = _timed(on_books * SCANS, _scan)
        planned = min(due, PLANNED)
        figures[PLAN] = _timed(planned, partial(_plan, planned))
        raw = _a_mail()
        figures[FLOOR] = _timed(due, partial(_floor, port, raw, due))
        naive = min(due, NAIVE_MOST)
        figures[NAIVE] = _naive(folder, port, raw, naive, lambda: taken.value)
        before = taken.value
        figures[LOOP] = _timed(due, partial(_send, port))
        _check(taken.value - before, due)
    return {
        "name": "bench reminders",
        "obligations": on_books,
        "due": due,
        "figures": figures,
        "ratios": _ratios(figures),
    }


@contextmanager
def _books(config: Config, obligations: int, due: int) -> Iterator[None]:
    app = create_app(config)
    with app.app_context():
        db.create_all()
        template()
        fill(obligations, due)
        yield
        db.session.remove()
        db.engine.dispose()


def _small(folder: Path) -> dict[str, float]:
    with _books(read_config({"INSTANCE_DIR": str(folder / "few")}), FEW, 10):
        return _sweeps()


def _timed(count: int, work: Callable[[], object]) -> dict[str, float]:
    """Of so many: how many a second, and ms each, of time and of this process's processor time."""
    start, busy = perf_counter(), process_time()
    work()
    seconds, busy = perf_counter() - start, process_time() - busy
    return {
        "count": count,
        "seconds": round(seconds, 3),
        "a_second": round(count / seconds),
        "ms_each": round(1000 * seconds / count, 4),
        "ms_each_of_cpu": round(1000 * busy / count, 4),
    }


def _sweeps() -> dict[str, float]:
    """A day before anything is due: reassess whom time has changed, and read what is due."""
    early = AT - dt.timedelta(days=1)

    def sweep() -> None:
        for _ in range(SCANS):
            with transaction() as session:
                if assessments.sweep(session, early) or sending.due(session, early, 500):
                    raise RuntimeError("something was due")

    sweep()  # the first compiles the queries
    return _timed(SCANS, sweep)


def _scan() -> None:
    for _ in range(SCANS):
        with transaction() as session:
            sending.due(session, AT, 500)


def _plan(count: int) -> None:
    with transaction() as session:
        reminders.reconcile_some(session, 0, AT, limit=count)


def _a_mail() -> bytes:
    letter = Letter(
        reminder_id=1, key="bench", kind=ReminderKind.TEST_DUE, rung=Rung.GENTLE,
        to="p1@example.org", language="en", detailed=False, clinic="Bench", clinic_phone="",
        clinic_email="", first=AT.date(), by=AT.date(), page="/p/" + "x" * 43,
        unsubscribe="/p/" + "x" * 43 + "/stop",
    )  # fmt: skip
    return message_of(letter, SENDER, AT).as_bytes()


def _floor(port: int, raw: bytes, count: int) -> None:
    with smtplib.SMTP("127.0.0.1", port) as server:
        for _ in range(count):
            server.sendmail("clinic@example.org", "p1@example.org", raw)


def send_alone(port: int, raw: bytes) -> None:
    """What a job of the naive way does."""
    _floor(port, raw, 1)


def _naive(
    folder: Path, port: int, raw: bytes, count: int, taken: Callable[[], int]
) -> dict[str, float]:
    store: Any = SQLAlchemyJobStore(url=f"sqlite:///{folder / 'jobs.db'}")  # type: ignore[no-untyped-call]
    scheduler: Any = BackgroundScheduler(  # type: ignore[no-untyped-call]
        jobstores={"default": store}, timezone=dt.UTC
    )
    scheduler.start(paused=True)
    for number in range(count):
        scheduler.add_job(send_alone, "date", run_date=AT, args=(port, raw), id=str(number),
                          misfire_grace_time=None)  # fmt: skip
    wanted = taken() + count

    def run() -> None:
        scheduler.resume()
        while taken() < wanted:
            time.sleep(0.005)

    figures = _timed(count, run)
    scheduler.shutdown()
    return figures


def _send(port: int) -> None:
    send_due(SmtpOutbox(f"smtp://127.0.0.1:{port}"), SENDER, lambda: AT)


def _check(taken: int, due: int) -> None:
    with transaction() as session:
        sent = session.scalar(select(func.count()).where(Reminder.sent_at.is_not(None)))
        chain = f"clinic-{session.scalar(select(Course.clinic_id).limit(1))}"
        proof = verify(session, chain)
    if (taken, sent) != (due, due):
        raise RuntimeError(f"{due} were due, {sent} marked as sent and {taken} taken")
    if proof.fault is not None:
        raise RuntimeError(f"the audit trail does not verify: {proof.fault}")


def _ratios(figures: Figures) -> dict[str, float]:
    floor, few, many = (
        figures[name]["ms_each"] for name in (FLOOR, *(key for key in figures if "sweep" in key))
    )
    return {
        "send loop / floor": round(figures[LOOP]["ms_each"] / floor, 2),
        "naive / send loop": round(figures[NAIVE]["ms_each"] / figures[LOOP]["ms_each"], 2),
        "sweep, many / few": round(many / few, 2),
    }
