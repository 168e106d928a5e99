"""What any laboratory format becomes before it is judged: plain typed text, nothing interpreted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Identifier:
    """A number of a patient and who assigned it, by name and by object identifier."""

    value: str
    authority: str = ""
    authority_id: str = ""
    type: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.type, self.value, self.authority) if part)


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a message says it is about; `born` as sent, and as a date when it is a whole one."""

    identifiers: tuple[Identifier, ...] = ()
    family_name: str = ""
    given_name: str = ""
    born_as_sent: str = ""
    born: dt.date | None = None
    sex: str = ""

    @property
    def name(self) -> str:
        """The name as a person reads it."""
        return " ".join(part for part in (self.given_name, self.family_name) if part)


@dataclass(frozen=True, slots=True)
class Coded:
    """A code with the spelling of its system, and its words."""

    system: str = ""
    code: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """A value as sent: its words, its codes when it is coded, its parts when it is structured."""

    type: str = ""
    text: str = ""
    codings: tuple[Coded, ...] = ()
    structured: tuple[str, str, str, str] | None = None
    repeated: bool = False


@dataclass(frozen=True, slots=True)
class Stamp:
    """A time as sent, and what it says: a day, and the moment when hour and minute are given.

    `moment` is naive when neither the time nor its message names a zone.
    """

    text: str = ""
    day: dt.date | None = None
    moment: dt.datetime | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class IncomingResult:
    """One result as the laboratory wrote it; `code` holds every coding of what was measured.

    `doubt` says why even its reader is not sure of it: such a result is always held.
    """

    position: int
    code: tuple[Coded, ...] = ()
    value: Value = field(default_factory=Value)
    unit: str = ""
    reference_range: str = ""
    flags: tuple[str, ...] = ()
    status: str = ""
    collected: Stamp = field(default_factory=Stamp)
    subject: Subject = field(default_factory=Subject)
    source: str = ""
    order: str = ""
    sub_id: str = ""
    notes: tuple[str, ...] = ()
    is_question: bool = False
    is_remark: bool = False
    is_stated: bool = False  # on a form, by whoever filled it in
    doubt: str = ""

    @property
    def label(self) -> str:
        """The words by which a person recognises what was measured."""
        return next((item.text or item.code for item in self.code if item.text or item.code), "")


@dataclass(frozen=True, slots=True)
class IncomingMessage:
    """One message; `carries_results` is false for orders, admissions and documents."""

    position: int
    type: str
    control_id: str = ""
    sent_at: str = ""
    sender: str = ""
    is_test: bool = False
    carries_results: bool = True
    is_order: bool = False
    subject: Subject = field(default_factory=Subject)
    results: tuple[IncomingResult, ...] = ()
    remarks: tuple[IncomingResult, ...] = ()
    raw: bytes = b""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class IncomingFile:
    """The messages of one file, or the sentence why it has none."""

    format: str
    messages: Sequence[IncomingMessage] = ()
    error: str | None = None
