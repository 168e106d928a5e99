"""HL7 v2 to typed input: whatever the bytes are, the answer is an account and never an exception.

The day of collection is OBX-14, else SPM-17 of the same order, else OBR-7; never when it was
reported.
A time without an offset takes that of MSH-7; without that it is the clinic's own time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import overload

from compliance.interop.hl7v2_syntax import RawMessage, Segment, read_message, split_lines
from compliance.interop.times import read_stamp, read_zone
from compliance.services.incoming import (
    Coded,
    Identifier,
    IncomingFile,
    IncomingMessage,
    IncomingResult,
    Stamp,
    Subject,
    Value,
)

FORMAT = "hl7v2"
_CODED = ("CE", "CWE", "CNE", "CF")
_BINARY = ("ED", "RP")
_ORDERS = ("ORM", "OMG", "OML", "OMI", "OMD", "OMS", "OMN", "OMP")
_QUESTIONS = ("QST", "SCI")
# What these say is about people and machines, not about the patient's state.
_SILENT = (
    "MSH", "PID", "PD1", "NK1", "SFT", "UAC", "EVN", "IN1", "IN2", "IN3", "GT1", "OBX", "PRT",
)  # fmt: skip


def read_file(content: bytes) -> IncomingFile:
    """Every message of a file; `error` says why when there is none. Raises nothing."""
    messages = _Messages(split_lines(content))
    return IncomingFile(FORMAT, messages, _fault(content) if not messages else None)


@dataclass(frozen=True, slots=True)
class _Messages(Sequence[IncomingMessage]):
    """The messages of a file, each read when it is asked for: a large file never is all at once."""

    lines: list[list[bytes]]

    def __len__(self) -> int:
        return len(self.lines)

    @overload
    def __getitem__(self, at: int) -> IncomingMessage: ...

    @overload
    def __getitem__(self, at: slice) -> tuple[IncomingMessage, ...]: ...

    def __getitem__(self, at: int | slice) -> IncomingMessage | tuple[IncomingMessage, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(*at.indices(len(self))))
        number = range(len(self))[at]
        return _Reader(read_message(self.lines[number]), number + 1).read()


def _fault(content: bytes) -> str:
    if not content.strip():
        return "The file is empty; send the file that the laboratory made."
    return "This is no HL7 file: no line begins with MSH and a delimiter, such as MSH|."


@dataclass(slots=True)
class _Order:
    """What the results of one order share."""

    number: str = ""
    collected: Stamp = field(default_factory=Stamp)
    specimens: list[Stamp] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def stamp(self) -> Stamp:
        """The order's collection: that of its specimen, else its own; several different: no day."""
        times = {stamp.text: stamp for stamp in self.specimens}
        if len(times) > 1:
            return Stamp(" / ".join(times), source="SPM-17")
        return next(iter(times.values()), self.collected)


@dataclass(slots=True)
class _Draft:
    """A result whose specimen and notes may still follow."""

    result: IncomingResult
    order: _Order
    notes: list[str] = field(default_factory=list)

    def finished(self, position: int) -> IncomingResult:
        """The result, with what its order knows."""
        own = self.result.collected
        collected = own if own.text else self.order.stamp()
        notes = (*self.notes, *self.order.notes)
        return replace(
            self.result,
            position=position,
            collected=collected,
            notes=notes,
            order=self.order.number,
        )


