"""The indicators of a month: one registry, each with the function that finds its cases.

The list of cases is the only source of a figure: numerator and denominator are its lengths.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from compliance.services import indicator_cases as cases
from compliance.services import indicator_states as states
from compliance.services.cohort import Cohort, Followed
from compliance.services.report_content import Area, Case, Indicator, Month, Point

Find = Callable[[Followed, Month], Iterable[Case]]

MONTHS = 12

_BEFORE_DOSE = "Each patient whose first pick-up of a course falls in the month is one case."
_ISSUED = "Each prescription issued in the month is one case, judged by the rules on its own day"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One indicator: what it counts, how that reads, and what to say when it needs attention.

    A share has cases in order and not; a count only lists (`share` false), and each is a finding.
    """

    number: int
    title: str
    area: Area
    method: str
    alarm: str
    find: Find
    share: bool = True
    benchmark: str = ""


MEASURES: tuple[Measure, ...] = (
    Measure(
        number=1,
        title="Programme entry recorded at the start",
        area=Area.START,
        method="Each first prescription of a course in the month is one case; in order when the"
        " enrolment and a confirmed pregnancy potential were recorded by that day.",
        alarm="Starts without a recorded programme entry",
        find=cases.programme_entry,
    ),
    Measure(
        number=2,
        title="Form signed before the first dose",
        area=Area.START,
        method=f"{_BEFORE_DOSE} In order when everybody who must had signed the form.",
        alarm="First doses without the signed form",
        find=cases.form_signed,
    ),
    Measure(
        number=7,
        title="Pregnancy tests valid at the first prescription",
        area=Area.START,
        method="Each first prescription of a course to a patient who can become pregnant is one"
        " case; in order when both tests counted: setting, sensitivity, spacing, day of the cycle.",
        alarm="First prescriptions without valid pregnancy tests",
        find=cases.first_tests,
        benchmark="91.4% in Australian audits, 71.4% in Irish practice",
    ),
    Measure(
        number=0,
        title="Every prerequisite appeared met",
        area=Area.MONTHLY,
        method=f"{_ISSUED}; in order when the verdict was yes. Others look at its parts.",
        alarm="Prescriptions with a prerequisite not met",
        find=cases.prescriptions_in_order,
    ),
    Measure(
        number=8,
        title="Monthly pregnancy test valid",
        area=Area.MONTHLY,
        method="Each later prescription to a patient who can become pregnant is one case; in order"
        " when a negative test that counts was collected after the previous pick-up.",
        alarm="Prescriptions without a valid monthly test",
        find=cases.monthly_tests,
    ),
    Measure(
        number=10,
        title="Contraception valid on the day",
        area=Area.MONTHLY,
        method="Each prescription to a patient who can become pregnant is one case; in order when"
        " the methods, their time in use and both statements met the programme.",
        alarm="Prescriptions without valid contraception",
        find=cases.contraception_valid,
        benchmark="70% in a pharmacist-led clinic of 81 patients",
    ),
    Measure(
        number=13,
        title="Supply within the limit",
        area=Area.MONTHLY,
        method=f"{_ISSUED}; in order when days' supply and refills are within the limit.",
        alarm="Prescriptions beyond the limit of supply",
        find=cases.supply_limited,
    ),
    Measure(
        number=14,
        title="Picked up within the window",
        area=Area.MONTHLY,
        method="Each pick-up of the month to which a window applies is one case; in order when it"
        " fell inside the window of its test or visit.",
        alarm="Pick-ups outside the window",
        find=cases.picked_up_in_window,
    ),
    Measure(
        number=17,
        title="Liver and lipids before the start",
        area=Area.LABORATORY,
        method=f"{_BEFORE_DOSE} In order when the baseline that the clinic's schedule asks for was"
        " collected in time.",
        alarm="Starts without baseline liver and lipid results",
        find=cases.baseline_results,
        benchmark="lipids 78%, liver 90.5% in Australian audits; 47% in New Zealand",
    ),
    Measure(
        number=18,
        title="Liver and lipids at one month",
        area=Area.LABORATORY,
        method="Each course whose first results on treatment had to be in by a day of the month"
        " (target and tolerance) is one case, unless it ended before the target.",
        alarm="Courses without liver and lipid results at one month",
        find=states.results_at_one_month,
    ),
    Measure(
        number=19,
        title="At least one lipid result on treatment",
        area=Area.LABORATORY,
        method="Each course whose last dose falls in the month is one case; in order with a"
        " triglyceride result collected between the first pick-up and the last dose.",
        alarm="Courses ended without any lipid result",
        find=states.lipids_on_treatment,
        benchmark="13% before and during in New Zealand",
    ),
    Measure(
        number=20,
        title="Results beyond a limit acted on in 7 days",
        area=Area.LABORATORY,
        method="Each result at or beyond the grade at which the programme alerts, or a limit at"
        " which the clinic acts, is one case of the month in which its seven days end; in order"
        " when a decision on it was recorded in them.",
        alarm="Results beyond a limit without a recorded decision",
        find=states.limits_acted_on,
    ),
    Measure(
        number=9,
        title="Pregnancy test after treatment",
        area=Area.END,
        method="Each course of a patient who can become pregnant whose time for the last test"
        " (a month after the last dose, and the days of grace) ended in the month is one case.",
        alarm="Tests after treatment missing",
        find=states.final_tests,
        benchmark="45% in a pharmacist-led clinic of 81 patients",
    ),
    Measure(
        number=12,
        title="Methods that lapse within 30 days",
        area=Area.SAFETY,
        method="Contraceptive methods in use at the end of the month that stop counting within 30"
        " days of it, of patients before, on or just after treatment.",
        alarm="Contraceptive methods that lapse within 30 days",
        find=states.methods_lapsing,
        share=False,
    ),
    Measure(
        number=21,
        title="Overdue items open at month end",
        area=Area.SAFETY,
        method="Everything that the rules had due with a last day before the end of the month and"
        " that was still open then.",
        alarm="Items overdue at the end of the month",
        find=states.overdue_items,
        share=False,
    ),
    Measure(
        number=24,
        title="Lost to follow-up",
        area=Area.SAFETY,
        method="Patients on treatment at the end of the month of whom nothing was recorded for more"
        " than 42 days: no visit, test, statement, prescription or pick-up.",
        alarm="Patients on treatment not seen for more than 42 days",
        find=states.lost_to_follow_up,
        share=False,
    ),
    Measure(
        number=22,
        title="Pregnancies on treatment or in follow-up",
        area=Area.SAFETY,
        method="Pregnancies recorded for a day of the month between the first pick-up and the end"
        " of follow-up. Each is listed below with what followed.",
        alarm="Pregnancies recorded",
        find=states.pregnancies,
        share=False,
    ),
    Measure(
        number=23,
        title="Overrides used",
        area=Area.GOVERNANCE,
        method="Prescriptions and pick-ups of the month decided against the verdict. Each is listed"
        " below with its reason.",
        alarm="Decisions taken against the verdict",
        find=cases.overrides,
        share=False,
    ),
)

