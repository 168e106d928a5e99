"""What becomes of each row of a spreadsheet: new, a duplicate, refused or left out, with why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from compliance.models import Clinic, OnboardingBatch, OnboardingRow, Patient
from compliance.models.onboarding import RowOutcome
from compliance.rules.programme import load_programme
from compliance.rules.terms import Term
from compliance.services.evidence import local_date
from compliance.services.onboarding_columns import DATES
from compliance.services.onboarding_files import Sheet
from compliance.services.onboarding_values import (
    DateForm,
    DateQuestion,
    Incoming,
    RowReader,
    Setting,
    question_about,
)
from compliance.services.patients import fold, prescribers


class Decision(Term):
    """What a person decides about a row that may be somebody known."""

    LEAVE_OUT = "leave-out"
    SAME = "same"
    ANOTHER = "another"


@dataclass(frozen=True, slots=True)
class Judged:
    """One row with its outcome; `match` says whom it may be, `incoming` is who is to be loaded."""

    position: int
    cells: dict[str, str]
    outcome: RowOutcome
    reason: str = ""
    match: dict[str, str] = field(default_factory=dict)
    incoming: Incoming | None = None

    @property
    def undecided(self) -> bool:
        """Whether a person has to look at it first."""
        return self.outcome is RowOutcome.DUPLICATE and not self.reason


Decided = Mapping[int, Mapping[str, str]]  # by position: the decision, and the match it was about


def judge(
    session: Session,
    clinic: Clinic,
    batch: OnboardingBatch,
    sheet: Sheet,
    decided: Decided,
    now: dt.datetime,
) -> list[Judged]:
    """Every row of a file, in its order, against what the clinic has and the rows before it."""
    rows = [(position, cells_of(batch, sheet, row)) for position, row in sheet.rows]
    judging = _Judging(
        known=_Known(session, clinic),
        setting=_setting(session, clinic, batch, [cells for _, cells in rows], now),
        decided=decided,
        columns=len(sheet.headings),
    )
    lengths = {position: len(row) for position, row in sheet.rows}
    return [judging.row(position, cells, lengths[position]) for position, cells in rows]


def questions(batch: OnboardingBatch, sheet: Sheet) -> list[DateQuestion]:
    """The columns of dates that can be read two ways, whether answered already or not."""
    mapped = batch.columns.get("fields", {})
    found = (
        question_about(name, [cells_of(batch, sheet, row).get(name, "") for _, row in sheet.rows])
        for name in DATES
        if name in mapped
    )
    return [question for question in found if question is not None]


def cells_of(batch: OnboardingBatch, sheet: Sheet, row: tuple[str, ...]) -> dict[str, str]:
    """A row's cells by our field names, as the columns were chosen."""
    place = {heading: index for index, heading in enumerate(sheet.headings)}
    mapped = batch.columns.get("fields", {})
    return {
        name: row[place[heading]] if place[heading] < len(row) else ""
        for name, heading in mapped.items()
        if heading in place
    }


def _setting(
    session: Session,
    clinic: Clinic,
    batch: OnboardingBatch,
    rows: list[dict[str, str]],
    now: dt.datetime,
) -> Setting:
    programme = load_programme(clinic.programme)
    dates = batch.columns.get("dates", {})
    return Setting(
        today=local_date(clinic, now),
        programmes=frozenset({fold(programme.id), fold(programme.name)}),
        prescribers={fold(user.email): user.id for user in prescribers(session, clinic)},
        language=clinic.language,
        dates={name: DateForm(form) for name, form in dates.items()},
        letters=frozenset(fold(cells.get("sex_at_birth", "")) for cells in rows),
    )


class _Known:
    """The patients of the clinic, by number and by name with birth date."""

    def __init__(self, session: Session, clinic: Clinic) -> None:
        undone = select(OnboardingRow.patient_id).where(OnboardingRow.outcome == RowOutcome.UNDONE)
        query = select(
            Patient.public_id, Patient.mrn, Patient.search_name, Patient.birth_date
        ).where(Patient.clinic_id == clinic.id, Patient.id.not_in(undone))
        self.by_number: dict[str, dict[str, str]] = {}
        self.by_person: dict[tuple[frozenset[str], dt.date], dict[str, str]] = {}
        for public_id, mrn, name, born in session.execute(query):
            self.by_number[mrn.casefold()] = {"by": "number", "patient": public_id}
            who = {"by": "person", "patient": public_id}
            self.by_person[frozenset(name.split()), born] = who


@dataclass
class _Judging:
    """One pass over a file: the rows before are known to the rows after."""

    known: _Known
    setting: Setting
    decided: Decided
    columns: int
    numbers: dict[str, int] = field(default_factory=dict)
    persons: dict[Any, int] = field(default_factory=dict)

    def row(self, position: int, cells: dict[str, str], length: int) -> Judged:
        """What becomes of one row."""
        if self._decision(position, {}) is Decision.LEAVE_OUT:
            return Judged(position, cells, RowOutcome.LEFT_OUT, "Left out by decision.")
        reader = RowReader(cells, self.setting)
        incoming = reader.read()
        faults = [*reader.faults, *self._misfits(cells, length)]
        if incoming is None or faults:
            return Judged(position, cells, RowOutcome.REFUSED, " ".join(faults))
        return self._placed(position, cells, incoming)

    def _misfits(self, cells: Mapping[str, str], length: int) -> Iterator[str]:
        if length > self.columns:
            yield f"Row: found {length} cells; allowed: {self.columns}, as the heading has."
        number = cells.get("mrn", "").casefold()
        if number in self.numbers:
            yield (
                f"Record number: found “{cells['mrn']}” in row {self.numbers[number]} too; "
                "allowed: once in a file."
            )

    def _placed(self, position: int, cells: dict[str, str], incoming: Incoming) -> Judged:
        new = incoming.new
        person = (frozenset(fold(new.given_name + " " + new.family_name).split()), new.birth_date)
        number = new.mrn.casefold()
        match = self.known.by_number.get(number) or self.known.by_person.get(person) or {}
        if not match and person in self.persons:
            match = {"by": "row", "row": str(self.persons[person])}
        choice = self._decision(position, match)
        if match and (choice is not Decision.ANOTHER or match["by"] == "number"):
            said = "The same person by decision: ours stays." if choice is Decision.SAME else ""
            return Judged(position, cells, RowOutcome.DUPLICATE, said, match)
        self.numbers[number] = position
        self.persons.setdefault(person, position)
        said = "Another person by decision." if match else ""
        return Judged(position, cells, RowOutcome.NEW, said, match, incoming)

    def _decision(self, position: int, match: Mapping[str, str]) -> Decision | None:
        """What was decided, as long as it was about the same match; leaving out always holds."""
        said = self.decided.get(position, {})
        choice = Decision(said["decision"]) if said.get("decision") else None
        if choice is Decision.LEAVE_OUT or said.get("about", "") == about(match):
            return choice
        return None


def about(match: Mapping[str, str]) -> str:
    """Whom a match names, in one word."""
    return f"{match['by']}:{match.get('patient', match.get('row'))}" if match else ""
