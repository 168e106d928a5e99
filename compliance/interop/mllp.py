"""MLLP: how HL7 v2 messages are framed on a connection, and how each one is answered."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import BufferedIOBase
from typing import Literal

from compliance.interop.hl7v2_syntax import RawMessage, split_messages

START, END, RETURN = b"\x0b", b"\x1c", b"\r"
LARGEST = 16 * 1024 * 1024  # bytes of one message
_CHUNK = 64 * 1024
Verdict = Literal["A", "E", "R"]  # accepted; an error here, send again; refused for good


class TooLarge(Exception):
    """A message longer than what is taken on a connection."""


def frames(stream: BufferedIOBase) -> Iterator[bytes]:
    """Each framed message of a connection; bytes between frames are passed over.

    Raises TooLarge when a message does not end within LARGEST bytes.
    """
    waiting = bytearray()
    while chunk := stream.read1(_CHUNK):
        waiting += chunk
        while (message := _taken(waiting)) is not None:
            yield message
        if len(waiting) > LARGEST:
            raise TooLarge


def _taken(waiting: bytearray) -> bytes | None:
    """Take the first whole message out of what waits; drop what stands before its start."""
    start = waiting.find(START)
    if start < 0:
        waiting.clear()
        return None
    del waiting[:start]
    end = waiting.find(END)
    if end < 0:
        return None
    message = bytes(waiting[1:end])
    del waiting[: end + 1]
    return message


def framed(message: bytes) -> bytes:
    """A message as it travels."""
    return START + message + END + RETURN


def header_of(content: bytes) -> RawMessage | None:
    """The one message of a frame, or None when there is none or more than one."""
    found = list(split_messages(content))
    return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to one message: a letter, and a sentence without any patient's data."""

    verdict: Verdict
    sentence: str = ""
    error_code: str = "207"  # HL7 table 0357: application internal error


def acknowledgement(raw: RawMessage | None, reply: Reply, now: dt.datetime) -> bytes | None:
    """The acknowledgement to send, or None where the sender wants none (MSH-15).

    In the enhanced mode (MSH-15 filled) the code begins with C, else with A.
    """
    field = partial(_field, raw)
    wanted = field(15).upper()
    failed = reply.verdict != "A"
    if wanted == "NE" or (wanted == "ER" and not failed) or (wanted == "SU" and failed):
        return None
    code = f"{'C' if wanted else 'A'}{reply.verdict}"
    stamp = now.strftime("%Y%m%d%H%M%S+0000")
    trigger = field(9).split("^")[1:2]
    kind = "^".join(["ACK", *trigger, "ACK"] if trigger else ["ACK"])
    header = [
        "MSH", "^~\\&", field(5), field(6), field(3), field(4), stamp, "", kind,
        uuid.uuid4().hex[:20], field(11) or "P", field(12) or "2.5.1", "", "", "", "", "",
        "UNICODE UTF-8",
    ]  # fmt: skip
    lines = ["|".join(header), f"MSA|{code}|{field(10)}"]
    if failed:
        lines.append(f"ERR|||{reply.error_code}^^HL70357|E||||{_plain(reply.sentence)}")
    return ("\r".join(lines) + "\r").encode()


def _field(raw: RawMessage | None, number: int) -> str:
    """A field of the header in our own delimiters; MSH-1 is field 1."""
    if raw is None:
        return ""
    text = raw.segments[0].field(number)
    parts = text.split(raw.delimiters.component)
    return "^".join(_plain(raw.unescape(part)) for part in parts)


def _plain(text: str) -> str:
    """Text in which no character is read as a delimiter."""
    return "".join(" " if mark in "|^~\\&\r\n" else mark for mark in text).strip()
