"""HL7 v2 as bytes: framing, character sets, delimiters and escapes.

Read here and not by the `hl7` package: that one raises on stray line ends, unknown first segments
and short delimiter lists, and knows neither MSH-18 nor text that runs on over lines. A file must
always get an account.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

# Framing bytes of MLLP, and a form feed or NUL that transports leave behind.
_FRAMING = bytes.maketrans(b"\x0b\x1c\x0c", b"\r\r\r")
_HEADER = re.compile(rb"\s*MSH[!-/:-@\[-`{-~]")
_SEGMENT_ID = re.compile(r"\s*([A-Za-z][A-Za-z0-9]{2})(?=(.)|\Z)", re.DOTALL)
_MARKS = (codecs.BOM_UTF8,)
_WIDE_MARKS = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_ENVELOPE = ("FHS", "BHS", "BTS", "FTS")
CHARSETS = {
    "ascii": "ascii",
    "unicode": "utf-8",
    "unicode utf-8": "utf-8",
    "unicode utf-16": "utf-16",
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "gb 18030-2000": "gb18030",
    "big-5": "big5",
    "ks x 1001": "euc_kr",
    "iso ir87": "iso2022_jp",
    **{f"8859/{part}": f"iso8859_{part}" for part in (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13, 15)},
}


@dataclass(frozen=True, slots=True)
class Delimiters:
    """The five characters that a message declares for itself (MSH-1 and MSH-2)."""

    field: str = "|"
    component: str = "^"
    repetition: str = "~"
    escape: str = "\\"
    sub: str = "&"
    truncation: str = "#"


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment: its name and its fields, where field 1 is the first after the name."""

    name: str
    fields: tuple[str, ...]

    def field(self, number: int) -> str:
        """A field as written, or "" when the segment ends before it."""
        return self.fields[number - 1] if 0 < number <= len(self.fields) else ""


@dataclass(frozen=True, slots=True)
class RawMessage:
    """One message, split into segments, with its own delimiters and character set."""

    raw: bytes
    delimiters: Delimiters
    segments: tuple[Segment, ...]
    charset: str
    problem: str = ""

    def components(self, text: str) -> list[str]:
        """The components of one repetition of a field, unescaped."""
        parts = text.split(self.delimiters.component)
        return [self.unescape(part) for part in parts] if self.delimiters.escape in text else parts

    def parts(self, text: str) -> list[list[str]]:
        """The components of one repetition, each split into its subcomponents, unescaped."""
        return [
            [self.unescape(part) for part in component.split(self.delimiters.sub)]
            for component in text.split(self.delimiters.component)
        ]

    def repetitions(self, text: str) -> list[str]:
        """The repetitions of a field that are not empty."""
        return [part for part in text.split(self.delimiters.repetition) if part.strip()]

    def unescape(self, text: str) -> str:
        """The text that the escape sequences stand for; unknown sequences stay as written."""
        mark = self.delimiters.escape
        if not mark.strip() or mark not in text:
            return text
        pattern = rf"{re.escape(mark)}([^{re.escape(mark)}]{{1,200}}){re.escape(mark)}"
        return re.sub(pattern, self._escaped, text)

    def _escaped(self, match: re.Match[str]) -> str:
        code = match.group(1)
        chars = self.delimiters
        named = {
            "F": chars.field,
            "S": chars.component,
            "T": chars.sub,
            "R": chars.repetition,
            "E": chars.escape,
            "P": chars.truncation,
            "H": "",
            "N": "",
        }
        if code in named:
            return named[code]
        if code[0] == "X" and re.fullmatch(r"X(?:[0-9A-Fa-f]{2})+", code):
            return _clean(bytes.fromhex(code[1:]).decode(self.charset, "replace"))
        return _formatting(code, match.group(0))


def _formatting(code: str, written: str) -> str:
    if re.fullmatch(r"\.(br|ce|sp[+-]?\d*)", code):
        return "\n"
    if re.fullmatch(r"\.(fi|nf|in[+-]?\d*|ti[+-]?\d*|sk[+-]?\d*)", code):
        return " "
    return written


