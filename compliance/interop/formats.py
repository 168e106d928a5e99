"""Which format some bytes are, told by the bytes themselves and never by a file's name."""

from __future__ import annotations

import re
from collections.abc import Sequence

from compliance.interop import fhir, hl7v2
from compliance.interop.csv_results import read_spreadsheet
from compliance.interop.tables import looks_like_table
from compliance.services.incoming import IncomingFile
from compliance.services.result_columns import Layout

_BLANK = b"\xef\xbb\xbf \t\r\n"
_SEGMENT = re.compile(rb"[\x0b\s]*[A-Z][A-Z0-9]{2}\|")


def read_file(content: bytes, layouts: Sequence[Layout] = ()) -> IncomingFile:
    """A laboratory file as typed input; `error` says why it has none. Raises nothing.

    `layouts` are the columns of the spreadsheets that people here have described.
    """
    begins = content[:512].lstrip(_BLANK)
    if begins[:1] in (b"{", b"[", b"<"):
        return fhir.read_fhir(content)
    if not _SEGMENT.match(begins) and looks_like_table(content):
        return read_spreadsheet(content, layouts)
    return hl7v2.read_file(content)
