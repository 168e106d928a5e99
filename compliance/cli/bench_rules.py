"""How many patients a second the rules answer for, beside reading the same rows for nothing."""

from __future__ import annotations

import datetime as dt
import json
import resource
import sqlite3
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import count, groupby, islice
from operator import itemgetter
from pathlib import Path
from random import Random
from time import perf_counter, process_time
from typing import Any

from compliance.rules.assess import assess
from compliance.rules.facts import Adoption, ClinicTerms, Fact, Record, read_fact
from compliance.rules.findings import Question
from compliance.rules.plan import plan
from compliance.rules.programme import load_programme
from compliance.rules.terms import Act, Sex
from compliance.rules.triage import triage

PROGRAMME = "us-ipledge"
AT = dt.datetime(2026, 11, 20, 15, tzinfo=dt.UTC)
TERMS = ClinicTerms(
    time_zone="America/Chicago", adoptions=(Adoption(edition="2026", on=dt.date(2026, 11, 15)),)
)
BORN = dt.date(2002, 5, 2)
_EACH = itemgetter(0)
_SAMPLE = 2000
Row = tuple[int, str, str]


def measure_rules(file: Path, patients: int, seed: int) -> dict[str, Any]:
    """Patients a second and peak memory: rows alone, rows as facts, facts through the rules.

    Through the rules means the whole answer that is stored: every finding with its sentence,
    window, dates due, grades and earliest day, and `changes_at`, which asks again at later moments.
    The last figures are of one patient as a page asks: answer, plan and place on the worklist.
    """
    rows = _store(file, patients, seed)
    load_programme(PROGRAMME)
    figures = {}
    for name, each in (
        ("floor: read the rows", _nothing),
        ("and make facts of them", _facts_only),
        ("and assess", _assessed),
    ):
        figures[name] = _timed(each(_read(file)), patients)
    floor, _, whole = (item["per_second_of_cpu"] for item in figures.values())
    figures["one patient: assess, plan, triage"] = _one_by_one(file)
    return {
        "name": "bench rules",
        "patients": patients,
        "facts_per_patient": round(rows / patients, 1),
        "figures": figures,
        "ratios": {"assess / floor, in cpu time": round(floor / whole, 1)},
    }