class _Reader:
    """Walks the segments of one message once, keeping what the later ones refer to."""

    def __init__(self, raw: RawMessage, position: int) -> None:
        self.raw = raw
        self.position = position
        self.zone: dt.tzinfo | None = None
        self.subject = Subject()
        self.first_subject: Subject | None = None
        self.order = _Order()
        self.drafts: list[_Draft] = []
        self.remarks: list[IncomingResult] = []
        self.notes: list[str] | None = None

    def read(self) -> IncomingMessage:
        """The typed message."""
        header = self.raw.segments[0]
        self.zone = read_zone(self._first(header, 7))
        for segment in self.raw.segments[1:]:
            self._take(segment)
        kind = self._parts_text(header.field(9), 2)
        family = kind.split("^")[0].split("_")[0].upper()
        return IncomingMessage(
            position=self.position,
            type=kind,
            control_id=self._first(header, 10),
            sent_at=self._first(header, 7),
            sender=" / ".join(filter(None, (self._first(header, 3), self._first(header, 4)))),
            is_test=self._first(header, 11).upper() in ("T", "D"),
            carries_results=family == "ORU",
            is_order=family in _ORDERS,
            subject=self.first_subject or Subject(),
            results=tuple(draft.finished(at) for at, draft in enumerate(self.drafts, 1)),
            remarks=tuple(self.remarks),
            raw=self.raw.raw,
            problem=self.raw.problem,
        )

    def _take(self, segment: Segment) -> None:
        handler = {
            "PID": self._patient,
            "OBR": self._begin_order,
            "SPM": self._specimen,
            "OBX": self._result,
            "NTE": self._note,
        }.get(segment.name)
        if handler is not None:
            handler(segment)
        if segment.name not in _SILENT:
            self._remark(segment)

    def _patient(self, segment: Segment) -> None:
        name = next(iter(self.raw.repetitions(segment.field(5))), "")
        parts = self.raw.parts(name)
        born = read_stamp(self._first(segment, 7))
        self.subject = Subject(
            identifiers=tuple(self._identifiers(segment)),
            family_name=_at(parts, 0),
            given_name=_at(parts, 1),
            born_as_sent=born.text,
            born=born.day,
            sex=self._first(segment, 8),
        )
        self.first_subject = self.first_subject or self.subject
        self.order, self.notes = _Order(), None

    def _identifiers(self, segment: Segment) -> Iterator[Identifier]:
        numbers = next(
            filter(str.strip, (segment.field(3), segment.field(2), segment.field(4))), ""
        )
        for number in self.raw.repetitions(numbers):
            parts = self.raw.parts(number)
            if _at(parts, 0):
                name, oid = _at(parts, 3), _at(parts, 3, 1)
                yield Identifier(_at(parts, 0), name or oid, oid, _at(parts, 4).upper())

    def _begin_order(self, segment: Segment) -> None:
        number = self._first(segment, 3) or self._first(segment, 2)
        collected = read_stamp(self._first(segment, 7), "OBR-7", self.zone)
        self.order = _Order(number, collected)
        self.notes = self.order.notes

    def _specimen(self, segment: Segment) -> None:
        stamp = read_stamp(self._first(segment, 17), "SPM-17", self.zone)
        if stamp.text:
            self.order.specimens.append(stamp)
        self.notes = self.order.notes

    def _note(self, segment: Segment) -> None:
        text = " ".join(self._texts(segment.field(3)))
        if text and self.notes is not None:
            self.notes.append(text)

    def _result(self, segment: Segment) -> None:
        result = IncomingResult(
            position=0,
            code=self._codings(segment.field(3)),
            value=self._value(segment),
            unit=self._first(segment, 6) or self._component(segment, 6, 1),
            reference_range=_said(self.raw.unescape(segment.field(7))),
            flags=tuple(
                flag
                for part in self.raw.repetitions(segment.field(8))
                if (flag := self._head(part))
            ),
            status=self._first(segment, 11).upper(),
            collected=read_stamp(self._first(segment, 14), "OBX-14", self.zone),
            subject=self.subject,
            source="OBX-3",
            sub_id=self._first(segment, 4),
            is_question=self._first(segment, 29).upper() in _QUESTIONS,
        )
        self.drafts.append(_Draft(result, self.order))
        self.notes = self.drafts[-1].notes

    def _value(self, segment: Segment) -> Value:
        kind = self._first(segment, 2).upper()
        repetitions = self.raw.repetitions(segment.field(5))
        first = repetitions[0] if repetitions else ""
        several = len(repetitions) > 1
        if kind in _BINARY:
            return Value(kind, "(a document or image)" if first else "")
        if kind in _CODED:
            codings = self._codings(first)
            words = next((item.text or item.code for item in codings if item.text or item.code), "")
            return Value(kind, words, codings, repeated=several)
        if kind == "SN":
            parts = [_said(part) for part in self.raw.components(first)]
            padded = (*parts, "", "", "", "")
            structured = (padded[0], padded[1], padded[2], padded[3])
            return Value(kind, "".join(parts), structured=structured, repeated=several)
        text = "\n".join("^".join(self.raw.components(item)) for item in repetitions)
        return Value(kind, _said(text), repeated=several)

    def _codings(self, text: str) -> tuple[Coded, ...]:
        """The code, the alternate code and the original text of a coded field."""
        first = next(iter(self.raw.repetitions(text)), "")
        parts = [_said(part) for part in self.raw.components(first)] + [""] * 9
        found = (
            Coded(parts[2], parts[0], parts[1]),
            Coded(parts[5], parts[3], parts[4]),
            Coded("", "", parts[8]),
        )
        return tuple(item for item in found if item.code or item.text)

    def _remark(self, segment: Segment) -> None:
        text = " ".join(part for name in segment.fields for part in self._texts(name))
        if sum(letter.isalpha() for letter in text[:4000]) >= 4:
            remark = IncomingResult(
                position=0,
                value=Value("TX", text),
                subject=self.subject,
                source=segment.name,
                is_remark=True,
            )
            self.remarks.append(remark)

    def _texts(self, text: str) -> list[str]:
        parts = [part for item in self.raw.repetitions(text) for part in self.raw.components(item)]
        return [said for part in parts if (said := _said(part))]

    def _head(self, text: str) -> str:
        return _said(self.raw.components(text)[0])

    def _first(self, segment: Segment, number: int) -> str:
        return self._component(segment, number, 0)

    def _component(self, segment: Segment, number: int, at: int) -> str:
        repetitions = self.raw.repetitions(segment.field(number))
        parts = self.raw.components(repetitions[0]) if repetitions else []
        return _said(parts[at]) if at < len(parts) else ""

    def _parts_text(self, text: str, count: int) -> str:
        return "^".join(part.strip() for part in self.raw.components(text)[:count]).strip("^")


def _at(parts: list[list[str]], component: int, sub: int = 0) -> str:
    found = parts[component] if component < len(parts) else []
    return _said(found[sub]) if sub < len(found) else ""


def _said(text: str) -> str:
    """Text without the blanks around it; two quotation marks are HL7's way to say nothing."""
    text = text.strip()
    return "" if text == '""' else text
