"""Reports made by hand, from none to very many cases."""
# ruff: noqa: E501 - sentences as the reports say them

from __future__ import annotations

import datetime as dt
from decimal import Decimal

from compliance.services.report_content import (
    Account,
    Area,
    Attention,
    Case,
    EditionRow,
    EventRow,
    ExceptionRow,
    Indicator,
    KeyFigure,
    Month,
    MonthlyReport,
    OverrideRow,
    Point,
    Trend,
)

MONTH = Month(2026, 10)
CUT_OFF = dt.datetime(2026, 11, 2, 11, 0, tzinfo=dt.UTC)

_TITLES = (
    (1, "Programme entry recorded at the start", Area.START, ""),
    (2, "Form signed before the first dose", Area.START, ""),
    (
        7,
        "Valid pregnancy test before the first prescription",
        Area.START,
        "91.4% (Australian audit)",
    ),
    (
        17,
        "Liver and lipids in the 31 days before the start",
        Area.LABORATORY,
        "lipids 78%, liver 90.5% (Australian audit)",
    ),
    (18, "Liver and lipids at one month", Area.LABORATORY, ""),
    (8, "Valid monthly test at each follow-up prescription", Area.MONTHLY, ""),
    (
        10,
        "Contraception valid on the day",
        Area.MONTHLY,
        "70% (pharmacist-led clinic, 81 patients)",
    ),
    (13, "Supply of at most 30 days", Area.MONTHLY, ""),
    (14, "Dispensed within the window", Area.MONTHLY, ""),
    (9, "Pregnancy test after treatment", Area.END, "45% (pharmacist-led clinic, 81 patients)"),
    (20, "Results beyond a limit acted on within 7 days", Area.SAFETY, ""),
    (21, "Overdue items open at the end of the month", Area.SAFETY, ""),
    (22, "Pregnancies on treatment or in follow-up", Area.SAFETY, ""),
    (23, "Overrides used", Area.GOVERNANCE, ""),
    (25, "Results refused, held or without a unit", Area.GOVERNANCE, ""),
)
_COUNTS = {21, 22, 23, 25}


