"""Made-up courses under the programmes without a registry."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from compliance.rules.assess import assess
from compliance.rules.facts import (
    Acknowledgement,
    ClinicTerms,
    Contraception,
    Dispensing,
    Fact,
    PregnancyPotential,
    Prescription,
    Visit,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import (
    Act,
    Form,
    LabSchedule,
    Method,
    Potential,
    PotentialReason,
    Signer,
    TestSetting,
    Topic,
    VisitMode,
)
from tests.rules.histories import NOISE, day, record, sample

PROGRAMMES = ("uk-ppp", "eu-ppp", "ca-ppp", "au-pi")
ZONES = {
    "uk-ppp": "Europe/London",
    "eu-ppp": "Europe/Dublin",
    "ca-ppp": "America/Vancouver",
    "au-pi": "Australia/Sydney",
}
FORMS = {
    "uk-ppp": ((Form.ACKNOWLEDGEMENT_OF_RISK, "2026-01"),),
    "eu-ppp": ((Form.ACKNOWLEDGEMENT_OF_RISK, "2018"),),
    "ca-ppp": ((Form.CONSENT_PART_1, "2014"), (Form.CONSENT_PART_2, "2014")),
    "au-pi": (),
}
SIGNED = (Signer.PATIENT, Signer.PRESCRIBER)
EVERY_TOPIC = tuple(Topic)


def clinic(programme: str, schedule: LabSchedule | None = None) -> ClinicTerms:
    """A clinic in the programme's country."""
    return ClinicTerms(time_zone=ZONES[programme], lab_schedule=schedule)


def admitted(programme: str, can: bool = True) -> list[Fact]:
    """Everything that the first prescription, on day 0, needs but its own test."""
    facts: list[Fact] = [
        PregnancyPotential(
            from_=day(-60),
            can_become_pregnant=Potential.YES if can else Potential.NO,
            reason=PotentialReason.ANATOMY if can else PotentialReason.ASSIGNED_MALE,
            confirmed_by_professional=True,
        ),
        Visit(on=day(-60), mode=VisitMode.IN_PERSON, topics=EVERY_TOPIC),
    ]
    facts += [
        Acknowledgement(on=day(-1), form=form, version=version, signed_by=SIGNED)
        for form, version in FORMS[programme]
    ]
    if can:
        facts.append(sample(day(-40), setting=TestSetting.LABORATORY))
        facts += [
            Contraception(method=method, from_=day(-60))
            for method in (Method.COMBINED_PILL, Method.MALE_CONDOM)
        ]
    return facts


def course(programme: str, months: int = 1, can: bool = True) -> list[Fact]:
    """A course with its prescriptions every 28 days, each handed over on the next day."""
    facts = admitted(programme, can)
    for number in range(months):
        on = day(28 * number)
        facts += [*visit_with_test(on), Prescription(on=on), Dispensing(on=day(28 * number + 1))]
    return facts


def visit_with_test(on: dt.date) -> list[Fact]:
    """A visit at which everything is asked and the test is collected."""
    return [
        Visit(on=on, mode=VisitMode.IN_PERSON, topics=EVERY_TOPIC),
        sample(on, setting=TestSetting.LABORATORY),
    ]


def noon(on: dt.date, programme: str) -> dt.datetime:
    """Midday at the clinic."""
    from compliance.rules.dates import day_begins

    return day_begins(on, ZONES[programme]) + dt.timedelta(hours=12)


def ask(
    programme: str, facts: Iterable[Fact], on: dt.date, act: Act = Act.PRESCRIBE, **more: Any
) -> Assessment:
    """Ask at midday at the clinic."""
    question = Question(at=noon(on, programme), act=act, **more)
    return assess(record(facts), load_programme(programme), clinic(programme), question)


def _thinned(facts: list[Fact], gaps: set[int]) -> list[Fact]:
    return [fact for number, fact in enumerate(facts) if number not in gaps]


COURSES = st.builds(
    lambda programme, months, can, gaps, noise: (
        programme,
        _thinned(course(programme, months, can), gaps) + noise,
    ),
    st.sampled_from(PROGRAMMES),
    st.integers(0, 4),
    st.booleans(),
    st.sets(st.integers(0, 30), max_size=3),
    st.just([]) | NOISE,
)
