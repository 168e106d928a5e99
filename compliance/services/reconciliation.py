"""What the national portal should show beside our record, line by line, and what was entered."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, aliased

from compliance.models import Clinic, Evidence, Patient, PortalEntry, StoredAssessment
from compliance.rules.dates import show
from compliance.rules.facts import (
    Comprehension,
    Counselling,
    Dispensing,
    Enrolment,
    LastDose,
    MethodReport,
    Pregnancy,
    PregnancyPotential,
    PregnancyTest,
)
from compliance.rules.programme import LedBy, load_programme
from compliance.rules.terms import Potential, Side, Term
from compliance.rules.words import join_methods, sentence
from compliance.services import audit
from compliance.services.actors import Actor
from compliance.services.errors import Conflict, Invalid
from compliance.services.silences import open_courses


class State(Term):
    """How a line stands: nothing to compare, the same on both sides, to be entered, or changed.

    What somebody else enters in the portal is only to be checked.
    """

    EMPTY = "empty"
    ENTERED = "entered"
    TO_ENTER = "to-enter"
    TO_CHECK = "to-check"
    CHANGED = "changed"


OURS = ("the clinic", "the prescriber")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that the portal knows, who enters it there, and how our record says it."""

    key: str
    label: str
    by: str
    kind: str
    tell: Callable[[Any], str]
    test: Callable[[Any], bool] = lambda _fact: True
    needs_potential: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One row for one patient: our value, since when we know it, and what was ticked last."""

    row: Row
    value: str
    known_at: dt.datetime | None
    entry: PortalEntry | None

    @property
    def state(self) -> State:
        """How the line stands."""
        if self.entry is not None and self.entry.value != self.value:
            return State.CHANGED
        if not self.value:
            return State.EMPTY
        if self.entry is not None:
            return State.ENTERED
        return State.TO_ENTER if self.row.by in OURS else State.TO_CHECK

    @property
    def is_open(self) -> bool:
        """Whether somebody has to look into the portal."""
        return self.state in (State.TO_ENTER, State.TO_CHECK, State.CHANGED)

    @property
    def open_since(self) -> dt.datetime | None:
        """Since when the portal and our record may differ; None when they do not."""
        if not self.is_open:
            return None
        moments = [self.known_at, self.entry.entered_at if self.entry else None]
        return max(moment for moment in moments if moment is not None)


@dataclass(frozen=True, slots=True)
class Sheet:
    """Every line of one patient."""

    patient: Patient
    lines: tuple[Line, ...]

    @property
    def open_lines(self) -> tuple[Line, ...]:
        """The lines that have to be entered or mended in the portal."""
        return tuple([line for line in self.lines if line.is_open])

    @property
    def oldest(self) -> dt.datetime | None:
        """Since when the oldest of them is open."""
        return min((line.open_since for line in self.lines if line.open_since), default=None)

    @property
    def seal(self) -> str:
        """A mark of exactly these values: a tick is refused once one of them has changed."""
        said = "\n".join(f"{line.row.key}={line.value}" for line in self.lines)
        return hashlib.sha256(said.encode()).hexdigest()[:16]


_CATEGORIES = {
    Potential.YES: "Can become pregnant",
    Potential.NO: "Cannot become pregnant",
    Potential.UNDETERMINED: "Not determined",
}
_WINDOW = Row("window", "Prescription window", "the portal", "", lambda _: "", needs_potential=True)


def _stated(fact: MethodReport) -> str:
    return f"{sentence(join_methods(frozenset(fact.methods)))}; {show(fact.on)}"


ROWS = (
    Row("enrolment", "Enrolled", "the clinic", Enrolment.kind, lambda f: show(f.on)),
    Row(
        "category",
        "Patient category",
        "the prescriber",
        PregnancyPotential.kind,
        lambda f: f"{_CATEGORIES[f.can_become_pregnant]}; from {show(f.from_)}",
    ),
    Row(
        "test",
        "Pregnancy test",
        "the prescriber",
        PregnancyTest.kind,
        lambda f: f"{sentence(f.result.value)}; collected {show(f.collected)}",
        needs_potential=True,
    ),
    Row("counselling", "Counselling confirmed", "the prescriber", Counselling.kind,
        lambda f: show(f.on)),
    Row(
        "methods-prescriber",
        "Two methods, prescriber's entry",
        "the prescriber",
        MethodReport.kind,
        _stated,
        lambda f: f.by is Side.PRESCRIBER,
        needs_potential=True,
    ),
    Row(
        "comprehension",
        "Monthly questions",
        "the patient",
        Comprehension.kind,
        lambda f: f"{'Passed' if f.passed else 'Not passed'}; {show(f.on)}",
        needs_potential=True,
    ),
    Row(
        "methods-patient",
        "Two methods, patient's entry",
        "the patient",
        MethodReport.kind,
        _stated,
        lambda f: f.by is Side.PATIENT,
        needs_potential=True,
    ),
    _WINDOW,
    Row(
        "dispensing",
        "Dispensed",
        "the pharmacy",
        Dispensing.kind,
        lambda f: f"{show(f.on)}; {f.days_supply} days' supply",
    ),
    Row("last-dose", "Last dose", "the prescriber", LastDose.kind, lambda f: show(f.on)),
    Row("pregnancy", "Pregnancy reported", "the prescriber", Pregnancy.kind,
        lambda f: f"Confirmed {show(f.on)}"),
)  # fmt: skip
_KINDS = {row.kind for row in ROWS if row.kind}


def has_portal(programme: str) -> bool:
    """Whether a programme keeps a registry in which each month is entered."""
    return load_programme(programme).led_by is LedBy.REGISTRY


def sheets(session: Session, clinic: Clinic) -> list[Sheet]:
    """The sheets of a clinic's patients under care that have open lines, the oldest first."""
    courses = [row for row in open_courses(session, clinic) if has_portal(row.patient.programme)]
    facts = _evidence(session, clinic_id=clinic.id)
    entries = _entries(session, clinic_id=clinic.id)
    found = (
        _sheet(row.patient, row.answer, facts[row.patient.id], entries[row.patient.id])
        for row in courses
    )
    return sorted(
        (sheet for sheet in found if sheet.oldest is not None),
        key=lambda sheet: (sheet.oldest, sheet.patient.id),
    )


