"""Which format some bytes are, told by the bytes themselves and never by a file's name."""

from __future__ import annotations

from compliance.interop import fhir, hl7v2
from compliance.services.incoming import IncomingFile

_BLANK = b"\xef\xbb\xbf \t\r\n"


def read_file(content: bytes) -> IncomingFile:
    """A laboratory file as typed input; `error` says why it has none. Raises nothing."""
    begins = content[:512].lstrip(_BLANK)[:1]
    if begins in (b"{", b"[", b"<"):
        return fhir.read_fhir(content)
    return hl7v2.read_file(content)
