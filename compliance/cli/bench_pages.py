"""How long the pages take that people wait for, beside a trivial page and the pages' own reads."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter
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
Reads = list[tuple[str, Any]]


def measure_pages(folder: Path, requests: int) -> dict[str, Any]:
    """Median and 95th percentile in ms of each page, its reads alone, and a trivial page."""
    app = create_app(read_config({"INSTANCE_DIR": str(folder)}))
    with app.app_context():
        addresses = _prepare(app)
    client = _signed_in(app)
    pages = {"worklist": ["/"], "patient": addresses, FLOOR: ["/static/favicon.svg"]}
    figures: dict[str, dict[str, float]] = {}
    for name, urls in pages.items():
        figures[name] = _timed(_getter(client, urls), requests)
        if name != FLOOR:
            figures[f"{name}: its reads alone"] = _timed(_replay(app, client, urls[0]), requests)
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


def _timed(once: Callable[[], None], count: int) -> dict[str, float]:
    for _ in range(3):
        once()  # the first ones compile templates and queries
    taken = []
    for _ in range(count):
        start = perf_counter()
        once()
        taken.append((perf_counter() - start) * 1000)
    taken.sort()
    return {"median_ms": round(taken[count // 2], 2), "p95_ms": round(taken[count * 95 // 100], 2)}


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
        for floor in (FLOOR, f"{name}: its reads alone")
    }
