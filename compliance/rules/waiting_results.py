"""Results that the laboratory sent and that wait for a person: never silently met."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from compliance.rules.action_limits import adoption_as_provision, limits_in_force, set_in_force
from compliance.rules.context import Context
from compliance.rules.dates import show
from compliance.rules.facts import WaitingResult
from compliance.rules.findings import Finding, Provision
from compliance.rules.grades import graded_analytes
from compliance.rules.makers import unknown
from compliance.rules.terms import Analyte, Requirement
from compliance.rules.words import join

Rule = Callable[[Context], Finding]
DECIDE_FIRST = "Open the waiting result, then file it, correct it or dismiss it"
CLOSE_STATEMENT = "Stop, call the patient today, arrange a test, then close what was stated"


def with_waiting_pregnancy(rule: Rule) -> Rule:
    """A rule about pregnancy that is not met while a result that may announce one waits."""

    def whole(ctx: Context) -> Finding:
        found = rule(ctx)
        waiting = [item for item in ctx.known(WaitingResult) if item.pregnancy]
        if not waiting or found.blocks:
            return found
        stated = [item for item in waiting if item.stated]
        if stated:
            return _stated(stated, found.basis)
        return _waits(
            Requirement.NOT_PREGNANT, waiting, found.basis, "that may announce a pregnancy"
        )

    return whole


def _stated(items: list[WaitingResult], basis: tuple[Provision, ...]) -> Finding:
    since = show(min(item.on for item in items))
    return unknown(
        Requirement.NOT_PREGNANT,
        f"On {since} the patient stated a possible pregnancy; nobody has closed it yet.",
        (),
        basis,
        action=CLOSE_STATEMENT,
        urgent=True,
    )


def waiting_labs(ctx: Context) -> Iterator[Finding]:
    """What waits of the analytes that have a limit in force, one finding for each basis."""
    waiting = [item for item in ctx.known(WaitingResult) if not item.pregnancy]
    found: dict[str, tuple[Provision, list[WaitingResult]]] = {}
    for item in waiting:
        basis = _limit_in_force(ctx, item.analyte)
        if basis is not None:
            found.setdefault(basis.parameter, (basis, []))[1].append(item)
    for basis, items in found.values():
        names = join(sorted({str(item.analyte) for item in items}))
        yield _waits(Requirement.LAB_LIMITS, items, (basis,), f"({names})")


def _limit_in_force(ctx: Context, analyte: Analyte | None) -> Provision | None:
    """What limits an analyte today: the clinic's own set, or else the label."""
    begun = [one for one in ctx.terms.limits if ctx.clock.reached(one.on)]
    own = set_in_force(begun, ctx.today)
    if own and any(item.analyte is analyte for item in limits_in_force(begun, ctx.today)):
        return adoption_as_provision(own)
    if ctx.has("lab_limits_beyond"):
        rule = ctx.rule("lab_limits_beyond")
        return rule if analyte in (rule.value or {}) else None
    graded = analyte in graded_analytes() and ctx.has("lab_grade_limit")
    return ctx.rule("lab_grade_limit") if graded else None


def _waits(
    requirement: Requirement, items: list[WaitingResult], basis: tuple[Provision, ...], what: str
) -> Finding:
    since = show(min(item.on for item in items))
    one = len(items) == 1
    reason = (
        f"{'A laboratory result' if one else f'{len(items)} laboratory results'} {what}"
        f" {'waits' if one else 'wait'} for a person since {since}."
    )
    if not all(item.certain for item in items):
        reason += " It is not certain that it is this patient's."
    return unknown(
        requirement,
        reason,
        tuple(item.id for item in items),
        basis,
        action=DECIDE_FIRST,
        urgent=any(item.urgent for item in items),
    )