DATA_QUALITY = Measure(
    number=25,
    title="Results held, refused or without a unit",
    area=Area.GOVERNANCE,
    method="Results whose file came in during the month and that were not simply filed. The account"
    " of all results stands under data quality.",
    alarm="Laboratory results held, refused or without a unit",
    find=lambda _person, _month: (),
    share=False,
)


def measure(cohort: Cohort, month: Month) -> tuple[Indicator, ...]:
    """Every indicator of a month, each with its series of twelve months."""
    months = cohort.months(month, MONTHS)
    found = [_indicator(each, months, lambda m, e=each: _cases(cohort, e, m)) for each in MEASURES]  # type: ignore[misc]
    return (*found, _indicator(DATA_QUALITY, months, lambda m: _received(cohort, m)))


def _cases(cohort: Cohort, each: Measure, month: Month) -> tuple[Case, ...]:
    found = [case for person in cohort.people for case in each.find(person, month)]
    return tuple(sorted(found, key=_by_day))


def _by_day(case: Case) -> tuple[dt.date, str, str]:
    return case.day, case.local_id, case.reason


def _received(cohort: Cohort, month: Month) -> tuple[Case, ...]:
    return tuple(
        Case(local_id=each.local_id, day=each.day, met=False, reason=states.received_as(each))
        for each in cohort.received
        if each.day in month and states.is_fault(each)
    )


def _indicator(
    each: Measure, months: tuple[Month, ...], find: Callable[[Month], tuple[Case, ...]]
) -> Indicator:
    lists = [find(month) for month in months]
    points = tuple(_point(each, month, found) for month, found in zip(months, lists, strict=True))
    return Indicator(
        number=each.number,
        title=each.title,
        area=each.area,
        numerator=points[-1].numerator,
        denominator=points[-1].denominator,
        series=points,
        method=each.method,
        benchmark=each.benchmark,
        cases=lists[-1],
    )


def _point(each: Measure, month: Month, found: tuple[Case, ...]) -> Point:
    if not each.share:
        return Point(month=month, numerator=len(found), denominator=None)
    return Point(month=month, numerator=sum(case.met for case in found), denominator=len(found))
