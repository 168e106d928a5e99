"""Made-up histories: a course in order, and strategies that put it out of order."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import strategies as st

from compliance.rules.action_limits import suggested_limits
from compliance.rules.assess import assess
from compliance.rules.facts import (
    KINDS,
    Acknowledgement,
    Adoption,
    ClinicTerms,
    Comprehension,
    Contraception,
    ContraceptionExemption,
    Counselling,
    Dispensing,
    Enrolment,
    Fact,
    InteractionAcknowledged,
    Lab,
    LabDecision,
    LastDose,
    LimitSet,
    Medicine,
    Menses,
    MethodReport,
    Pregnancy,
    PregnancyExcluded,
    PregnancyPotential,
    PregnancyTest,
    Prescription,
    Record,
    Symptom,
    Visit,
)
from compliance.rules.findings import Assessment, Question
from compliance.rules.programme import load_programme
from compliance.rules.terms import (
    Act,
    Analyte,
    Cycle,
    ExemptionReason,
    Form,
    LabSchedule,
    Method,
    Potential,
    PotentialReason,
    ResultStatus,
    Side,
    Signer,
    Supervision,
    TestResult,
    TestSetting,
    Topic,
)

PAIR = (Method.COMBINED_PILL, Method.MALE_CONDOM)
START = dt.date(2026, 3, 2)
IPLEDGE = load_programme("us-ipledge")


def day(count: int, start: dt.date = START) -> dt.date:
    """So many days after the enrolment."""
    return start + dt.timedelta(days=count)


def noon(on: dt.date) -> dt.datetime:
    """Midday in New York on a day, in UTC."""
    return dt.datetime.combine(on, dt.time(16), dt.UTC)


def terms(*adopted: dt.date, zone: str = "America/New_York", **more: Any) -> ClinicTerms:
    """A clinic's terms, with edition 2026 adopted on a day or not at all."""
    adoptions = tuple(Adoption(edition="2026", on=on) for on in adopted)
    return ClinicTerms(time_zone=zone, adoptions=adoptions, **more)


def record(facts: Iterable[Fact], born: dt.date = dt.date(1999, 5, 2)) -> Record:
    """A record of these facts, each with an id of its own."""
    return Record(
        born=born,
        facts=tuple(replace(fact, id=f"fact-{number:03}") for number, fact in enumerate(facts)),
    )


def ask(
    facts: Iterable[Fact],
    at: dt.date | dt.datetime,
    act: Act = Act.DISPENSE,
    clinic: ClinicTerms | None = None,
    **more: Any,
) -> Assessment:
    """Ask the rules of iPLEDGE about these facts."""
    moment = at if isinstance(at, dt.datetime) else noon(at)
    question = Question(at=moment, act=act, **more)
    return assess(record(facts), IPLEDGE, clinic or terms(), question)


def admitted(
    on: dt.date = START,
    *,
    can: bool = True,
    cycle: Cycle = Cycle.REGULAR,
    methods: tuple[Method, ...] = PAIR,
) -> list[Fact]:
    """Enrolled, categorised, informed, and where it applies tested and on two methods."""
    facts: list[Fact] = [
        PregnancyPotential(
            from_=on,
            can_become_pregnant=Potential.YES if can else Potential.NO,
            reason=PotentialReason.ANATOMY if can else PotentialReason.ASSIGNED_MALE,
            confirmed_by_professional=True,
            cycle=cycle,
        ),
        Enrolment(on=on),
        Visit(on=on, topics=(Topic.MENTAL_HEALTH,)),
        Acknowledgement(on=on, form=Form.ENROLMENT, signed_by=(Signer.PATIENT, Signer.PRESCRIBER)),
        Lab(collected=on, analyte=Analyte.ALT, value="20", unit="U/L", upper_limit="40"),
        Lab(collected=on, analyte=Analyte.TG, value="90", unit="mg/dL", fasting=True),
    ]
    if can:
        facts.append(sample(on))
        facts += [Contraception(method=method, from_=on) for method in methods]
    else:
        facts.append(Counselling(on=on))
    return facts


