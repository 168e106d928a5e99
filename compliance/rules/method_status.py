"""Where each method of contraception stands on a day: computed from dates, never ticked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from compliance.rules.context import Context, Index
from compliance.rules.dates import plus, show
from compliance.rules.facts import ClinicTerms, Contraception, Record
from compliance.rules.findings import Question
from compliance.rules.programme import Programme
from compliance.rules.schemes import counting, is_sole, methods, weakening
from compliance.rules.terms import Act, Method, Term
from compliance.rules.words import join_methods, sentence

DUE_SOON_DAYS = 30  # our own, where the programme names no other


class MethodState(Term):
    """What a method is worth on a day."""

    ACTIVE = "active"
    DUE_SOON = "due-soon"
    EXPIRED = "expired"
    INTERACTION = "interaction"
    NOT_YET_EFFECTIVE = "not-yet-effective"
    UNVERIFIED = "unverified"


COUNTING = (MethodState.ACTIVE, MethodState.DUE_SOON)


class MethodRole(Term):
    """How the programme classes a method."""

    SOLE = "enough alone"
    EFFECTIVE = "effective"
    PRIMARY = "primary"
    SECONDARY = "secondary"
    BARRIER = "barrier"
    LEFT_OPEN = "left open"
    NEVER = "does not count"


# What the lists of methods name in the plural; a sentence about one of them is in the singular.
_NAMED_SINGLY = {Method.MALE_CONDOM: "The condom", Method.FEMALE_CONDOM: "The female condom"}


@dataclass(frozen=True, slots=True)
class MethodStatus:
    """One method on one day: its state and class, in a sentence, and the last day it counts."""

    method: Method
    state: MethodState
    role: MethodRole
    sentence: str
    until: dt.date | None
    evidence: str


def method_status(
    record: Record, programme: Programme, terms: ClinicTerms, at: dt.datetime
) -> tuple[MethodStatus, ...]:
    """The status of every method in use at a moment, as known then, oldest first.

    Empty before the programme's first edition: nothing is known then about what counts.
    """
    index = Index(record.facts, terms.time_zone)
    ctx = Context(record, index, programme, terms, Question(at=at, act=Act.MONITOR), at)
    return statuses(ctx) if ctx.edition is not None else ()


def statuses(ctx: Context) -> tuple[MethodStatus, ...]:
    """The same on the day of a question; raises NoEditionError before the first edition."""
    used = [fact for fact in ctx.known(Contraception) if _in_use(ctx, fact)]
    return tuple(_status(ctx, fact) for fact in used)


def _in_use(ctx: Context, fact: Contraception) -> bool:
    return fact.method is not Method.NONE and (fact.until is None or fact.until >= ctx.today)


def _status(ctx: Context, fact: Contraception) -> MethodStatus:
    state, words, until = next(found for look in _LOOKS if (found := look(ctx, fact)) is not None)
    name = _NAMED_SINGLY.get(fact.method) or sentence(join_methods(frozenset({fact.method})))
    return MethodStatus(fact.method, state, _role(ctx, fact), f"{name} {words}.", until, fact.id)


_Found = tuple[MethodState, str, dt.date | None]


def _not_yet(ctx: Context, fact: Contraception) -> _Found | None:
    start = fact.effective_from or fact.from_
    if start <= ctx.today:
        return None
    return MethodState.NOT_YET_EFFECTIVE, f"protects from {show(start)}", _last(ctx, fact)


def _weakened(ctx: Context, fact: Contraception) -> _Found | None:
    if not ctx.has("weakened_methods") or fact.method not in methods(ctx, "weakened_methods"):
        return None
    ends = [last for first, last in weakening(ctx) if first <= ctx.today <= last]
    if not ends:
        return None
    until = "while that medicine is taken and for a time after"
    if max(ends) < dt.date.max:
        until = f"through {show(max(ends))}"
    return MethodState.INTERACTION, f"is weakened by another medicine {until}", _last(ctx, fact)


def _lapsed(ctx: Context, fact: Contraception) -> _Found | None:
    last = _last(ctx, fact)
    if last is None or last >= ctx.today:
        return None
    if ctx.has("held_after_methods") and fact.method in methods(ctx, "held_after_methods"):
        words = f"is sure to count through {show(last)} only: the device is not recorded"
        return MethodState.UNVERIFIED, words, last
    return MethodState.EXPIRED, f"counted through {show(last)}", last


def _undocumented(ctx: Context, fact: Contraception) -> _Found | None:
    if not ctx.has("documented_methods") or is_sole(ctx, fact):
        return None
    words = "is not documented by a professional, so it counts only with a barrier"
    return MethodState.UNVERIFIED, words, _last(ctx, fact)


def _off_schedule(ctx: Context, fact: Contraception) -> _Found | None:
    alone = _last_alone(ctx, fact)
    if alone is None or alone >= ctx.today:
        return None
    last = _last(ctx, fact)
    words = f"was enough alone through {show(alone)}; with a barrier it counts"
    return MethodState.EXPIRED, f"{words} through {show(last)}" if last else words, last


def _counts(ctx: Context, fact: Contraception) -> _Found:
    ends = [day for day in (_last(ctx, fact), _last_alone(ctx, fact)) if day is not None]
    if not ends:
        return MethodState.ACTIVE, f"is in use since {show(fact.from_)}", None
    last = min(ends)
    soon = plus(ctx.today, due_soon_days(ctx)) >= last
    state = MethodState.DUE_SOON if soon else MethodState.ACTIVE
    return state, f"counts through {show(last)}", last


def due_soon_days(ctx: Context) -> int:
    """So many days before its last one a method is due soon."""
    days: int = ctx.rule("due_soon_days").value if ctx.has("due_soon_days") else DUE_SOON_DAYS
    return days


_LOOKS = (_not_yet, _weakened, _lapsed, _undocumented, _off_schedule, _counts)


def _last(ctx: Context, fact: Contraception) -> dt.date | None:
    """The last day on which the method counts; None while it has no end."""
    lasts = [last for _, last in counting(ctx, fact, "method_lasts")]
    last = min(max(lasts), fact.until or dt.date.max)
    return None if last == dt.date.max else last


def _last_alone(ctx: Context, fact: Contraception) -> dt.date | None:
    """The last day on which a documented method is enough alone; None where that has no end."""
    if not ctx.has("sole_lasts") or not is_sole(ctx, fact):
        return None
    return max((last for _, last in counting(ctx, fact, "sole_lasts")), default=None)


_ROLES = (
    ("open_methods", MethodRole.LEFT_OPEN),
    ("sole_methods", MethodRole.SOLE),
    ("primary_methods", MethodRole.PRIMARY),
    ("secondary_methods", MethodRole.SECONDARY),
    ("effective_methods", MethodRole.EFFECTIVE),
    ("barrier_methods", MethodRole.BARRIER),
)


def _role(ctx: Context, fact: Contraception) -> MethodRole:
    return next(_listed(ctx, fact), MethodRole.NEVER)


def _listed(ctx: Context, fact: Contraception) -> Iterator[MethodRole]:
    for name, role in _ROLES:
        if ctx.has(name) and fact.method in methods(ctx, name):
            unproven = role is MethodRole.SOLE and ctx.has("documented_methods")
            if not (unproven and not is_sole(ctx, fact)):
                yield role