def sheet_of(session: Session, patient: Patient) -> Sheet:
    """The sheet of one patient."""
    course = patient.course
    answer = session.get(StoredAssessment, course.id) if course else None
    facts = _evidence(session, patient_id=patient.id)[patient.id]
    entries = _entries(session, patient_id=patient.id)[patient.id]
    return _sheet(patient, answer, facts, entries)


def _evidence(session: Session, **of: int) -> dict[int, list[Evidence]]:
    """What stands of what the portal knows too, by patient, the oldest first."""
    later = aliased(Evidence)
    query = (
        select(Evidence)
        .filter_by(**of)
        .where(
            Evidence.kind.in_(_KINDS),
            Evidence.withdrawn_at.is_(None),
            ~exists().where(later.supersedes_id == Evidence.id),
        )
    )
    found: dict[int, list[Evidence]] = defaultdict(list)
    for row in session.scalars(query.order_by(Evidence.happened_on, Evidence.id)):
        found[row.patient_id].append(row)
    return found


def _entries(session: Session, **of: int) -> dict[int, dict[str, PortalEntry]]:
    """The newest tick of each line, by patient."""
    query = select(PortalEntry).filter_by(**of)
    found: dict[int, dict[str, PortalEntry]] = defaultdict(dict)
    for entry in session.scalars(query.order_by(PortalEntry.entered_at, PortalEntry.id)):
        found[entry.patient_id][entry.line] = entry
    return found


def _sheet(
    patient: Patient,
    answer: StoredAssessment | None,
    rows: Sequence[Evidence],
    entries: Mapping[str, PortalEntry],
) -> Sheet:
    cannot = _category(rows) is Potential.NO
    lines = [
        _window(answer, rows, entries) if row is _WINDOW else _line(row, rows, entries.get(row.key))
        for row in ROWS
        if not (cannot and row.needs_potential)
    ]
    return Sheet(patient, tuple(lines))


def _category(rows: Iterable[Evidence]) -> Potential | None:
    found = [row.fact for row in rows if row.kind == PregnancyPotential.kind]
    newest = found[-1] if found else None
    return newest.can_become_pregnant if isinstance(newest, PregnancyPotential) else None


def _line(row: Row, rows: Sequence[Evidence], entry: PortalEntry | None) -> Line:
    for found in reversed(rows):
        if found.kind == row.kind and row.test(found.fact):
            return Line(row, row.tell(found.fact), found.recorded_at, entry)
    return Line(row, "", None, entry)


def _window(
    answer: StoredAssessment | None, rows: Sequence[Evidence], entries: Mapping[str, PortalEntry]
) -> Line:
    """The window that is open now; none is no difference, because windows end by themselves."""
    tests = [row.recorded_at for row in rows if row.kind == PregnancyTest.kind]
    if answer is None or answer.window_first is None or answer.window_last is None or not tests:
        return Line(_WINDOW, "", None, None)
    value = f"{show(answer.window_first)} to {show(answer.window_last)}"
    return Line(_WINDOW, value, tests[-1], entries.get(_WINDOW.key))


def enter(
    session: Session,
    actor: Actor,
    patient: Patient,
    keys: Iterable[str],
    seal: str,
    now: dt.datetime,
) -> int:
    """Write down that these lines are in the portal as our record says them; returns how many.

    Raises Conflict when our record has changed since it was looked at, or where there is no portal,
    Invalid without a line.
    """
    if not has_portal(patient.programme):
        raise Conflict("This programme has no portal in which the month is entered.")
    sheet, wanted = sheet_of(session, patient), set(keys)
    if seal != sheet.seal:
        raise Conflict("Our record has changed meanwhile: look at the sheet again, then tick.")
    ticked = [line for line in sheet.open_lines if line.row.key in wanted]
    if not ticked:
        raise Invalid({"line": "Tick the lines that you have entered in the portal."})
    for line in ticked:
        session.add(
            PortalEntry(
                clinic_id=patient.clinic_id,
                patient_id=patient.id,
                line=line.row.key,
                value=line.value,
                entered_at=now,
                entered_by=actor.name,
                entered_by_id=actor.user_id,
            )
        )
    audit.record(
        session,
        actor,
        "portal.entered",
        "patient",
        patient.public_id,
        now,
        clinic_id=patient.clinic_id,
        patient_id=patient.id,
        detail={line.row.key: line.value for line in ticked},
    )
    return len(ticked)
