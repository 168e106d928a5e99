"""Contraception as a programme classes it: what counts from when to when, and what it is worth."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from compliance.rules.context import PROTECTION, Context
from compliance.rules.counting import age, months_after
from compliance.rules.dates import plus
from compliance.rules.facts import Contraception, Medicine
from compliance.rules.terms import Method, Outcome, Term

Stretch = tuple[dt.date, dt.date]
Lasting = tuple[tuple[Method, str, int, dt.date], ...]


class Role(Term):
    """What a method is in a scheme: enough alone, effective, or a barrier beside another."""

    SOLE = "sole"
    EFFECTIVE = "effective"
    BARRIER = "barrier"


@dataclass(frozen=True, slots=True)
class Use:
    """A method that counts in a role from a day to a day, both included; or whether, is open."""

    first: dt.date
    last: dt.date
    method: Method
    role: Role
    certain: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Protection:
    """Everything that counts, and the scheme by which it is judged."""

    uses: tuple[Use, ...]
    scheme: str

    def on(self, day: dt.date) -> list[Use]:
        """What counts on a day."""
        return [use for use in self.uses if use.first <= day <= use.last]

    def worth(self, day: dt.date) -> Outcome:
        """MET when the scheme is satisfied, UNKNOWN when a person decides, else UNMET."""
        found = self.on(day)
        if _satisfied(self.scheme, [use for use in found if use.certain]):
            return Outcome.MET
        return Outcome.UNKNOWN if _satisfied(self.scheme, found) else Outcome.UNMET

    def since(self, day: dt.date) -> dt.date | None:
        """The first day of the unbroken time, up to a day, in which the scheme was not unmet."""
        since = None
        for start in sorted(self._turns(day), reverse=True):
            if self.worth(start) is Outcome.UNMET:
                break
            since = start
        return since

    def gap(self, first: dt.date, last: dt.date) -> dt.date | None:
        """The first day between two days, both included, on which the scheme was unmet."""
        days = sorted(day for day in {first, *self._turns(last)} if first <= day <= last)
        return next((day for day in days if self.worth(day) is Outcome.UNMET), None)

    def _turns(self, day: dt.date) -> set[dt.date]:
        """The days up to one on which what counts may have changed."""
        ends = {plus(use.last, 1) for use in self.uses if use.last < dt.date.max}
        return {turn for turn in {use.first for use in self.uses} | ends if turn <= day}


def _satisfied(scheme: str, uses: list[Use]) -> bool:
    roles = {use.role for use in uses}
    if scheme == "one-preferably-two":
        return bool(roles & {Role.SOLE, Role.EFFECTIVE})
    return Role.SOLE in roles or {Role.EFFECTIVE, Role.BARRIER} <= roles


def protection_of(ctx: Context, weakened: bool = True) -> Protection:
    """The patient's contraception by the edition of the prescription.

    With `weakened` false, as it would be without the medicines that weaken it.
    """
    if weakened not in ctx.protection:
        ctx.protection[weakened] = ctx.shared(PROTECTION, _weakened if weakened else _unweakened)
    return ctx.protection[weakened]


def _weakened(ctx: Context) -> Protection:
    return _read(ctx, weakened=True)


def _unweakened(ctx: Context) -> Protection:
    return _read(ctx, weakened=False)


def _read(ctx: Context, weakened: bool) -> Protection:
    uses = [use for fact in ctx.known(Contraception) for use in _uses(ctx, fact, weakened)]
    return Protection(tuple(uses), ctx.rule("scheme").value)


def recorded_protection(ctx: Context) -> Protection:
    """The same, with what is on record but protects only from a later day on."""
    uses = [
        Use(first, last, fact.method, role, certain, fact.id)
        for fact in ctx.known(Contraception)
        for role, certain, stretches in _roles(ctx, fact)
        for first, last in _kept(ctx, fact, stretches, weakened=True)
    ]
    return Protection(tuple(uses), ctx.rule("scheme").value)


def _uses(ctx: Context, fact: Contraception, weakened: bool) -> Iterable[Use]:
    for role, certain, stretches in _roles(ctx, fact):
        for first, last in _kept(ctx, fact, stretches, weakened):
            if ctx.clock.reached(first):
                if last < dt.date.max:
                    ctx.clock.reached(plus(last, 1))
                yield Use(first, last, fact.method, role, certain, fact.id)


def _roles(ctx: Context, fact: Contraception) -> Iterable[tuple[Role, bool, list[Stretch]]]:
    """The roles that a method may have, each with the stretches for which it counts so."""
    certain = fact.method not in methods(ctx, "open_methods")
    held = fact.method in methods(ctx, "held_after_methods")
    for role, stretches in _listed(ctx, fact):
        yield role, certain, stretches
        end = max(last for _, last in stretches)
        if held and end < dt.date.max:
            yield role, False, [(plus(end, 1), dt.date.max)]


def _listed(ctx: Context, fact: Contraception) -> Iterable[tuple[Role, list[Stretch]]]:
    whole = counting(ctx, fact, "method_lasts")
    if fact.method in methods(ctx, "sole_methods") and is_sole(ctx, fact):
        yield Role.SOLE, counting(ctx, fact, "sole_lasts") or whole
    if fact.method in methods(ctx, "effective_methods"):
        yield Role.EFFECTIVE, whole
    if fact.method in methods(ctx, "barrier_methods"):
        yield Role.BARRIER, whole


def is_sole(ctx: Context, fact: Contraception) -> bool:
    """Whether a method that can be enough alone has the professional's document it needs."""
    needs = fact.method in methods(ctx, "documented_methods")
    return fact.documented_by_professional or not needs


