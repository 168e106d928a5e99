"""How long the pages take that people wait for, beside a trivial page and the pages' own reads."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from compliance.app import create_app
from compliance.cli.demonstration import SEED, import_lab_files
from compliance.db import db, transaction
from compliance.models import Clinic, Patient, User
from compliance.services.demonstration import load
from compliance.services.demonstration.staff import EAST
from config import read_config

FLOOR = "floor: a static file"
READS = ": its reads alone"
WARM_UP = 3  # the first ones compile templates and queries
Reads = list[tuple[str, Any]]
Turns = dict[str, Callable[[], None]]


def measure_pages(folder: Path, requests: int) -> dict[str, Any]:
    """Median and 95th percentile in ms of each page, its reads alone, and a trivial page.

    They take turns, so that whatever else the machine does falls on all of them alike.
    """
    app = create_app(read_config({"INSTANCE_DIR": str(folder)}))
    with app.app_context():
        addresses = _prepare(app)
    client = _signed_in(app)
    turns = {
        "worklist": _getter(client, ["/"]),
        f"worklist{READS}": _replay(app, client, "/"),
        "patient": _getter(client, addresses),
        f"patient{READS}": _replay(app, client, addresses[len(addresses) // 2]),
        FLOOR: _getter(client, ["/static/favicon.svg"]),
    }
    figures = _timed(turns, requests)
    with app.app_context():
        db.engine.dispose()
    return {
        "name": "bench pages",
        "patients": len(addresses),
        "requests": requests,
        "figures": figures,
        "ratios": _ratios(figures),
    }


def _prepare(app: Flask) -> list[str]:
    """Demonstration data in a database of its own; the addresses of one clinic's patients."""
    db.create_all()
    now = dt.datetime.now(dt.UTC)
    with transaction() as session:
        loaded = load(session, now, SEED, "a password for measuring")
        import_lab_files(session, loaded, now)
    query = select(Patient.public_id).join(Clinic).where(Clinic.code == EAST)
    return [f"/patients/{name}" for name in db.session.scalars(query.order_by(Patient.id))]


def _signed_in(app: Flask) -> FlaskClient:
    with app.app_context():
        query = select(User.fs_uniquifier).where(User.email == "prescriber@example.org")
        name = db.session.scalar(query)
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"], session["_fresh"] = name, True
    return client


def _getter(client: FlaskClient, urls: Iterable[str]) -> Callable[[], None]:
    turn = itertools.cycle(urls)

    def get() -> None:
        url = next(turn)
        answer = client.get(url)
        if answer.status_code != 200:
            raise RuntimeError(f"{url}: found status {answer.status_code}, not 200")
        answer.get_data()
        answer.close()

    return get


def _timed(turns: Turns, count: int) -> dict[str, dict[str, float]]:
    taken: dict[str, list[float]] = {name: [] for name in turns}
    busy: dict[str, list[float]] = {name: [] for name in turns}
    for number in range(-WARM_UP, count):
        for name, once in turns.items():
            wall, cpu = perf_counter(), process_time()
            once()
            if number >= 0:
                taken[name].append((perf_counter() - wall) * 1000)
                busy[name].append((process_time() - cpu) * 1000)
    return {
        name: {
            "median_ms": round(sorted(taken[name])[count // 2], 2),
            "p95_ms": round(sorted(taken[name])[count * 95 // 100], 2),
            "median_cpu_ms": round(sorted(busy[name])[count // 2], 2),
        }
        for name in turns
    }


def _replay(app: Flask, client: FlaskClient, url: str) -> Callable[[], None]:
    """The reads of one page again, straight through the driver."""
    reads: Reads = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            reads.append((statement, parameters))

    with app.app_context():
        engine = db.engine
        event.listen(engine, "before_cursor_execute", note)
        _getter(client, [url])()
        event.remove(engine, "before_cursor_execute", note)
        raw = engine.raw_connection()

    def read() -> None:
        for statement, parameters in reads:
            raw.cursor().execute(statement, parameters).fetchall()

    return read


def _ratios(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times its floor each page takes, by the median."""
    return {
        f"{name} / {floor}": round(figures[name]["median_ms"] / figures[floor]["median_ms"], 1)
        for name in ("worklist", "patient")
        for floor in (FLOOR, f"{name}{READS}")
    }
