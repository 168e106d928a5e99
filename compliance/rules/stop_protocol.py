"""The stop protocol: after a positive or unclear test or a pregnancy, until each step is done."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from compliance.rules.clock import Clock
from compliance.rules.context import Context, Index
from compliance.rules.dates import plus, show
from compliance.rules.facts import (
    ClinicTerms,
    Fact,
    Lab,
    Pregnancy,
    PregnancyTest,
    ProtocolStep,
    Record,
)
from compliance.rules.findings import Question
from compliance.rules.pregnancy import Alarm, Sign, alarms, clears_from, unresolved
from compliance.rules.programme import Programme
from compliance.rules.protocol_steps import StepRule, steps_for
from compliance.rules.terms import Analyte, ProtocolKind, ResultStatus, Specimen, Step, TestResult

GRAVE = (Sign.PREGNANCY, Sign.POSITIVE)
BY_RESULT_ONLY = frozenset({Step.REPEAT})  # a repeated test resolves; saying so does not


@dataclass(frozen=True, slots=True)
class Learned:
    """On which day the clinic learned of an entry, and which entry replaced one that it corrects.

    What is not named here counts as learned on the day on which it happened.
    """

    on: Mapping[str, dt.date] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Done:
    """How a step was done: on which day, by whom, and by which entry of the record."""

    on: dt.date
    by: str
    note: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Task:
    """One step of an open protocol: the last day of its target, and how it was done, if it was.

    `first` is the first day on which it can serve (None: at once).
    """

    rule: StepRule
    by: dt.date
    first: dt.date | None = None
    done: Done | None = None

    def is_overdue(self, clock: Clock) -> bool:
        """Whether it is still to be done and its last day is over at the clinic."""
        return self.done is None and clock.reached(plus(self.by, 1))


@dataclass(frozen=True, slots=True)
class StopProtocol:
    """What has to follow an alarm, in order; `since` is the day on which the clinic learned of it.

    `cause` is the evidence of the gravest sign, which `why` tells; `causes` is that of every sign.
    """

    kind: ProtocolKind
    sign: Sign
    cause: str
    why: str
    since: dt.date
    causes: frozenset[str]
    tasks: tuple[Task, ...]

    @property
    def open_tasks(self) -> tuple[Task, ...]:
        """What is still to be done, in order."""
        return tuple(task for task in self.tasks if task.done is None)

    @property
    def next(self) -> Task | None:
        """The first step that is still to be done; None when every one is."""
        return next(iter(self.open_tasks), None)

    @property
    def is_open(self) -> bool:
        """Whether a step is still to be done."""
        return self.next is not None

    @property
    def sentence(self) -> str:
        """Why it is open, since when, and how far it is."""
        done = len(self.tasks) - len(self.open_tasks)
        if not self.is_open:
            return f"{self.why}; every step of the stop protocol is done."
        far = f"{done} of {len(self.tasks)} steps done"
        return f"{self.why}; the stop protocol is open since {show(self.since)}, {far}."

    def overdue(self, clock: Clock) -> tuple[Task, ...]:
        """The steps whose target has passed."""
        return tuple([task for task in self.tasks if task.is_overdue(clock)])


_WHY = {
    Sign.PREGNANCY: "A pregnancy was confirmed on {day}",
    Sign.POSITIVE: "The {what} of {day} is positive",
    Sign.UNCLEAR: "The {what} of {day} is unclear",
    Sign.UNREADABLE: "The {what} of {day} cannot be read with certainty",
}


def stop_protocol(
    record: Record,
    programme: Programme,
    terms: ClinicTerms,
    question: Question,
    learned: Learned | None = None,
) -> StopProtocol | None:
    """The protocol that a record calls for at the moment of a question; None without an alarm.

    It is there as long as the alarm is: until a prescriber excludes a pregnancy, or, after an
    unclear test only, a repeated test resolves it. It is open until each of its steps is done.
    """
    index = Index(record.facts, terms.time_zone)
    return protocol_in(Context(record, index, programme, terms, question, question.at), learned)


def protocol_in(ctx: Context, learned: Learned | None = None) -> StopProtocol | None:
    """The same for a question that is being looked at already."""
    signs = unresolved(ctx)
    if not signs:
        return None
    grave = [alarm for alarm in signs if alarm.sign in GRAVE]
    kind = ProtocolKind.STOP if grave else ProtocolKind.UNCLEAR
    return _opened(ctx, kind, grave or signs, learned or Learned())


def _opened(
    ctx: Context, kind: ProtocolKind, signs: Sequence[Alarm], learned: Learned
) -> StopProtocol:
    gravest = min(signs, key=lambda alarm: (list(Sign).index(alarm.sign), alarm.day))
    causes = frozenset(alarm.evidence for alarm in signs)
    days = [_learned_on(alarm, learned) for alarm in signs]
    steps = _steps_done(ctx, causes, learned)
    tasks = tuple(
        _task(ctx, rule, signs, days, steps) for rule in steps_for(kind, ctx.programme.id)
    )
    what = "hCG" if any(lab.id == gravest.evidence for lab in ctx.known(Lab)) else "pregnancy test"
    why = _WHY[gravest.sign].format(what=what, day=show(gravest.day))
    return StopProtocol(kind, gravest.sign, gravest.evidence, why, min(days), causes, tasks)


def _learned_on(alarm: Alarm, learned: Learned) -> dt.date:
    return max(alarm.day, learned.on.get(alarm.evidence, alarm.day))


def _steps_done(ctx: Context, causes: frozenset[str], learned: Learned) -> dict[Step, Done]:
    """The first entry of each step that names one of these causes, or one that it replaced."""
    found: dict[Step, Done] = {}
    for fact in ctx.known(ProtocolStep):
        if learned.replaced.get(fact.cause, fact.cause) in causes:
            found.setdefault(fact.step, Done(fact.on, fact.by, fact.note, fact.id))
    return found


def _task(
    ctx: Context,
    rule: StepRule,
    signs: Sequence[Alarm],
    days: Sequence[dt.date],
    steps: Mapping[Step, Done],
) -> Task:
    if rule.step is Step.REPEAT:
        # Each further unclear result asks for another repeat, counted from that result.
        return Task(rule, plus(max(days), rule.target_days), clears_from(ctx, _newest(signs)))
    done = steps.get(rule.step)
    if done is None and rule.step is Step.CONFIRM:
        done = _confirmed(ctx, signs)
    return Task(rule, plus(min(days), rule.target_days), None, done)


def _newest(signs: Iterable[Alarm]) -> Alarm:
    return max(signs, key=lambda alarm: alarm.day)


def _confirmed(ctx: Context, signs: Sequence[Alarm]) -> Done | None:
    """The entry that settled it: a pregnancy, or serum or hCG that followed the first sign."""
    first = min(signs, key=lambda alarm: (alarm.day, alarm.evidence))
    tests = ctx.known(PregnancyTest)
    urine = any(t.id == first.evidence and t.specimen is Specimen.URINE for t in tests)
    since = first.day if urine else plus(first.day, 1)
    found: list[Fact] = [fact for fact in ctx.known(Pregnancy) if fact.day >= first.day]
    found += [fact for fact in _settling(ctx) if fact.day >= since]
    settled = min(found, key=lambda fact: (fact.day, fact.id), default=None)
    return None if settled is None else Done(settled.day, "", "", settled.id)


def _settling(ctx: Context) -> Iterable[Fact]:
    """The serum tests and hCG results that say yes or no."""
    for test in ctx.known(PregnancyTest):
        if test.specimen is Specimen.SERUM and test.result is not TestResult.INDETERMINATE:
            yield test
    unsettled = {alarm.evidence for alarm in alarms(ctx) if alarm.sign not in GRAVE}
    for lab in ctx.known(Lab):
        readable = lab.status is not ResultStatus.ENTERED_IN_ERROR and lab.id not in unsettled
        if lab.analyte is Analyte.HCG and readable:
            yield lab