def methods(ctx: Context, name: str) -> frozenset[Method]:
    """A parameter that lists methods; none where nothing is listed."""
    listed: frozenset[Method] = ctx.rule(name).value or frozenset()
    return listed


def counting(ctx: Context, fact: Contraception, name: str) -> list[Stretch]:
    """For how long a fitting and each renewal count by a parameter; for ever where it is silent."""
    rows: Lasting = ctx.rule(name).value or ()
    lasting = [row for row in rows if row[0] is fact.method]
    if not lasting:
        return [] if name == "sole_lasts" else [(fact.from_, dt.date.max)]
    done = [fact.from_, *(day for day in fact.renewals if ctx.clock.reached(day))]
    endless = (ctx.rule("endless_from_age").value or {}) if ctx.has("endless_from_age") else {}
    for day in done:
        if fact.method in endless and age(ctx, day) >= endless[fact.method]:
            return [(fact.from_, dt.date.max)]
    return [
        (max(day, since), plus(day, count) if unit == "days" else months_after(ctx, day, count))
        for day in done
        for _, unit, count, since in lasting
    ]


def _kept(
    ctx: Context, fact: Contraception, stretches: list[Stretch], weakened: bool
) -> Iterable[Stretch]:
    """The stretches inside the method's use, less those in which a medicine weakens it."""
    start, end = fact.effective_from or fact.from_, fact.until or dt.date.max
    kept = [(max(first, start), min(last, end)) for first, last in stretches]
    if weakened and fact.method in methods(ctx, "weakened_methods"):
        for gap in weakening(ctx):
            kept = [part for stretch in kept for part in _without(stretch, gap)]
    return [(first, last) for first, last in kept if first <= last]


def weakening(ctx: Context) -> list[Stretch]:
    """When a medicine that weakens hormonal contraception is taken, and the days after it."""
    listed = ctx.rule("enzyme_inducers").value or {}
    after = ctx.rule("inducer_days_after").value or 0
    return [
        (item.from_, plus(item.until, after) if item.until else dt.date.max)
        for item in ctx.known(Medicine)
        if item.name in listed
    ]


def _without(stretch: Stretch, gap: Stretch) -> Iterable[Stretch]:
    if gap[1] < stretch[0] or stretch[1] < gap[0]:
        yield stretch
        return
    if stretch[0] < gap[0]:
        yield stretch[0], plus(gap[0], -1)
    if gap[1] < stretch[1]:
        yield plus(gap[1], 1), stretch[1]