def split_messages(content: bytes) -> list[RawMessage]:
    """Every message of a file or stream, each read."""
    return [read_message(lines) for lines in split_lines(content)]


def split_lines(content: bytes) -> list[list[bytes]]:
    """The lines of every message; envelopes and text before the first MSH are left out."""
    groups: list[list[bytes]] = []
    for line in re.split(rb"[\r\n]+", _unframed(content)):
        if _HEADER.match(line):
            groups.append([line.lstrip()])
        elif groups and line[:3].decode("latin-1") not in _ENVELOPE and line.strip():
            groups[-1].append(line)
    return groups


def _unframed(content: bytes) -> bytes:
    for mark, charset in _WIDE_MARKS.items():
        if content.startswith(mark):
            return content.decode(charset, "replace").encode().translate(_FRAMING, b"\x00")
    for mark in _MARKS:
        content = content.replace(mark, b"")
    return content.translate(_FRAMING, b"\x00")


def read_message(lines: list[bytes]) -> RawMessage:
    """One message from its lines, split into segments."""
    raw = b"\r".join(lines) + b"\r"
    charset, text, problem = _decoded(raw, _declared_charset(lines[0]))
    written = [line for line in text.split("\r") if line]
    delimiters = _delimiters(written[0])
    segments: list[Segment] = []
    for line in written:
        if _starts_segment(line, delimiters):
            segments.append(_segment(line, delimiters))
        else:
            segments[-1] = _continued(segments[-1], line, delimiters)
    return RawMessage(raw, delimiters, tuple(segments), charset, problem)


def _declared_charset(header: bytes) -> str:
    fields = header.split(header[3:4])
    declared = fields[17] if len(fields) > 17 else b""
    first = re.split(rb"[~^]", declared)[0]
    return " ".join(first.decode("ascii", "replace").casefold().split())


def _decoded(raw: bytes, declared: str) -> tuple[str, str, str]:
    """Charset, text and problem: as declared, otherwise UTF-8, otherwise Western European."""
    for charset in (CHARSETS.get(declared, ""), "utf-8"):
        if charset and charset != "utf-16":
            try:
                return charset, _clean(raw.decode(charset)), ""
            except UnicodeDecodeError:
                continue
    said = f"says it is {declared.upper()}" if declared else "names no character set"
    problem = f"The message {said} and is not UTF-8; letters with accents may be wrong."
    return "cp1252", _clean(raw.decode("cp1252", "replace")), problem


def _clean(text: str) -> str:
    """Without NUL, which no database keeps, and without the stray mark of a byte order."""
    return text.replace("\x00", "").replace("\ufeff", "")


def _delimiters(header: str) -> Delimiters:
    chars = list(header[4:].split(header[3], 1)[0])
    usual = Delimiters()
    given = [char for char in chars if not char.isalnum() and not char.isspace()][:5]
    names = ("component", "repetition", "escape", "sub", "truncation")
    rest = [getattr(usual, name) for name in names[len(given) :]]
    return Delimiters(header[3], *given, *rest)


def _starts_segment(line: str, delimiters: Delimiters) -> bool:
    found = _SEGMENT_ID.match(line)
    if found is None:
        return False
    return found.group(2) == delimiters.field if found.group(2) else found.group(1).isupper()


def _segment(line: str, delimiters: Delimiters) -> Segment:
    fields = line.lstrip().split(delimiters.field)
    name = fields[0].upper()
    if name == "MSH":  # MSH-1 is the delimiter itself
        return Segment("MSH", (delimiters.field, *fields[1:]))
    return Segment(name, tuple(fields[1:]))


def _continued(segment: Segment, line: str, delimiters: Delimiters) -> Segment:
    """Text that runs on over a line end belongs to the last field before it; fields may follow."""
    first, *others = line.split(delimiters.field)
    if not segment.fields:
        return Segment(segment.name, (first, *others))
    joined = f"{segment.fields[-1]}\n{first}"
    return Segment(segment.name, (*segment.fields[:-1], joined, *others))
