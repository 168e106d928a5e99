"""Real processes, a real mail server and kill -9: nothing lost, at most the one in flight doubled.

KILLS=60 PATIENTS=200 in the environment make it a longer run.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from sqlalchemy import func, select

from compliance.db import db
from compliance.models import Reminder
from compliance.models.reminders import ReminderState
from compliance.services import sending
from compliance.services.audit import verify
from tests import world
from tests.mail.servers import Keeper, mail_server
from tests.services.reminding import Clock, on_treatment

KILLS, PATIENTS = int(os.environ.get("KILLS", "6")), int(os.environ.get("PATIENTS", "12"))
GENTLE = Clock().set(dt.date(2026, 4, 24))


@pytest.fixture
def server() -> Iterator[tuple[Keeper, str]]:
    keeper = Keeper()
    with mail_server(keeper) as place:
        yield keeper, f"smtp://{place}"


def a_worker(config, smtp_url: str, at: dt.datetime, owner: str = "") -> subprocess.Popen[str]:
    """A process that is ready to send and waits for the word."""
    environ = {**os.environ, "DATABASE_URL": config.database_url, "SMTP_URL": smtp_url}
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.services.sending_worker",
         config.instance_dir, at.isoformat(), owner],
        env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert worker.stdout is not None
    assert worker.stdout.readline() == "ready\n"
    return worker


def go(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("go\n")
    worker.stdin.flush()


def unsent() -> int:
    db.session.rollback()
    waiting = (ReminderState.PLANNED, ReminderState.FAILED, ReminderState.CLAIMED)
    query = select(func.count()).where(Reminder.state.in_(waiting), Reminder.due_at <= GENTLE)
    return db.session.scalar(query) or 0


def test_workers_killed_at_any_line_lose_nothing_and_double_at_most_the_mail_in_flight(
    app, config, server
):
    keeper, smtp_url = server
    nurse = world.a_user(world.a_clinic())
    for _ in range(PATIENTS):
        on_treatment(nurse)
    dice, at, kills = random.Random(7), GENTLE, 0
    due = unsent()
    assert due == PATIENTS
    while unsent():
        worker = a_worker(config, smtp_url, at)
        before = len(keeper.mails)
        go(worker)
        if kills < KILLS:
            deadline = time.monotonic() + 20
            while len(keeper.mails) == before and time.monotonic() < deadline:
                time.sleep(0.001)  # the first letter compiles its templates
            time.sleep(dice.random() * 0.05)
            worker.kill()
            kills += 1
        worker.wait(60)
        at += sending.CLAIM_FOR  # what the dead one held is free again
    arrived = Counter(str(mail["Message-ID"]) for mail in keeper.mails)
    assert len(arrived) == due  # nothing lost
    assert sum(arrived.values()) - due <= kills  # one in flight a kill, under the same Message-ID
    assert verify(db.session(), f"clinic-{nurse.clinic_id}").fault is None


def test_of_many_processes_exactly_one_plans_and_sends(app, config, server):
    keeper, smtp_url = server
    nurse = world.a_user(world.a_clinic())
    on_treatment(nurse)
    workers = [a_worker(config, smtp_url, GENTLE, f"process {n}") for n in range(3)]
    for worker in workers:
        threading.Thread(target=go, args=(worker,)).start()
    said = sorted(worker.communicate(timeout=60)[0].strip() for worker in workers)
    assert said == ["ran", "stood by", "stood by"]
    assert len(keeper.mails) == 1
