"""The clinic's own action limits in the answer: what waits for a person beside the label's."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from compliance.rules.action_limits import (
    ActionLimit,
    Level,
    adoption_as_provision,
    gravest_limit,
    limit_words,
    limits_in_force,
    set_in_force,
)
from compliance.rules.context import Context
from compliance.rules.dates import show
from compliance.rules.facts import Lab, WaitingResult
from compliance.rules.findings import Finding, Provision
from compliance.rules.limits import undecided
from compliance.rules.makers import met, unknown
from compliance.rules.results import newest_results, results_of_day, upper_limit, usable
from compliance.rules.terms import Analyte, Outcome, Requirement
from compliance.rules.waiting_results import waiting_labs

LIMITS = Requirement.LAB_LIMITS
Rule = Callable[[Context], Finding]
_GRAVITY = {Outcome.UNMET: 4, Outcome.UNKNOWN: 3, Outcome.MET: 1}
_WARNS = 2
_ACTIONS = {
    Level.CRITICAL: "Have a named clinician decide, and record the decision",
    Level.ACT: "Have the prescriber acknowledge the result and record the decision",
}


@dataclass(frozen=True, slots=True)
class _Judged:
    """A result by the limits of its day: the gravest that it reaches, or why nobody can tell."""

    lab: Lab
    limit: ActionLimit | None = None
    doubt: str = ""

    @property
    def waits(self) -> bool:
        return bool(self.doubt) or (self.limit is not None and self.limit.holds)

    @property
    def level(self) -> Level | None:
        return self.limit.level if self.limit else None


def with_clinic_limits(label: Rule) -> Rule:
    """The label's rule together with the clinic's own limits and with results that wait."""

    def whole(ctx: Context) -> Finding:
        found = label(ctx)
        if not ctx.terms.limits and not ctx.known(WaitingResult):
            return found
        for more in (*_by_own_limits(ctx, found), *waiting_labs(ctx)):
            found = _together(found, more)
        return found

    return whole


def _by_own_limits(ctx: Context, label: Finding) -> Iterator[Finding]:
    """What the clinic's own limits say of the results that the label's rule does not hold."""
    begun = [one for one in ctx.terms.limits if ctx.clock.reached(one.on)]
    current = set_in_force(begun, ctx.today)
    if current is None:
        return
    told = set(label.evidence) if label.blocks else set()
    judged = [item for item in _judged(ctx) if not item.lab.id or item.lab.id not in told]
    basis = (adoption_as_provision(current),)
    waiting = [item for item in judged if item.waits]
    yield _held(waiting, basis) if waiting else _watched(ctx, judged, basis)


def _judged(ctx: Context) -> Iterator[_Judged]:
    """Every result that nobody has decided about, by the limits of its own day."""
    for analyte in Analyte:
        for lab in undecided(ctx, analyte):
            among = limits_in_force(ctx.terms.limits, lab.day)
            own = [limit for limit in among if limit.analyte is analyte]
            if own:
                yield _judge(lab, own, results_of_day(ctx, lab))


def _judge(lab: Lab, own: list[ActionLimit], same_day: list[Lab]) -> _Judged:
    if usable(lab) is None:
        return _Judged(lab, doubt="unit or number in doubt, never converted by guess")
    limit = gravest_limit(lab, own, same_day)
    if limit is not None and limit.holds:
        return _Judged(lab, limit)
    if any(item.holds and item.reached_by(lab, same_day) is None for item in own):
        return _Judged(lab, doubt=_why_not_compared(lab))
    return _Judged(lab, limit)


def _why_not_compared(lab: Lab) -> str:
    missing = upper_limit(lab) is None
    return "the laboratory's upper limit is missing" if missing else "it may be on either side"


# --- in words -------------------------------------------------------------------------------------


def _held(waiting: list[_Judged], basis: tuple[Provision, ...]) -> Finding:
    ranked = sorted(waiting, key=_place)
    gravest = ranked[0].level
    return unknown(
        LIMITS,
        " ".join(dict.fromkeys(_sentence(item) for item in ranked)),
        tuple(item.lab.id for item in ranked),
        basis,
        action=_ACTIONS[gravest] if gravest else _clarify(ranked[0].lab),
        urgent=gravest is Level.CRITICAL,
    )


def _place(item: _Judged) -> tuple[int, dt.date, str]:
    """The gravest first, then the oldest; the order of entry does not matter."""
    return -[None, *Level].index(item.level), item.lab.day, _words(item.lab)


def _clarify(lab: Lab) -> str:
    if usable(lab) is not None and upper_limit(lab) is None:
        return "Add the laboratory's upper limit to the result, or record a decision"
    return "Ask the laboratory, then correct or dismiss the result"


def _sentence(item: _Judged) -> str:
    words = _words(item.lab)
    if item.limit is None:
        return f"{words} cannot be compared with this clinic's limits: {item.doubt}."
    reached = f"{words} reaches this clinic's limit ({limit_words(item.limit)})"
    if item.level is Level.CRITICAL:
        return f"{reached}, which is critical: nothing goes on until a named clinician decides."
    return f"{reached}: the prescriber acknowledges it first ({item.limit.advice})."


def _watched(ctx: Context, judged: list[_Judged], basis: tuple[Provision, ...]) -> Finding:
    """What reaches a limit that only warns is shown while it is the newest result."""
    seen = [
        (item.lab, item.limit)
        for item in sorted(judged, key=_place)
        if item.limit and item.lab in newest_results(ctx, item.lab.analyte)
    ]
    told = [
        f"Worth watching: {_words(lab)}, {limit_words(limit)} ({limit.advice})."
        for lab, limit in seen
    ]
    said = " ".join(dict.fromkeys(told)) or "No result waits for a decision by the clinic's limits."
    return met(LIMITS, said, tuple(lab.id for lab, _ in seen), basis)


def _words(lab: Lab) -> str:
    return f"{lab.analyte} {lab.value} {lab.unit or 'without a unit'} of {show(lab.day)}"


# --- one finding out of two -----------------------------------------------------------------------


def _together(one: Finding, other: Finding) -> Finding:
    """The graver of two findings, which also says what the other has to say."""
    first, second = (other, one) if _gravity(other) > _gravity(one) else (one, other)
    told = set(second.evidence) <= set(first.evidence)
    if told and not second.blocks:
        return first
    actions = [first.action, second.action] if second.blocks else [first.action]
    return first._replace(
        reason=f"{first.reason} {second.reason}",
        evidence=tuple(dict.fromkeys((*first.evidence, *second.evidence))),
        basis=(*first.basis, *second.basis),
        action="; ".join(dict.fromkeys(action for action in actions if action)),
        urgent=first.urgent or second.urgent,
    )


def _gravity(finding: Finding) -> int:
    return _WARNS if finding.warns else _GRAVITY.get(finding.outcome, 0)
