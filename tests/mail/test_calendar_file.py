"""The calendar file of a mail: one whole day that says nothing but that there is something."""

from __future__ import annotations

import datetime as dt

from compliance.mail.calendar_file import event_on

NOW = dt.datetime(2026, 4, 2, 15, 0, tzinfo=dt.UTC)
DAY = dt.date(2026, 4, 30)


def test_a_day_is_whole_and_ends_before_the_next_one() -> None:
    text = event_on(DAY, "A step", "", "one@example.org", NOW)
    assert "DTSTART;VALUE=DATE:20260430\r\n" in text
    assert "DTEND;VALUE=DATE:20260501\r\n" in text
    assert text.startswith("BEGIN:VCALENDAR\r\n")
    assert text.endswith("END:VCALENDAR\r\n")
    assert "DESCRIPTION" not in text


def test_what_has_a_meaning_of_its_own_is_escaped() -> None:
    text = event_on(DAY, "Skin; hair, nails\\x", "1\n2", "one@example.org", NOW)
    assert "SUMMARY:Skin\\; hair\\, nails\\\\x\r\n" in text
    assert "DESCRIPTION:1\\n2\r\n" in text


def test_no_line_has_more_than_75_octets_and_no_letter_is_torn() -> None:
    title = "Un paso con la Clínica Dermatológica Señor Núñez y Compañía " * 3
    text = event_on(DAY, title, "", "one@example.org", NOW)
    lines = text.encode().split(b"\r\n")
    assert max(len(line) for line in lines) <= 75
    assert all(line.decode() or True for line in lines)
    assert f"SUMMARY:{title}" in text.replace("\r\n ", "")
