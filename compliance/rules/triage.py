"""Where a patient stands on the worklist: risk first, then what can still be saved."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from compliance.rules.clock import Clock
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.findings import Assessment, Finding, PlannedDate
from compliance.rules.stop_protocol import StopProtocol
from compliance.rules.terms import Act, Outcome, Phase, Requirement, Term

CLOSING_DAYS = 2  # our own: a window that closes this soon is not left to itself
WEEK = 7  # our own: what begins within a week is prepared now


class Group(Term):
    """The groups of the worklist, in the order in which they are worked."""

    ACT_NOW = "act-now"
    WINDOW_OPEN = "window-open"
    DUE_THIS_WEEK = "due-this-week"
    WAITING = "waiting"
    ON_TRACK = "on-track"
    AFTER_TREATMENT = "after-treatment"
    CLOSED = "closed"


class Weight(Term):
    """What weighs most inside a group: danger, then what is about to be lost, then what was."""

    DANGER = "1"
    CLOSING = "2"
    OVERDUE = "3"
    USUAL = "4"


@dataclass(frozen=True, slots=True)
class Triage:
    """A place on the worklist.

    `rank` sorts as text. `act_by` is the last useful moment. `changes_at` is the first instant at
    which time alone moves the patient while the assessment stays the same (None: never).
    """

    group: Group
    rank: str
    headline: str
    action: str
    act_by: dt.datetime | None
    changes_at: dt.datetime | None = None


# Steps that follow others: while the first is missing they are no work of their own.
_FOLLOWS = frozenset(
    {
        Requirement.CONTRACEPTION_LEAD_IN,
        Requirement.COUNSELLING,
        Requirement.COMPREHENSION,
        Requirement.METHOD_MATCH,
        Requirement.PRESCRIPTION_WINDOW,
    }
)
# A test that must wait for another reason is not repeated now.
_REPEATED = frozenset(
    {
        Requirement.TEST_BEFORE_START,
        Requirement.TEST_SETTING,
        Requirement.TEST_SENSITIVITY,
    }
)
_AFTERWARDS = (
    Requirement.FINAL_TEST,
    Requirement.CONTRACEPTION_TAIL,
    Requirement.BLOOD_DONATION,
)
_CYCLE = (Requirement.MONTHLY_TEST, Requirement.COUNSELLING, Requirement.DAYS_SUPPLY)
_STATEMENTS = (Requirement.COUNSELLING, Requirement.COMPREHENSION, Requirement.METHOD_MATCH)
_DOABLE = (Outcome.UNMET, Outcome.UNKNOWN)


def triage(
    answer: Assessment,
    planned: Sequence[PlannedDate],
    at: dt.datetime,
    protocol: StopProtocol | None = None,
) -> Triage:
    """The patient's place at a moment, from the answer, the dates ahead and a stop protocol."""
    look = _Look(answer, planned, at, protocol)
    place = look.place()
    later = look
    while moments := later.clock.moments_ahead():
        later = _Look(answer, planned, moments[0], protocol)
        if later.place() != place:
            return replace(place, changes_at=moments[0])
    return place


def closed(headline: str) -> Triage:
    """The place of a course that was closed: off the worklist, with what to say about it."""
    return Triage(Group.CLOSED, _rank(Group.CLOSED, Weight.USUAL, None), headline, "", None)


