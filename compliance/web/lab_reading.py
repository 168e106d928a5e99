"""How files that were kept are read again: spreadsheets by what people here described."""

from __future__ import annotations

from sqlalchemy.orm import Session

from compliance.interop.formats import read_file
from compliance.services.column_mappings import layouts
from compliance.services.rereading import Reader
from compliance.web.security import clinic


def reader(session: Session) -> Reader:
    """What reads the files of the clinic that the person works in now."""
    known = layouts(session, clinic())
    return lambda content: read_file(content, known)