def _timed(each: Iterator[Any], patients: int) -> dict[str, float]:
    start, busy = perf_counter(), process_time()
    tenth = max(1, patients // 10)
    for _, _item in zip(range(tenth), each, strict=False):
        pass
    early = _peak()
    deque(each, maxlen=0)
    seconds = perf_counter() - start
    cpu = process_time() - busy
    return {
        "patients_per_second": round(patients / seconds),
        "per_second_of_cpu": round(patients / cpu),
        "ms_each_of_cpu": round(1000 * cpu / patients, 4),
        "peak_mb_after_a_tenth": early,
        "peak_mb_at_the_end": _peak(),
    }


def _one_by_one(file: Path) -> dict[str, float]:
    """A sample, so that the measurement is short; each patient with all that a page shows."""
    sample = list(islice(_facts_only(_read(file)), _SAMPLE))
    return _timed(map(_shown, sample), len(sample))


def _shown(facts: tuple[Fact, ...]) -> object:
    record, programme = _record(facts), load_programme(PROGRAMME)
    answer = assess(record, programme, TERMS, Question(at=AT, act=Act.PRESCRIBE))
    return triage(answer, plan(record, programme, TERMS, AT), AT)


def _peak() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def _read(file: Path) -> Iterator[tuple[int, Iterator[Row]]]:
    connection = sqlite3.connect(file)
    rows = connection.execute("SELECT patient, kind, detail FROM fact ORDER BY rowid")
    yield from groupby(rows, key=_EACH)
    connection.close()


def _nothing(patients: Iterable[tuple[int, Iterator[Row]]]) -> Iterator[int]:
    for patient, rows in patients:
        deque(rows, maxlen=0)
        yield patient


def _facts_only(patients: Iterable[tuple[int, Iterator[Row]]]) -> Iterator[tuple[Fact, ...]]:
    for _, rows in patients:
        _, kinds, texts = zip(*rows, strict=True)
        details = json.loads(f"[{','.join(texts)}]")
        yield tuple(map(read_fact, kinds, details, map(str, count())))


def _assessed(patients: Iterable[tuple[int, Iterator[Row]]]) -> Iterator[object]:
    programme, question = load_programme(PROGRAMME), Question(at=AT, act=Act.PRESCRIBE)
    for facts in _facts_only(patients):
        yield assess(_record(facts), programme, TERMS, question).verdict


def _record(facts: tuple[Fact, ...]) -> Record:
    return Record(born=BORN, sex_at_birth=Sex.FEMALE, facts=facts)


# --- generated patients ---------------------------------------------------------------------------


def _store(file: Path, patients: int, seed: int) -> int:
    rng = Random(seed)  # noqa: S311 - not for secrets: the same seed gives the same patients
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("CREATE TABLE fact (patient INTEGER, kind TEXT, detail TEXT)")
    connection.executemany("INSERT INTO fact VALUES (?, ?, ?)", _generated(rng, patients))
    connection.commit()
    rows: int = connection.execute("SELECT COUNT(*) FROM fact").fetchone()[0]
    connection.close()
    return rows


def _generated(rng: Random, patients: int) -> Iterator[Row]:
    for patient in range(patients):
        make = _can if rng.random() < 0.55 else _cannot
        for kind, detail in make(rng):
            yield patient, kind, json.dumps(detail)


def _day(before: int) -> str:
    return (AT.date() - dt.timedelta(days=before)).isoformat()


def _can(rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    start, test = rng.randint(34, 60), rng.randint(0, 12)
    pair = rng.choice((["combined-pill", "male-condom"], ["ius", "male-condom"], ["abstinence"]))
    yield "pregnancy_potential", {
        "from": _day(start), "can_become_pregnant": "yes", "reason": "anatomy",
        "confirmed_by_professional": True, "cycle": rng.choice(("regular", "irregular")),
    }  # fmt: skip
    yield "enrolment", {"on": _day(start)}
    signers = ["patient", "prescriber"]
    yield "acknowledgement", {"on": _day(start), "form": "enrolment", "signed_by": signers}
    for method in pair:
        yield "contraception", {"method": method, "from": _day(start)}
    yield "pregnancy_test", _test(start, "negative")
    yield "menses", {"started": _day(test + rng.randint(0, 6))}
    result = rng.choices(("negative", "indeterminate", "positive"), (96, 2, 2))[0]
    yield "pregnancy_test", _test(test, result)
    yield "counselling", {"on": _day(test)}
    yield "method_report", {"on": _day(test), "by": "prescriber", "methods": pair}
    yield "method_report", {"on": _day(test), "by": "patient", "methods": pair}
    yield "comprehension", {"on": _day(test), "passed": rng.random() < 0.95}
    yield from _labs(rng, start - 5)


def _cannot(rng: Random) -> Iterator[tuple[str, dict[str, Any]]]:
    start = rng.randint(70, 150)
    yield "pregnancy_potential", {
        "from": _day(start), "can_become_pregnant": "no", "reason": "assigned-male",
        "confirmed_by_professional": True,
    }  # fmt: skip
    yield "enrolment", {"on": _day(start)}
    signers = ["patient", "prescriber"]
    yield "acknowledgement", {"on": _day(start), "form": "enrolment", "signed_by": signers}
    yield from _labs(rng, start - 1)
    for month in (start - 3, start - 34, rng.randint(0, 30)):
        yield "visit", {"on": _day(month)}
        yield "counselling", {"on": _day(month)}
        if month > 30:
            yield "prescription", {"on": _day(month), "days_supply": 30}
            yield "dispensing", {"on": _day(month - 1), "days_supply": 30}


def _test(before: int, result: str) -> dict[str, Any]:
    return {"collected": _day(before), "result": result, "setting": "medical"}


def _labs(rng: Random, before: int) -> Iterator[tuple[str, dict[str, Any]]]:
    for analyte, unit, value in (("TG", "mg/dL", 110), ("ALT", "U/L", 22)):
        amount = str(max(5, round(rng.gauss(value, value / 3))))
        yield "lab", {"collected": _day(before), "analyte": analyte, "value": amount,
                      "unit": unit, "upper_limit": "150", "fasting": True}  # fmt: skip