class _Look:
    """One look at an answer at one moment."""

    def __init__(
        self,
        answer: Assessment,
        planned: Sequence[PlannedDate],
        at: dt.datetime,
        protocol: StopProtocol | None,
    ) -> None:
        self.answer = answer
        self.planned = planned
        self.protocol = protocol
        self.clock = Clock(at, answer.time_zone, answer.authority_zone)
        self.findings = {finding.requirement: finding for finding in answer.findings}

    def place(self) -> Triage:
        for step in _STEPS:
            found = step(self)
            if found is not None:
                return found
        return self.on_track()

    # each step: the patient's place, or None when it is not for this step to say

    def stopping(self) -> Triage | None:
        """The next step of an open stop protocol."""
        task = self.protocol.next if self.protocol else None
        if self.protocol is None or task is None:
            return None
        by = day_ends(task.by, self.answer.time_zone)
        late = len(self.protocol.overdue(self.clock))
        headline = self.protocol.sentence + (f" Overdue: {late}." if late else "")
        action = f"{task.rule.title} ({task.rule.owner}): {task.rule.task}"
        return Triage(Group.ACT_NOW, _rank(Group.ACT_NOW, Weight.DANGER, by), headline, action, by)

    def danger(self) -> Triage | None:
        for finding in self.answer.findings:
            seen_to = finding.requirement is Requirement.NOT_PREGNANT and self.protocol is not None
            if finding.urgent and finding.outcome in _DOABLE and not seen_to:
                return _placed(Group.ACT_NOW, Weight.DANGER, finding, finding.act_by)
        return None

    def stopped(self) -> Triage | None:
        """Every step of the stop protocol is done: only its outcome is missing."""
        if self.protocol is None:
            return None
        over = self.answer.phase is Phase.AFTER
        group = Group.AFTER_TREATMENT if over else Group.DUE_THIS_WEEK
        rank = _rank(group, Weight.CLOSING, None)
        return Triage(group, rank, self.protocol.sentence, "" if over else _OUTCOME, None)

    def afterwards(self) -> Triage | None:
        if self.answer.phase is not Phase.AFTER:
            return None
        for finding in self.answer.findings:
            if finding.blocks:
                return _placed(Group.ACT_NOW, Weight.OVERDUE, finding, finding.act_by)
        return self._final_test() or self._running()

    def _final_test(self) -> Triage | None:
        finding = self.findings.get(Requirement.FINAL_TEST)
        if finding is None or finding.outcome is not Outcome.DUE or finding.earliest is None:
            return None
        soon = self.clock.reached(plus(finding.earliest, -WEEK))
        group = Group.DUE_THIS_WEEK if soon else Group.AFTER_TREATMENT
        return _placed(group, Weight.USUAL, finding, finding.act_by)

    def _running(self) -> Triage:
        for requirement in _AFTERWARDS:
            finding = self.findings.get(requirement)
            binds = (Outcome.DUE, Outcome.MET) if requirement is _AFTERWARDS[1] else (Outcome.DUE,)
            if finding is not None and finding.outcome in binds:
                return _placed(Group.AFTER_TREATMENT, Weight.USUAL, finding, finding.act_by)
        return closed("Follow-up is complete.")

    def window(self) -> Triage | None:
        window = self.answer.window
        closes = self.answer.window_closes_at
        if window is None or closes is None:
            return None
        missing = self._missing()
        closing = self.clock.reached(plus(window[1], -CLOSING_DAYS))
        if closing and missing is not None:
            return _placed(Group.ACT_NOW, Weight.CLOSING, missing, closes, _until(self.answer))
        if missing is not None:
            return _placed(Group.WINDOW_OPEN, Weight.USUAL, missing, closes, _until(self.answer))
        return Triage(
            Group.WINDOW_OPEN,
            _rank(Group.WINDOW_OPEN, Weight.CLOSING if closing else Weight.USUAL, closes),
            f"Prerequisites appear met. {_until(self.answer)}",
            _NEXT_ACT.get(self.answer.question.act, "Have the medicine picked up"),
            closes,
        )

    def _missing(self) -> Finding | None:
        """The first thing that stands between an open window and the pick-up."""
        blocking = [finding for finding in self.answer.findings if finding.blocks]
        if blocking:
            return blocking[0]
        if self.answer.question.act is Act.PRESCRIBE:
            return None
        owed = (self.findings.get(requirement) for requirement in _STATEMENTS)
        return next((item for item in owed if item and item.outcome is Outcome.DUE), None)

    def month(self) -> Triage | None:
        """In treatment with no window open: the next test or visit, or the end of the supply."""
        if self.answer.phase is not Phase.DURING:
            return None
        step = next((item for r in _CYCLE for item in self.planned if item.requirement is r), None)
        now = self._to_do()
        if step is None:
            return _placed(Group.DUE_THIS_WEEK, Weight.USUAL, now, None) if now else None
        if self.clock.reached(plus(step.last, 1)):
            return self._late(step, now)
        if now is not None and now.requirement is not step.requirement:
            ends = day_ends(step.last, self.answer.time_zone)
            return _placed(Group.DUE_THIS_WEEK, Weight.USUAL, now, ends)
        if self.clock.reached(plus(step.first, -WEEK)):
            return self._coming(step, now)
        other = [f for f in self._dated() if f.requirement is not step.requirement]
        return None if other else self.on_track()

    def _late(self, step: PlannedDate, now: Finding | None) -> Triage:
        finding = now or self.findings.get(step.requirement)
        ends = day_ends(step.last, self.answer.time_zone)
        if finding is None or not (finding.blocks or finding.warns):
            headline = f"The supply ended on {show(step.last)} and no pick-up has followed."
            action = "Settle whether treatment goes on, or record the last dose"
            rank = _rank(Group.ACT_NOW, Weight.OVERDUE, ends)
            return Triage(Group.ACT_NOW, rank, headline, action, ends)
        return _placed(Group.ACT_NOW, Weight.OVERDUE, finding, ends)

    def _coming(self, step: PlannedDate, now: Finding | None) -> Triage:
        ends = day_ends(step.last, self.answer.time_zone)
        rank = _rank(Group.DUE_THIS_WEEK, Weight.USUAL, ends)
        action = now.action if now else _PREPARE.get(step.requirement, "")
        return Triage(Group.DUE_THIS_WEEK, rank, step.sentence, action, ends)

    def waiting(self) -> Triage | None:
        """Something blocks: to be done now, or from a day on."""
        now, dated = self._to_do(), self._dated()
        if now is not None:
            return _placed(Group.DUE_THIS_WEEK, Weight.USUAL, now, now.act_by)
        if dated:
            finding = max(dated, key=_earliest)
            soon = self.clock.reached(plus(_earliest(finding), -WEEK))
            group = Group.DUE_THIS_WEEK if soon else Group.WAITING
            begins = day_ends(_earliest(finding), self.answer.time_zone)
            place = _placed(group, Weight.USUAL, finding, finding.act_by)
            return replace(place, rank=_rank(group, Weight.USUAL, begins))
        blocking = [finding for finding in self.answer.findings if finding.blocks]
        if blocking:
            return _placed(Group.DUE_THIS_WEEK, Weight.USUAL, blocking[0], blocking[0].act_by)
        return None

    def _to_do(self) -> Finding | None:
        """The first thing that blocks and that can be done today."""
        later = _FOLLOWS | _REPEATED if self._dated() else _FOLLOWS
        for finding in self.answer.findings:
            if finding.blocks and finding.requirement not in later and not self._ahead(finding):
                return finding
        return None

    def _dated(self) -> list[Finding]:
        """What blocks and can be cleared only from a later day on."""
        return [finding for finding in self.answer.findings if self._ahead(finding)]

    def _ahead(self, finding: Finding) -> bool:
        """Whether it blocks and can be cleared only from a day on that is not there yet."""
        if not finding.blocks or finding.earliest is None:
            return False
        return not self.clock.reached(finding.earliest)

    def on_track(self) -> Triage:
        for requirement in (Requirement.LAB_LIMITS, Requirement.LAB_FOLLOW_UP):
            finding = self.findings.get(requirement)
            if finding is not None and finding.warns:
                return _placed(Group.DUE_THIS_WEEK, Weight.USUAL, finding, None)
        step = next((item for r in _CYCLE for item in self.planned if item.requirement is r), None)
        headline = step.sentence if step else "Prerequisites appear met."
        begins = day_ends(step.first, self.answer.time_zone) if step else None
        action = _PREPARE.get(step.requirement, "") if step else _START
        if step is None:
            rank = _rank(Group.DUE_THIS_WEEK, Weight.USUAL, None)
            return Triage(Group.DUE_THIS_WEEK, rank, headline, action, None)
        ends = day_ends(step.last, self.answer.time_zone)
        rank = _rank(Group.ON_TRACK, Weight.USUAL, begins)
        return Triage(Group.ON_TRACK, rank, headline, action, ends)


