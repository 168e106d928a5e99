"""Records of patients for the reports: a whole course, month by month."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

from compliance.rules.facts import ClinicTerms, Fact, Record, read_fact
from compliance.rules.programme import load_programme
from compliance.services.cohort import Decision, Followed

TERMS = ClinicTerms(time_zone="America/New_York")
START = dt.date(2026, 1, 5)  # enrolled, counselled, first test, both methods in use
FIRST = dt.date(2026, 2, 5)  # second test, first prescription and pick-up
_number = itertools.count(1)


def fact(kind: str, **data: Any) -> Fact:
    """One fact; `from_` stands for the key `from`."""
    data = {key.rstrip("_"): value for key, value in data.items()}
    return read_fact(kind, data, str(next(_number)))


def day(offset: int) -> dt.date:
    """So many days after the first prescription."""
    return FIRST + dt.timedelta(days=offset)


def beginning() -> list[Fact]:
    """Everything up to the first prescription of a patient who can become pregnant."""
    return [
        fact(
            "pregnancy_potential",
            from_=START,
            can_become_pregnant=True,
            reason="anatomy",
            confirmed_by_professional=True,
            cycle="regular",
        ),
        fact("enrolment", on=START),
        fact("acknowledgement", on=START, form="enrolment", signed_by=["patient", "prescriber"]),
        fact("pregnancy_test", collected=START, result="negative", setting="medical"),
        fact("contraception", method="combined-pill", from_=START),
        fact("contraception", method="male-condom", from_=START),
        fact("menses", started=day(-1)),
        fact("visit", on=START, topics=["mental-health"]),
        *labs(day(-5)),
    ]


def labs(on: dt.date, tg: str = "96", alt: str = "19") -> list[Fact]:
    """Liver and fasting lipids of one day."""
    return [
        fact("lab", collected=on, analyte="TG", value=tg, unit="mg/dL", fasting=True),
        fact("lab", collected=on, analyte="ALT", value=alt, unit="U/L", upper_limit="40"),
    ]


def monthly(
    offset: int,
    test: str = "negative",
    patient_methods: tuple[str, ...] = ("combined-pill", "male-condom"),
    days_supply: int = 30,
    picked_up: int | None = 0,
) -> list[Fact]:
    """One month's test, entries, prescription and pick-up (so many days later; None: never)."""
    on = day(offset)
    methods = ["combined-pill", "male-condom"]
    made = [
        fact("pregnancy_test", collected=on, result=test, setting="medical"),
        fact("counselling", on=on),
        fact("comprehension", on=on, passed=True),
        fact("method_report", on=on, by="prescriber", methods=methods),
        fact("method_report", on=on, by="patient", methods=list(patient_methods)),
        fact("visit", on=on, topics=["mental-health"]),
        fact("prescription", on=on, days_supply=days_supply),
    ]
    if picked_up is not None:
        made.append(fact("dispensing", on=day(offset + picked_up)))
    return made


def course(months: int = 3) -> list[Fact]:
    """A course in order: the beginning, so many months, and the results at one month."""
    made = beginning()
    for number in range(months):
        made += monthly(30 * number)
    return made + labs(day(28))


def without(facts: list[Fact], kind: str, on: dt.date | None = None) -> list[Fact]:
    """The facts less those of one kind (on one day, if given)."""
    return [each for each in facts if each.kind != kind or (on is not None and each.day != on)]


def person(facts: list[Fact], local_id: str = "T-1", **more: Any) -> Followed:
    """A patient with these facts."""
    return Followed(
        local_id=local_id,
        record=Record(born=dt.date(1999, 5, 2), facts=tuple(facts)),
        programme=load_programme("us-ipledge"),
        terms=TERMS,
        **more,
    )


def overridden(facts: list[Fact], kind: str, on: dt.date, reason: str) -> dict[str, Decision]:
    """Decisions in which the one of this kind and day was taken against the verdict."""
    noon = dt.datetime.combine(on, dt.time(17), dt.UTC)
    return {
        each.id: Decision(
            at=noon, by="Dr Ramos", blocked_by=("monthly-test",), override_reason=reason
        )
        for each in facts
        if each.kind == kind and each.day == on
    }
