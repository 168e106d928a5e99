"""What contraception was in use when, and from when to when a complete pair was."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from compliance.rules.context import COVER, Context
from compliance.rules.dates import plus
from compliance.rules.facts import Contraception
from compliance.rules.schemes import Stretch, counting, methods
from compliance.rules.terms import Method, Outcome


class Span(NamedTuple):
    """A method, or a complete pair, in use from a day to a day, both included."""

    first: dt.date
    last: dt.date
    methods: frozenset[Method]
    evidence: tuple[str, ...]
    accepted: bool = True


class Cover(NamedTuple):
    """Every span of a method in use, and every span in which a complete pair was."""

    single: tuple[Span, ...]
    complete: tuple[Span, ...]

    def in_use(self, day: dt.date) -> list[Span]:
        """The methods in use on a day."""
        return [span for span in self.single if span.first <= day <= span.last]

    def pairs(self, day: dt.date) -> list[Span]:
        """The complete pairs in use on a day."""
        return [span for span in self.complete if span.first <= day <= span.last]

    def same_pair_since(self, day: dt.date) -> dt.date | None:
        """The first day of the pair that is longest in use on a day; None without one."""
        return min([span.first for span in self.pairs(day)], default=None)

    def first_gap(self, first: dt.date, last: dt.date) -> dt.date | None:
        """The first day between two days, both included, that no complete pair covers."""
        day = first
        for span in sorted(self.complete, key=_first):
            if span.first > day:
                break
            if span.last >= day:
                day = plus(span.last, 1)
        covered = day > last or day == dt.date.max
        return None if covered else day

    def covered_since(self, day: dt.date) -> dt.date | None:
        """The first day of the unbroken cover, by whatever pairs, that reaches a day."""
        since: dt.date | None = None
        edge = day
        while firsts := [span.first for span in self.complete if span.first <= edge <= span.last]:
            since = min(firsts)
            if since == dt.date.min:
                break
            edge = plus(since, -1)
        return since


def _first(span: Span) -> dt.date:
    return span.first


def cover_of(ctx: Context) -> Cover:
    """The patient's cover, as known on the day asked."""
    if ctx.cover is None:
        ctx.cover = ctx.shared(COVER, _read)
    return ctx.cover


def _read(ctx: Context) -> Cover:
    single = _merged(_spans(ctx))
    return Cover(single, tuple(_complete(ctx, single)))


def _spans(ctx: Context) -> Iterable[Span]:
    for fact in ctx.known(Contraception):
        start = fact.effective_from or fact.from_
        end = fact.until or dt.date.max
        stretches = _stretches(ctx, fact)
        for first, last in stretches:
            first, last = max(first, start), min(last, end)
            if first <= last and ctx.clock.reached(first):
                if last < dt.date.max:
                    ctx.clock.reached(plus(last, 1))
                yield Span(first, last, frozenset((fact.method,)), (fact.id,))
        if _left_open(ctx, fact, min(last for _, last in stretches)) and start <= end:
            if ctx.clock.reached(start) and end < dt.date.max:
                ctx.clock.reached(plus(end, 1))
            yield Span(start, end, frozenset((fact.method,)), (fact.id,), accepted=False)


def _stretches(ctx: Context, fact: Contraception) -> list[Stretch]:
    if not ctx.has("method_lasts"):
        return [(fact.from_, dt.date.max)]
    return counting(ctx, fact, "method_lasts")


def _left_open(ctx: Context, fact: Contraception, last: dt.date) -> bool:
    """Whether a person decides about a device whose time is over, since some last longer."""
    if last == dt.date.max or not ctx.clock.reached(plus(last, 1)):
        return False
    return ctx.has("held_after_methods") and fact.method in methods(ctx, "held_after_methods")


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Stretches of one method that touch or overlap, as one."""
    merged: list[Span] = []
    for span in sorted(spans, key=_kind_first):
        before = merged[-1] if merged else None
        same = before and _kind(before) == _kind(span)
        if before and same and span.first <= plus(before.last, 1):
            evidence = tuple(dict.fromkeys(before.evidence + span.evidence))
            last = max(before.last, span.last)
            merged[-1] = Span(before.first, last, span.methods, evidence, span.accepted)
        else:
            merged.append(span)
    return tuple(merged)


def _kind(span: Span) -> tuple[list[Method], bool]:
    return sorted(span.methods), span.accepted


def _kind_first(span: Span) -> tuple[list[Method], bool, dt.date, dt.date]:
    return *_kind(span), span.first, span.last


def _complete(ctx: Context, single: tuple[Span, ...]) -> Iterable[Span]:
    for number, one in enumerate(single):
        if worth(ctx, one.methods) is Outcome.MET:
            yield one
        for other in single[number + 1 :]:
            methods = one.methods | other.methods
            first, last = max(one.first, other.first), min(one.last, other.last)
            value = worth(ctx, methods)
            if first <= last and value is not Outcome.UNMET:
                sure = value is Outcome.MET and one.accepted and other.accepted
                yield Span(first, last, methods, one.evidence + other.evidence, sure)


def worth(ctx: Context, methods: frozenset[Method]) -> Outcome:
    """MET when the methods are enough together, UNKNOWN when a person must decide, else UNMET."""
    if methods & ctx.rule("sole_methods").value:
        return Outcome.MET
    primary = methods & ctx.rule("primary_methods").value
    if primary and methods & ctx.rule("secondary_methods").value:
        return Outcome.MET
    if len(primary) > 1:
        return _TWO_PRIMARY[ctx.rule("two_primary").value]
    return Outcome.UNMET


_TWO_PRIMARY = {"accept": Outcome.MET, "hold": Outcome.UNKNOWN, "reject": Outcome.UNMET}