_STEPS: tuple[Callable[[_Look], Triage | None], ...] = (
    _Look.stopping,
    _Look.danger,
    _Look.stopped,
    _Look.afterwards,
    _Look.window,
    _Look.month,
    _Look.waiting,
)
_START = "Issue the prescription"
_OUTCOME = "Record the last dose; or a prescriber excludes a pregnancy, with the reason"
_NEXT_ACT = {
    Act.PRESCRIBE: "Issue the prescription, then have the patient answer and pick up",
    Act.DISPENSE: "Have the medicine picked up",
}
_PREPARE = {
    Requirement.MONTHLY_TEST: "Arrange the pregnancy test",
    Requirement.COUNSELLING: "Arrange the visit",
    Requirement.DAYS_SUPPLY: "Arrange the next prescription",
}


def _earliest(finding: Finding) -> dt.date:
    return finding.earliest or dt.date.min


def _until(answer: Assessment) -> str:
    window = answer.findings and _find(answer, Requirement.PRESCRIPTION_WINDOW)
    return window.reason if window and window.outcome is Outcome.MET else ""


def _find(answer: Assessment, requirement: Requirement) -> Finding | None:
    return next((item for item in answer.findings if item.requirement is requirement), None)


def _placed(
    group: Group, weight: Weight, finding: Finding, act_by: dt.datetime | None, more: str = ""
) -> Triage:
    headline = f"{finding.reason} {more}" if more and more != finding.reason else finding.reason
    return Triage(group, _rank(group, weight, act_by), headline, finding.action, act_by)


def _rank(group: Group, weight: Weight, by: dt.datetime | None) -> str:
    """Group, weight, then the soonest moment; nothing dated comes last."""
    moment = by.astimezone(dt.UTC).isoformat() if by else "9999"
    return f"{list(Group).index(group)}{weight}{moment}"