def series(number: int, size: int, months: int = 12) -> tuple[Point, ...]:
    """A made-up but steady series."""
    points = []
    for back in range(months - 1, -1, -1):
        whole = max(size - back * size // 20, 0)
        missed = (number * 7 + back * back * 3) % max(whole // 9, 2) if whole else 0
        missed = min(missed, whole)
        points.append(
            Point(
                month=MONTH.back(back),
                numerator=missed if number in _COUNTS else whole - missed,
                denominator=None if number in _COUNTS else whole,
            )
        )
    return tuple(points)


def indicator(number: int, title: str, area: Area, benchmark: str, size: int) -> Indicator:
    points = series(number, size)
    last = points[-1]
    missed = last.numerator if last.denominator is None else last.denominator - last.numerator
    cases = tuple(
        Case(local_id=f"MRN-{i:05d}", day=dt.date(2026, 10, 1 + i % 28), met=i >= missed)
        for i in range(last.denominator if last.denominator is not None else last.numerator)
    )
    return Indicator(
        number=number,
        title=title,
        area=area,
        numerator=last.numerator,
        denominator=last.denominator,
        series=points,
        benchmark=benchmark,
        cases=cases,
        method="Counted are the prescriptions issued in the month to patients who can become pregnant; "
        "in order is one with a negative test collected after the previous dispensing that counts on its day.",
    )


def report(
    size: int = 138,
    exceptions: int = 12,
    overrides: int = 3,
    events: int = 1,
    clinic: str = "Northside Dermatology",
    local_id: str = "NSD-{:05d}",
    reason: str = "No negative pregnancy test was collected after the dispensing of 3 Sep 2026.",
    demonstration: bool = True,
) -> MonthlyReport:
    """A whole report of so many cases."""
    figures = tuple(indicator(*row, size) for row in _TITLES)
    by_number = {each.number: each for each in figures}
    share = by_number[8]
    return MonthlyReport(
        clinic=clinic,
        clinic_code="NSD",
        programme="iPLEDGE REMS",
        authority="FDA, United States",
        time_zone="America/New_York",
        month=MONTH,
        cut_off=CUT_OFF,
        headline=(
            f"{share.numerator} of {size} prescriptions in October 2026 ({share.percent}%) met every prerequisite on the "
            f"day they were issued, against {share.series[-2].percent}% the month before."
            if size
            else "No prescription was issued in October 2026."
        ),
        key_figures=(
            KeyFigure(
                title="Prescriptions in order",
                value=f"{share.percent}%" if size else "–",
                detail=f"{share.numerator} of {size}",
                series=share.series,
            ),
            KeyFigure(
                title="Tests after treatment",
                value="66.7%" if size else "–",
                detail="8 of 12 whose time was up",
                series=by_number[9].series,
            ),
            KeyFigure(
                title="Overdue at month end",
                value=str(by_number[21].numerator),
                detail="oldest since 4 Oct 2026",
                series=by_number[21].series,
            ),
            KeyFigure(
                title="Overrides",
                value=str(overrides),
                detail="each with its reason below",
                series=by_number[23].series,
            ),
        ),
        trends=tuple(
            Trend(label=label, points=by_number[number].series)
            for label, number in (
                ("Monthly test valid", 8),
                ("Contraception valid", 10),
                ("Test after treatment", 9),
            )
        ),
        attention=(
            Attention(
                title="4 of 12 tests after treatment are missing",
                detail="The last test falls due a month after the last dose; the published figure of a good clinic is 45%.",
            ),
            Attention(
                title="2 results beyond a limit wait for a decision",
                detail="Triglycerides above 500 mg/dL since 12 Oct 2026.",
            ),
            Attention(
                title=f"{overrides} decisions were taken against the verdict",
                detail="Two of them for the same requirement.",
            ),
        )
        if size
        else (),
        indicators=figures,
        exceptions=tuple(
            ExceptionRow(
                local_id=local_id.format(i * 37 % 9000),
                day=dt.date(2026, 10, 1 + i % 28),
                requirement=_TITLES[i * len(_TITLES) // max(exceptions, 1)][1],
                reason=reason,
                done="Test repeated on 14 Oct 2026" if i % 3 else "",
            )
            for i in range(exceptions)
        ),
        overrides=tuple(
            OverrideRow(
                at=CUT_OFF - dt.timedelta(days=9 + i),
                by="Dr Zoë Łukaszewicz-Ó Briain",
                local_id=local_id.format(i * 91 % 9000),
                requirements=("Monthly pregnancy test", "Both statements agree"),
                reason="The portal showed the patient as qualified; the laboratory's paper result was seen and is being sent (≤ 25 mIU/mL).",
            )
            for i in range(overrides)
        ),
        events=tuple(
            EventRow(
                local_id=local_id.format(i),
                day=dt.date(2026, 10, 9),
                event="Positive urine test on treatment",
                followed="Excluded on 11 Oct 2026 by Dr Ramos: serum hCG < 5 IU/L twice.",
            )
            for i in range(events)
        ),
        accounts=(
            Account(
                title="Laboratory results received in the month",
                parts=(
                    ("Filed", 402),
                    ("Held for a person", 7),
                    ("Rejected with a reason", 3),
                    ("Ignored: not ours", 11),
                ),
                whole=("Results received", 423),
            ),
            Account(
                title="Prescriptions issued in the month",
                parts=(("In order on the day", size), ("Issued by override", 0)),
                whole=("Prescriptions", size),
            ),
        ),
        editions=(
            EditionRow(
                edition="2023-discretion",
                in_force="All month",
                citation="iPLEDGE REMS enforcement discretion, October 2023",
                href="https://www.fda.gov/drugs/postmarket-drug-safety-information-patients-and-providers/ipledge-risk-evaluation-and-mitigation-strategy-rems",
            ),
        ),
        demonstration=demonstration,
    )


LONG = "Αθηνά-Παπαδοπούλου Łódź-Żółć Жанна-Ђорђевић İstanbul-Ğüşöç Çağrı " * 3
PERCENT = Decimal("95.7")