def sample(
    on: dt.date,
    result: TestResult = TestResult.NEGATIVE,
    setting: TestSetting | None = TestSetting.MEDICAL,
    **more: Any,
) -> PregnancyTest:
    """A pregnancy test collected on a day."""
    return PregnancyTest(collected=on, result=result, setting=setting, **more)


def stated(on: dt.date, methods: tuple[Method, ...] = PAIR) -> list[Fact]:
    """The month's statements of both sides."""
    return [
        Counselling(on=on),
        Comprehension(on=on, passed=True),
        *(MethodReport(on=on, by=side, methods=methods) for side in Side),
    ]


def month(on: dt.date, methods: tuple[Method, ...] = PAIR) -> list[Fact]:
    """A month's test, statements and prescription on one day."""
    return [sample(on), *stated(on, methods), Visit(on=on), Prescription(on=on)]


def started(months: int = 1, **how: Any) -> list[Fact]:
    """A course with its first pick-ups: second test on day 31, menses day 2, picked up at once."""
    facts = [*admitted(**how), Menses(started=day(30))]
    for number in range(months):
        on = day(31 + 30 * number)
        facts += [*month(on), Dispensing(on=on)]
    return facts


# --- out of order ---------------------------------------------------------------------------------

DAYS = st.integers(-40, 220).map(day)
ACTS = st.sampled_from(list(Act))
MOMENTS = st.builds(
    lambda on, minute: dt.datetime.combine(on, dt.time(), dt.UTC) + dt.timedelta(minutes=minute),
    DAYS | st.builds(lambda month, late: day(31 + 30 * month + late), *[st.integers(0, 7)] * 2),
    st.integers(0, 1439),
)
METHODS = st.sampled_from(list(Method))
FACTS: dict[str, st.SearchStrategy[Any]] = {
    "pregnancy_potential": st.builds(
        PregnancyPotential,
        from_=DAYS,
        can_become_pregnant=st.sampled_from(list(Potential)),
        reason=st.sampled_from([None, *PotentialReason]),
        confirmed_by_professional=st.booleans(),
        cycle=st.sampled_from(list(Cycle)),
    ),
    "enrolment": st.builds(Enrolment, on=DAYS),
    "visit": st.builds(Visit, on=DAYS, topics=st.just((Topic.MENTAL_HEALTH,))),
    "acknowledgement": st.builds(
        Acknowledgement,
        on=DAYS,
        form=st.sampled_from(list(Form)),
        signed_by=st.lists(st.sampled_from(list(Signer)), unique=True).map(tuple),
    ),
    "counselling": st.builds(Counselling, on=DAYS),
    "comprehension": st.builds(Comprehension, on=DAYS, passed=st.booleans()),
    "pregnancy_test": st.builds(
        PregnancyTest,
        collected=DAYS,
        result=st.sampled_from(list(TestResult)),
        setting=st.sampled_from([None, *TestSetting]),
        clia_certified=st.sampled_from([None, True, False]),
        supervision=st.sampled_from([None, *Supervision]),
        home_process_documented=st.booleans(),
        sensitivity=st.sampled_from([10.0, 25.0, 25.1, 50.0]),
    ),
    "menses": st.builds(Menses, started=DAYS),
    "contraception": st.builds(
        lambda method, first, length, delay, renewals: Contraception(
            method=method,
            from_=first,
            until=None if length is None else first + dt.timedelta(days=length),
            effective_from=None if delay is None else first + dt.timedelta(days=delay),
            renewals=tuple(first + dt.timedelta(days=item) for item in renewals),
        ),
        METHODS,
        DAYS,
        st.none() | st.integers(0, 120),
        st.none() | st.integers(0, 14),
        st.lists(st.integers(0, 200), max_size=2),
    ),
    "method_report": st.builds(
        MethodReport,
        on=DAYS,
        by=st.sampled_from(list(Side)),
        methods=st.lists(METHODS, max_size=3).map(tuple),
    ),
    "contraception_exemption": st.builds(
        ContraceptionExemption,
        on=DAYS,
        reason=st.sampled_from(list(ExemptionReason)),
        on_form=st.booleans(),
    ),
    "medicine": st.builds(
        lambda name, first, length: Medicine(
            name=name,
            from_=first,
            until=None if length is None else first + dt.timedelta(days=length),
        ),
        st.sampled_from(["st-johns-wort", "doxycycline", "paracetamol"]),
        DAYS,
        st.none() | st.integers(0, 60),
    ),
    "interaction_acknowledged": st.builds(
        InteractionAcknowledged,
        medicine=st.sampled_from(["st-johns-wort", "doxycycline"]),
        on=DAYS,
    ),
    "prescription": st.builds(
        Prescription,
        on=DAYS,
        days_supply=st.integers(1, 60),
        refills=st.integers(0, 2),
        daily_dose_mg=st.sampled_from([None, 20.0, 40.0]),
    ),
    "dispensing": st.builds(Dispensing, on=DAYS, days_supply=st.sampled_from([15, 30, 60])),
    "last_dose": st.builds(LastDose, on=DAYS),
    "lab": st.builds(
        Lab,
        collected=DAYS
        | st.builds(dt.datetime.combine, DAYS, st.times(timezones=st.sampled_from([dt.UTC]))),
        analyte=st.sampled_from(list(Analyte)),
        value=st.sampled_from(["1,7", "<0.5", ">1000", "90", "650", "abc", "1,234", "12", "0"]),
        unit=st.sampled_from(["", "mg/dL", "mmol/L", "U/L", "[IU]/L", "ukat/L", "bananas"]),
        upper_limit=st.sampled_from(["", "40", "<150", "x"]),
        status=st.sampled_from(list(ResultStatus)),
        fasting=st.sampled_from([None, True, False]),
    ),
    "lab_decision": st.builds(LabDecision, on=DAYS, analyte=st.sampled_from(list(Analyte))),
    "symptom": st.builds(
        Symptom, on=DAYS, name=st.sampled_from(["abdominal-pain", "dry-lips", "jaundice"])
    ),
    "pregnancy": st.builds(Pregnancy, on=DAYS),
    "pregnancy_excluded": st.builds(
        PregnancyExcluded, on=DAYS, by=st.just("Dr A"), reason=st.just("false positive")
    ),
}
NOISE = st.lists(st.sampled_from(list(KINDS)).flatmap(FACTS.__getitem__), max_size=12)
ORDERLY = st.builds(
    lambda months, picked_up, can, cycle: started(months, can=can, cycle=cycle)[
        : None if picked_up else -1
    ],
    st.integers(0, 3),
    st.booleans(),
    st.booleans(),
    st.sampled_from(list(Cycle)),
)


