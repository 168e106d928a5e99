"""Received results read again from the bytes that were kept, not from what we made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from compliance.models import ImportedFile, ImportedResult
from compliance.rules.terminology import load_terminology
from compliance.services.incoming import IncomingFile, IncomingMessage, IncomingResult
from compliance.services.intake import as_written, by_subject

Reader = Callable[[bytes], IncomingFile]


@dataclass(frozen=True, slots=True)
class Original:
    """A stored result beside what the laboratory sent."""

    row: ImportedResult
    result: IncomingResult
    message: IncomingMessage


def originals(rows: Iterable[ImportedResult], read: Reader) -> Iterator[Original]:
    """Each stored result with what was sent; left out is what the bytes do not read as any more."""
    by_file: dict[int, list[ImportedResult]] = {}
    for row in rows:
        by_file.setdefault(row.message.file_id, []).append(row)
    for wanted in by_file.values():
        yield from _of_file(wanted[0].message.file, wanted, read)


def _of_file(
    file: ImportedFile, wanted: Iterable[ImportedResult], read: Reader
) -> Iterator[Original]:
    rows = {(row.message.position, row.position): row for row in wanted}
    terms, place = load_terminology(), 0
    for message in read(file.content).messages:
        for _subject, items in by_subject(message, terms):
            place += 1
            for position, result in enumerate(items, 1):
                row = rows.get((place, position))
                if row is not None and _is_same(row, result):
                    yield Original(row, result, message)


def _is_same(row: ImportedResult, result: IncomingResult) -> bool:
    return all(getattr(row, name) == text for name, text in as_written(result).items())
