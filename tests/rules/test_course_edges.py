"""The edges of a course: the day after the last dose, entries of one day, days after treatment."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from itertools import combinations, permutations

import pytest

from compliance.rules.facts import (
    Acknowledgement,
    Contraception,
    Dispensing,
    Enrolment,
    Fact,
    LastDose,
    PregnancyPotential,
    Prescription,
)
from compliance.rules.findings import Assessment, Finding
from compliance.rules.terms import (
    Act,
    Outcome,
    Phase,
    Potential,
    PotentialReason,
    Requirement,
)
from tests.rules.histories import PAIR, admitted, ask, day, noon, sample, started

ENDED = day(70)


def found(answer: Assessment, requirement: Requirement) -> Finding:
    return next(item for item in answer.findings if item.requirement is requirement)


@pytest.mark.parametrize(
    ("fact", "phase"),
    [
        (Enrolment(on=ENDED), Phase.AFTER),
        (Enrolment(on=day(71)), Phase.BEFORE),
        (Prescription(on=ENDED), Phase.AFTER),
        (Prescription(on=day(71)), Phase.BEFORE),
        (Dispensing(on=ENDED), Phase.AFTER),
        (Dispensing(on=day(71)), Phase.DURING),
    ],
    ids=lambda item: getattr(item, "kind", ""),
)
def test_a_new_course_begins_on_the_day_after_the_last_dose_not_on_it(
    fact: Fact, phase: Phase
) -> None:
    answer = ask([*started(2), LastDose(on=ENDED), fact], day(71), Act.MONITOR)
    assert answer.phase is phase


STRICTEST_FIRST = [
    PregnancyPotential(
        from_=day(0),
        can_become_pregnant=Potential.UNDETERMINED,
        confirmed_by_professional=True,
    ),
    PregnancyPotential(
        from_=day(0),
        can_become_pregnant=Potential.YES,
        confirmed_by_professional=True,
    ),
    PregnancyPotential(
        from_=day(0),
        can_become_pregnant=Potential.NO,
        reason=PotentialReason.HYSTERECTOMY,
        confirmed_by_professional=False,
    ),
    PregnancyPotential(
        from_=day(0),
        can_become_pregnant=Potential.NO,
        reason=PotentialReason.HYSTERECTOMY,
        confirmed_by_professional=True,
    ),
]


@pytest.mark.parametrize(("stricter", "other"), combinations(STRICTEST_FIRST, 2))
def test_of_two_categories_of_one_day_the_stricter_counts(
    stricter: PregnancyPotential, other: PregnancyPotential
) -> None:
    alone = found(ask([stricter], day(1)), Requirement.PREGNANCY_POTENTIAL)
    for pair in permutations([stricter, other]):
        both = found(ask(pair, day(1)), Requirement.PREGNANCY_POTENTIAL)
        assert (both.outcome, both.reason) == (alone.outcome, alone.reason)


@pytest.mark.parametrize(
    ("later", "signed", "outcome"),
    [(0, -1, Outcome.MET), (1, -1, Outcome.UNMET), (1, 0, Outcome.MET)],
)
def test_a_form_is_signed_anew_from_the_day_of_another_category_but_not_within_one_day(
    later: int, signed: int, outcome: Outcome
) -> None:
    other = PregnancyPotential(
        from_=day(-later),
        can_become_pregnant=Potential.NO,
        reason=PotentialReason.HYSTERECTOMY,
        confirmed_by_professional=True,
    )
    facts = [
        other,
        *(
            replace(fact, on=day(signed)) if isinstance(fact, Acknowledgement) else fact
            for fact in admitted()
        ),
    ]
    answer = ask(facts, day(1))
    assert found(answer, Requirement.ACKNOWLEDGEMENT).outcome is outcome


def without_the_pair_from(last: int, facts: list[Fact]) -> list[Fact]:
    """The same, with both methods given up after a day."""
    return [
        replace(fact, until=day(last)) if isinstance(fact, Contraception) else fact
        for fact in facts
    ]


@pytest.mark.parametrize(("on", "phase"), [(90, Phase.DURING), (91, Phase.BEFORE)])
def test_a_broken_pair_undoes_the_qualification_from_the_thirty_first_day_without_supply(
    on: int, phase: Phase
) -> None:
    assert ask(without_the_pair_from(40, started(1)), day(on)).phase is phase
    assert ask(started(1), day(on)).phase is Phase.DURING


@pytest.mark.parametrize(("late", "outcome"), [(0, Outcome.UNMET), (1, Outcome.MET)])
def test_after_a_long_gap_tests_count_from_the_day_after_the_last_pick_up(
    late: int, outcome: Outcome
) -> None:
    again = [Contraception(method=method, from_=day(90)) for method in PAIR]
    answer = ask([*without_the_pair_from(30, started(1)), *again, sample(day(31 + late))], day(100))
    assert answer.phase is Phase.BEFORE
    assert found(answer, Requirement.SCREENING_TEST).outcome is outcome


def test_the_test_at_the_end_of_treatment_may_be_done_through_the_last_day_of_grace() -> None:
    facts = [*started(2), LastDose(on=ENDED)]
    due = found(ask(facts, ENDED, Act.MONITOR), Requirement.FINAL_TEST)
    assert due.outcome is Outcome.DUE
    assert "at the end of treatment" in due.reason
    assert due.act_by is not None
    last = due.act_by.astimezone(dt.UTC).date() - dt.timedelta(days=1)
    assert found(ask(facts, noon(last), Act.MONITOR), Requirement.FINAL_TEST) == due
    next_day = noon(last + dt.timedelta(days=1))
    late = found(ask(facts, next_day, Act.MONITOR), Requirement.FINAL_TEST)
    assert late.outcome is Outcome.UNMET
    done = found(ask([*facts, sample(ENDED)], ENDED, Act.MONITOR), Requirement.FINAL_TEST)
    assert "one month after the last dose" in done.reason


def test_days_on_a_new_pair_are_counted_from_its_first_day_on() -> None:
    alone = [fact for fact in admitted() if not isinstance(fact, Contraception)]
    pair = [Contraception(method=method, from_=day(5)) for method in PAIR]
    lead_in = found(ask([*alone, *pair], day(5)), Requirement.CONTRACEPTION_LEAD_IN)
    assert lead_in.earliest == day(35)
    assert found(ask([*alone, *pair], day(4)), Requirement.CONTRACEPTION_LEAD_IN).earliest is None


@pytest.mark.parametrize(("second", "ready"), [(76, 90), (77, 107)])
def test_days_after_a_broken_pair_run_on_through_a_change_without_a_gap(
    second: int, ready: int
) -> None:
    facts = without_the_pair_from(40, started(1))
    facts += [Contraception(method=method, from_=day(60), until=day(75)) for method in PAIR]
    facts += [Contraception(method=method, from_=day(second)) for method in PAIR]
    answer = ask(facts, day(80))
    assert answer.phase is Phase.DURING
    assert found(answer, Requirement.CONTRACEPTION_LEAD_IN).earliest == day(ready)
    assert answer.earliest == day(ready)
