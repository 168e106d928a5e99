"""How many laboratory messages a second become evidence, beside parsing them for nothing."""

from __future__ import annotations

import datetime as dt
import resource
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

from sqlalchemy import func, select

from compliance.app import create_app
from compliance.db import db, transaction
from compliance.interop.formats import read_file
from compliance.models import Clinic, ImportedFile
from compliance.rules.terms import Cycle, Potential, PotentialReason
from compliance.services.actors import system
from compliance.services.audit import verify
from compliance.services.intake import receive
from compliance.services.patients import NewPatient, enrol
from config import read_config

AT = dt.datetime(2026, 11, 20, 15, tzinfo=dt.UTC)
FLOOR = "floor: parsed by the hl7 library"
OURS = "parsed by our own reader"
BATCH = "filed, many messages a file"
SINGLE = "filed, one message a file"
A_FILE = 1000  # messages of a batch file
_TESTS = (
    ("2571-8", "Triglyceride", "mg/dL", 110, "<150"),
    ("2093-3", "Cholesterol", "mg/dL", 170, "<200"),
    ("2085-9", "HDL Cholesterol", "mg/dL", 55, ">40"),
    ("13457-7", "LDL Cholesterol", "mg/dL", 95, "<130"),
    ("1742-6", "ALT", "U/L", 22, "7-40"),
    ("1920-8", "AST", "U/L", 24, "10-40"),
    ("6768-6", "Alkaline phosphatase", "U/L", 70, "40-129"),
    ("2324-2", "GGT", "U/L", 20, "5-40"),
)


@dataclass(frozen=True, slots=True)
class _Feed:
    """The same generated messages of a laboratory, each once in a batch and once alone."""

    batched: list[bytes]
    alone: list[bytes]


def measure_intake(folder: Path, patients: int, messages: int, seed: int) -> dict[str, Any]:
    """Messages a second and peak memory: parsed alone, then filed end to end into SQLite.

    Filed means parsed, stored with its bytes, matched, appended as evidence, audited in the hash
    chain and every patient concerned reassessed, each file in one transaction of its own.
    Raises RuntimeError when a result is not filed or the audit trail does not verify.
    """
    feed = _feed(Random(seed), patients, messages)  # noqa: S311 - the same seed, the same feed
    app = create_app(read_config({"INSTANCE_DIR": str(folder)}))
    with app.app_context():
        clinic = _enrolled(patients)
        figures = {
            FLOOR: _timed(_parse_with_hl7, feed.alone, messages),
            OURS: _timed(_parse_with_ours, feed.alone, messages),
            SINGLE: _timed(_taker(clinic), feed.alone, messages),
            BATCH: _timed(_taker(clinic), _files(feed.batched), messages),
        }
        _check(clinic, messages)
        db.engine.dispose()
    return {
        "name": "bench intake",
        "patients": patients,
        "messages": messages,
        "results_per_message": len(_TESTS),
        "figures": figures,
        "ratios": _ratios(figures),
    }


def _parse_with_hl7(content: bytes) -> object:
    import hl7  # a development requirement: nothing but this floor needs it

    return hl7.parse(content.decode())


def _parse_with_ours(content: bytes) -> object:
    return list(read_file(content).messages)


def _taker(clinic_id: int) -> Callable[[bytes], object]:
    actor = system("bench")

    def take(content: bytes) -> None:
        with transaction() as session:
            clinic = session.get_one(Clinic, clinic_id)
            receive(session, actor, clinic, "bench.hl7", content, read_file(content), AT)

    return take


def _timed(
    take: Callable[[bytes], object], files: Iterable[bytes], messages: int
) -> dict[str, float]:
    wall, cpu = perf_counter(), process_time()
    for content in files:
        take(content)
    seconds, busy = perf_counter() - wall, process_time() - cpu
    return {
        "messages_per_second": round(messages / seconds),
        "per_second_of_cpu": round(messages / busy),
        "ms_each_of_cpu": round(1000 * busy / messages, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def _check(clinic_id: int, messages: int) -> None:
    filed = db.session.scalar(select(func.sum(ImportedFile.filed)))
    if filed != 2 * messages * len(_TESTS):
        raise RuntimeError(f"found {filed} results filed, not {2 * messages * len(_TESTS)}")
    proof = verify(db.session(), f"clinic-{clinic_id}")
    if proof.fault is not None:
        raise RuntimeError(f"the audit trail does not verify: {proof.fault}")


def _ratios(figures: dict[str, dict[str, float]]) -> dict[str, float]:
    """How many times the floor's processor time each of the others takes."""
    floor = figures[FLOOR]["ms_each_of_cpu"]
    return {
        f"{name} / floor, in cpu time": round(figures[name]["ms_each_of_cpu"] / floor, 2)
        for name in (OURS, SINGLE, BATCH)
    }


# --- generated patients and messages --------------------------------------------------------------


def _enrolled(patients: int) -> int:
    """A clinic with its patients, in a database of its own; the clinic's id."""
    db.create_all()
    with transaction() as session:
        clinic = Clinic(code="BENCH", name="Bench", programme="us-ipledge", country="US",
                        time_zone="America/Chicago", created_at=AT)  # fmt: skip
        session.add(clinic)
        session.flush()
        for number in range(patients):
            enrol(session, system("bench"), clinic, _new_patient(number), AT)
        return clinic.id


def _new_patient(number: int) -> NewPatient:
    can = number % 2 == 0
    return NewPatient(
        mrn=f"B-{number:06d}",
        given_name="Ada",
        family_name=f"Sample{number}",
        birth_date=dt.date(1998, 4, 2),
        potential=Potential.YES if can else Potential.NO,
        reason=PotentialReason.ANATOMY if can else PotentialReason.ASSIGNED_MALE,
        cycle=Cycle.REGULAR if can else Cycle.UNKNOWN,
        confirmed=True,
        enrolled_on=AT.date() - dt.timedelta(days=40),
    )


def _feed(rng: Random, patients: int, messages: int) -> _Feed:
    numbers = range(messages)
    return _Feed(
        [_message(rng, rng.randrange(patients), f"B{number}", number) for number in numbers],
        [
            _message(rng, rng.randrange(patients), f"S{number}", messages + number)
            for number in numbers
        ],
    )


def _files(messages: list[bytes]) -> Iterator[bytes]:
    for start in range(0, len(messages), A_FILE):
        part = messages[start : start + A_FILE]
        yield b"FHS|^~\\&|LIS|LAB\rBHS|^~\\&|LIS|LAB\r" + b"".join(part) + b"BTS|1\rFTS|1\r"


def _message(rng: Random, patient: int, control: str, before: int) -> bytes:
    collected = f"{AT - dt.timedelta(days=1 + before % 30, minutes=before):%Y%m%d%H%M%S}-0600"
    lines = [
        f"MSH|^~\\&|LIS|LAB|EHR|BENCH|20261120090000-0600||ORU^R01^ORU_R01|{control}|P|2.5.1",
        f"PID|1||B-{patient:06d}^^^BENCH^MR||Sample{patient}^Ada||19980402|F",
        f"OBR|1|P{control}|F{control}|24331-1^Lipid and liver panel^LN|||{collected}",
    ]
    for at, (code, name, unit, usual, span) in enumerate(_TESTS, 1):
        value = max(5, round(rng.gauss(usual, usual / 8)))
        lines.append(f"OBX|{at}|NM|{code}^{name}^LN||{value}|{unit}|{span}|N|||F|||{collected}")
    return "\r".join([*lines, ""]).encode()
