"""Laboratory tests: the baseline, those that are due, and results that wait for a decision."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from functools import partial

from compliance.rules.context import Context
from compliance.rules.counting import months_after
from compliance.rules.courses import Course, course_of
from compliance.rules.dates import day_ends, plus, show
from compliance.rules.facts import Lab, LabDecision, Symptom
from compliance.rules.findings import Finding, Provision
from compliance.rules.grades import grade_of
from compliance.rules.makers import due, met, not_required, unknown, unmet
from compliance.rules.results import newest_results, results, usable
from compliance.rules.terms import Analyte, LabSchedule, Phase, Requirement
from compliance.rules.words import join

BASELINE = Requirement.BASELINE_LABS
FOLLOW_UP = Requirement.LAB_FOLLOW_UP
LIMITS = Requirement.LAB_LIMITS
_WORDS = {"ALT": "ALT", "TG": "triglycerides", "fasting TG": "fasting triglycerides"}
_ANALYTES = {"ALT": Analyte.ALT, "TG": Analyte.TG, "fasting TG": Analyte.TG}
_NOT_STATED = "Which tests and when is not stated in the sources that we know; not evaluated."
_SCHEDULES = {schedule.value: schedule for schedule in LabSchedule}
_SUFFIX = {LabSchedule.LABEL: "label", LabSchedule.PEAK_DOSE: "peak_dose"}


def schedule_of(ctx: Context) -> LabSchedule:
    """The clinic's own schedule, or else the programme's."""
    return ctx.terms.lab_schedule or _SCHEDULES[ctx.rule("lab_schedule").value]


def results_for(ctx: Context, test: str) -> list[Lab]:
    """The results that can be used for a test of a plan, looked up once an answer."""
    found = ctx.labs_for.get(test)
    if found is None:
        found = ctx.labs_for[test] = _results_for(ctx, test)
    return found


def _results_for(ctx: Context, test: str) -> list[Lab]:
    return [
        lab
        for lab in results(ctx, _ANALYTES[test])
        if usable(lab) is not None and (test != "fasting TG" or lab.fasting)
    ]


def named_tests(tests: Iterable[str]) -> str:
    """The tests of a plan in a sentence."""
    return join(_WORDS[test] for test in sorted(tests))


def _named_are(tests: frozenset[str]) -> str:
    return f"{named_tests(tests)} {'is' if tests == {'ALT'} else 'are'}"


def _named_were(tests: frozenset[str]) -> str:
    return f"{named_tests(tests)} {'was' if tests == {'ALT'} else 'were'}"


# --- baseline -------------------------------------------------------------------------------------


def baseline_labs(ctx: Context) -> Finding:
    """The tests of the plan, recent enough before the first dose."""
    schedule = schedule_of(ctx)
    if schedule is LabSchedule.NONE:
        return not_required(BASELINE, "The clinic's plan has no laboratory tests.")
    basis = (ctx.rule(f"baseline_{_SUFFIX[schedule]}"), ctx.rule("baseline_days"))
    if not basis[0].stated:
        return not_required(BASELINE, _NOT_STATED, basis)
    first = course_of(ctx).first_dispensing
    missing = [test for test in basis[0].value or () if not _recent(ctx, test, basis[1].value)]
    if not missing:
        return met(BASELINE, "The laboratory tests before the first dose are there.", (), basis)
    before = f"the first dose on {show(first.on)}" if first else "the first dose"
    return unmet(
        BASELINE,
        f"No result for {named_tests(missing)} from the {basis[1].value} days before {before} is"
        " recorded.",
        (),
        basis,
        action="Note that no baseline exists" if first else f"Have {named_tests(missing)} measured",
    )


def _recent(ctx: Context, test: str, days: int) -> bool:
    first = course_of(ctx).first_dispensing
    if first is not None:
        return any(plus(first.on, -days) <= lab.day <= first.on for lab in results_for(ctx, test))
    return any(not ctx.clock.reached(plus(lab.day, days + 1)) for lab in results_for(ctx, test))


# --- follow-up ------------------------------------------------------------------------------------


def lab_follow_up(ctx: Context) -> Finding:
    """The tests of the plan during treatment, each within its days."""
    schedule = schedule_of(ctx)
    if schedule is LabSchedule.NONE:
        return not_required(FOLLOW_UP, "The clinic's plan has no laboratory tests.")
    basis = (ctx.rule(f"follow_up_{_SUFFIX[schedule]}"), ctx.rule("lab_tolerance_days"))
    if not basis[0].stated:
        return not_required(FOLLOW_UP, _NOT_STATED, basis)
    if course_of(ctx).phase is not Phase.DURING:
        return not_required(FOLLOW_UP, "Laboratory tests are due during treatment only.", basis)
    target = lab_target(ctx)
    return _waited_for(ctx, *target, basis) if target else _nothing_due(ctx, schedule, basis)


def _waited_for(
    ctx: Context, day: dt.date, tests: frozenset[str], basis: tuple[Provision, ...]
) -> Finding:
    """Tests with their target day: late once the days after it are over, due until then."""
    early, late = basis[1].value
    last = plus(day, late)
    action = f"Have {named_tests(tests)} measured"
    if ctx.clock.reached(plus(day, late + 1)):
        reason = f"{_named_were(tests)} due on {show(day)} and no result is recorded."
        return unmet(FOLLOW_UP, _upper(reason), (), basis, action=action)
    return due(
        FOLLOW_UP,
        _upper(f"{_named_are(tests)} due on {show(day)}."),
        (),
        basis,
        action=action,
        earliest=plus(day, -early),
        act_by=day_ends(last, ctx.terms.time_zone),
    )


def _upper(text: str) -> str:
    return text[0].upper() + text[1:]


def _nothing_due(ctx: Context, schedule: LabSchedule, basis: tuple[Provision, ...]) -> Finding:
    if _anchor(course_of(ctx), schedule) is None:
        return unknown(
            FOLLOW_UP,
            "The day of the highest dose cannot be told: no daily dose is recorded.",
            (),
            basis,
            action="Record the daily dose with the prescription",
        )
    return met(FOLLOW_UP, "The laboratory tests during treatment are there.", (), basis)


def lab_target(ctx: Context) -> tuple[dt.date, frozenset[str]] | None:
    """The day of the next tests that are due or overdue, and which; None when none are."""
    schedule = schedule_of(ctx)
    if schedule is LabSchedule.NONE or course_of(ctx).phase is not Phase.DURING:
        return None
    anchor = _anchor(course_of(ctx), schedule)
    if anchor is None:
        return None
    rows = ctx.rule(f"follow_up_{_SUFFIX[schedule]}").value or ()
    found: dict[dt.date, frozenset[str]] = {}
    # Single targets first: one that is overdue hides the repeated ones that come after it.
    for row in sorted(rows, key=lambda row: int(row[3])):
        day = _next(ctx, anchor, row, min(found, default=dt.date.max))
        if day is not None:
            found[day] = found.get(day, frozenset()) | row[0]
    return min(found.items(), default=None, key=lambda item: item[0])


def _anchor(course: Course, schedule: LabSchedule) -> dt.date | None:
    first = course.first_dispensing
    if schedule is LabSchedule.LABEL or first is None:
        return first.on if first else None
    doses = [item for item in course.prescriptions if item.daily_dose_mg is not None]
    highest = max((item.daily_dose_mg or 0 for item in doses), default=0)
    return min((item.on for item in doses if item.daily_dose_mg == highest), default=None)


def _next(
    ctx: Context, anchor: dt.date, row: tuple[frozenset[str], str, int, int], hidden: dt.date
) -> dt.date | None:
    """The first target of one row of the plan that no result has answered, up to a day."""
    tests, unit, after, every = row
    move = plus if unit == "days" else partial(months_after, ctx)
    early, late = ctx.rule("lab_tolerance_days").value
    target = move(anchor, after)
    number = 1
    while every and target <= hidden and ctx.clock.reached(plus(target, late + 1)):
        following = move(anchor, after + number * every)
        if not ctx.clock.reached(plus(following, -early)) or following <= target:
            break
        target, number = following, number + 1
    last = None if not every else plus(target, late)
    if not _answered(ctx, tests, plus(target, -early), last):
        return target
    return move(anchor, after + number * every) if every else None


def _answered(ctx: Context, tests: frozenset[str], first: dt.date, last: dt.date | None) -> bool:
    return all(
        any(
            lab.day >= first and (last is None or lab.day <= last) for lab in results_for(ctx, test)
        )
        for test in tests
    )


# --- results that wait for a decision -------------------------------------------------------------


def lab_limits(ctx: Context) -> Finding:
    """No stop symptom and no result beyond the limit is left without a decision."""
    basis = (ctx.rule("lab_grade_limit"), ctx.rule("stop_symptoms"))
    symptom = _stop_symptom(ctx)
    if symptom is not None:
        return unmet(
            LIMITS,
            f"{_upper(symptom.name.replace('-', ' '))} was reported on {show(symptom.on)}:"
            f" {basis[1].value[symptom.name]}.",
            (symptom.id,),
            (basis[1], basis[0]),
            action="Have the prescriber see the patient and record the decision",
            urgent=True,
        )
    doubtful, beyond = _open_results(ctx, basis[0].value)
    if beyond:
        return _beyond(ctx, beyond, basis)
    if doubtful:
        return _doubtful(doubtful, basis)
    return met(LIMITS, "No result waits for a decision.", (), basis)


def _stop_symptom(ctx: Context) -> Symptom | None:
    reported = ctx.known(Symptom)
    if not reported:
        return None
    listed = ctx.rule("stop_symptoms").value or {}
    decided = max((fact.on for fact in ctx.known(LabDecision)), default=dt.date.min)
    since = course_of(ctx).since
    found = [
        fact for fact in reported if fact.name in listed and fact.on > decided and fact.on >= since
    ]
    return max(found, key=lambda fact: (fact.on, fact.name), default=None)


def _open_results(ctx: Context, limit: int | None) -> tuple[list[Lab], list[Lab]]:
    doubtful, beyond = [], []
    decided = bool(ctx.known(LabDecision))
    for analyte in {lab.analyte: None for lab in ctx.known(Lab)}:
        for lab in newest_results(ctx, analyte):
            if analyte is Analyte.HCG or (decided and _decided(ctx, lab)):
                continue
            grade = grade_of(ctx, lab)
            if usable(lab) is None:
                doubtful.append(lab)
            elif grade is not None and limit is not None and grade >= limit:
                beyond.append(lab)
    return doubtful, beyond


def _decided(ctx: Context, lab: Lab) -> bool:
    return any(
        fact.analyte is lab.analyte and fact.on >= lab.day for fact in ctx.known(LabDecision)
    )


def _beyond(ctx: Context, labs: list[Lab], basis: tuple[Provision, ...]) -> Finding:
    words = join(sorted({_result(lab, f"CTCAE v5 grade {grade_of(ctx, lab)}") for lab in labs}))
    return unmet(
        LIMITS,
        f"{words} waits for the prescriber's decision.",
        tuple(lab.id for lab in labs),
        basis,
        action="Have the prescriber review the result and record the decision",
    )


def _doubtful(labs: list[Lab], basis: tuple[Provision, ...]) -> Finding:
    words = join(sorted({_result(lab, "unit or number in doubt") for lab in labs}))
    return unknown(
        LIMITS,
        f"{words} cannot be used until a person confirms it.",
        tuple(lab.id for lab in labs),
        basis,
        action="Ask the laboratory, then correct or dismiss the result",
    )


def _result(lab: Lab, remark: str) -> str:
    return f"{lab.analyte} {lab.value} {lab.unit or 'without a unit'} of {show(lab.day)} ({remark})"
