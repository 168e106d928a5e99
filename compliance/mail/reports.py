"""Delivery reports: what a mail server says of a mail that it took and could not deliver."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message

from compliance.services.bounces import Returned

MESSAGE_ID = re.compile(r"<[0-9a-f]{40}@[^<>\s]+>")  # as we make them
STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
OLD_STATUS = re.compile(r"\b([45])\d\d\b")
MACHINES = ("mailer-daemon@", "postmaster@")
MOST_BYTES = 256 * 1024  # of a report that are read


def read_report(raw: bytes) -> Returned | None:
    """The report in a mail; None for a mail that is none, or about no mail that we could name."""
    mail = message_from_bytes(raw, policy=policy.compat32)
    report_id = _header(mail, "Message-ID") or f"<{hashlib.sha256(raw).hexdigest()}@no-id>"
    delivery = _delivery_status(mail)
    if delivery is None:
        return _plain(mail, report_id)
    about = _original(mail)
    action, status = delivery
    if about is None or action not in ("failed", "delayed"):
        return None
    final = action == "failed"
    return Returned(report_id[:255], about, status, final, final and _stays(status))


def _delivery_status(mail: Message) -> tuple[str, str] | None:
    """The action and the status of the machine-readable part (RFC 3464); the worst, if several."""
    found = [
        (str(block["Action"]).strip().lower(), _status(str(block["Status"] or "")))
        for part in mail.walk()
        if part.get_content_type() == "message/delivery-status"
        for block in part.walk()
        if block["Action"]
    ]
    return min(found, key=lambda item: item[0] != "failed", default=None)


def _original(mail: Message) -> str | None:
    """The Message-ID of the mail that the report is about: from its returned headers."""
    for part in mail.walk():
        kind = part.get_content_type()
        if kind == "message/rfc822":
            found = MESSAGE_ID.search(_header(part.get_payload(0), "Message-ID"))  # type: ignore[arg-type]
        elif kind == "text/rfc822-headers":
            found = _id_in_lines(_text(part))
        else:
            continue
        if found:
            return found.group()
    return None


def _plain(mail: Message, report_id: str) -> Returned | None:
    """A report for people: from a mail server itself, with our Message-ID in the returned mail."""
    if not _from_a_machine(mail):
        return None
    text = "\n".join(_texts(mail))
    found = _id_in_lines(text) or MESSAGE_ID.search(text)
    if found is None:
        return None
    status = _status(text[: found.start()])
    final = status.startswith("5")
    return Returned(report_id[:255], found.group(), status, final, final and _stays(status))


def _from_a_machine(mail: Message) -> bool:
    sender = _header(mail, "From").lower()
    return _header(mail, "Return-Path") == "<>" or any(name in sender for name in MACHINES)


def _texts(mail: Message) -> Iterator[str]:
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            yield _text(part)


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def _id_in_lines(text: str) -> re.Match[str] | None:
    line = re.search(r"(?im)^[>\s]*message-id:\s*(\S+)", text)
    return MESSAGE_ID.search(text, line.start(1), line.end(1)) if line else None


def _header(mail: Message, name: str) -> str:
    return " ".join(str(mail[name] or "").split())


def _status(text: str) -> str:
    """The status as RFC 3463 writes it, from one or from an old code of three digits; or ""."""
    found = STATUS.search(text)
    if found:
        return found.group(1)
    old = OLD_STATUS.search(text)
    return f"{old.group(1)}.0.0" if old else ""


def _stays(status: str) -> bool:
    """A full mailbox, a mail that was too large and our own settings are not the address's fault.

    Neither is what was only given up after days (4.x.x).
    """
    return status.startswith("5") and not status.startswith(("5.2.2", "5.3.", "5.6.", "5.7."))