def _thinned(facts: list[Fact], gaps: set[int]) -> list[Fact]:
    return [fact for number, fact in enumerate(facts) if number not in gaps]


HISTORIES = st.builds(
    lambda orderly, gaps, noise: _thinned(orderly, gaps) + noise,
    ORDERLY,
    st.sets(st.integers(0, 45), max_size=3),
    st.just([]) | NOISE,
)
SITUATIONS = st.tuples(HISTORIES, MOMENTS) | st.builds(
    lambda months, cycle, gaps, noise, late, minute: (
        _thinned(started(months, cycle=cycle)[:-1], gaps) + noise,
        noon(day(31 + 30 * (months - 1) + late)) + dt.timedelta(minutes=minute),
    ),
    st.integers(1, 3),
    st.sampled_from([Cycle.REGULAR, Cycle.IRREGULAR]),
    st.sets(st.integers(0, 45), max_size=1),
    st.just([]) | st.lists(st.sampled_from(list(KINDS)).flatmap(FACTS.__getitem__), max_size=2),
    st.integers(0, 7),
    st.integers(0, 1439),
)
LIMIT_SETS = st.lists(
    st.builds(
        LimitSet,
        on=DAYS,
        keys=st.lists(
            st.sampled_from([limit.key for limit in suggested_limits()]), unique=True
        ).map(tuple),
    ),
    max_size=2,
).map(lambda sets: tuple(sorted(sets, key=lambda item: item.on)))
CLINICS = st.builds(
    lambda zone, adopted, schedule, limits: terms(
        *adopted, zone=zone, lab_schedule=schedule, limits=limits
    ),
    st.sampled_from(["America/New_York", "America/Los_Angeles", "Pacific/Guam"]),
    st.lists(DAYS, max_size=2),
    st.sampled_from([None, *LabSchedule]),
    LIMIT_SETS,
)
