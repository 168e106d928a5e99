"""A calendar file with one whole day, as RFC 5545 writes it."""

from __future__ import annotations

import datetime as dt

LONGEST = 75  # octets of a line; what follows goes on the next one after a space


def event_on(day: dt.date, title: str, told: str, uid: str, now: dt.datetime) -> str:
    """A calendar with one entry for a whole day; the same `uid` replaces an earlier one."""
    lines = (
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        "PRODID:-//Clinic reminders//EN",
        "METHOD:PUBLISH",
        "BEGIN:VEVENT",
        f"UID:{uid}",
        f"DTSTAMP:{now.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}",
        f"SEQUENCE:{int(now.timestamp()) // 60 % 2**31}",
        f"DTSTART;VALUE=DATE:{day:%Y%m%d}",
        f"DTEND;VALUE=DATE:{day + dt.timedelta(days=1):%Y%m%d}",
        f"SUMMARY:{_escaped(title)}",
        *((f"DESCRIPTION:{_escaped(told)}",) if told else ()),
        "CLASS:PRIVATE",
        "TRANSP:TRANSPARENT",
        "END:VEVENT",
        "END:VCALENDAR",
    )
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _escaped(text: str) -> str:
    """Text without what has a meaning of its own."""
    for plain, written in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
        text = text.replace(plain, written)
    return text.replace("\r", "")


def _folded(line: str) -> str:
    """A line in pieces of at most 75 octets, never within a letter."""
    pieces, rest = [""], LONGEST
    for letter in line:
        size = len(letter.encode())
        if size > rest:
            pieces.append("")
            rest = LONGEST - 1
        pieces[-1] += letter
        rest -= size
    return "\r\n ".join(pieces)
