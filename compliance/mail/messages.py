"""A letter becomes a message: neutral words unless the patient asked for more."""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from compliance.mail.calendar_file import event_on
from compliance.mail.errors import Undelivered
from compliance.mail.texts import Text, calendar_title, language_of, long_date, write
from compliance.models import Clinic, Patient
from compliance.rules.reminders import STAFF_KINDS, ReminderKind
from compliance.services.clinic_choices import closing_lines_of
from compliance.services.letters import Letter

NEUTRAL = "step"  # one text for every kind: it says that something is due, never what


@dataclass(frozen=True, slots=True)
class Sender:
    """Who mails come from, where the links in them lead, and what Message-IDs are made with."""

    address: str
    base_url: str
    secret: str


def template_of(kind: ReminderKind, *, detailed: bool) -> str:
    """The template of a kind: its own for staff and whoever opted in, else the neutral one."""
    return kind.value if detailed or kind in STAFF_KINDS else NEUTRAL


def text_of(letter: Letter, base_url: str) -> Text:
    """What a letter says, in its language."""
    language = language_of(letter.language)
    return write(
        template_of(letter.kind, detailed=letter.detailed),
        language,
        rung=letter.rung.value,
        clinic=letter.clinic,
        phone=letter.clinic_phone,
        first=long_date(letter.first, language) if letter.first else "",
        by=long_date(letter.by, language),
        closing=letter.closing,
        waiting=letter.waiting,
        base_url=base_url,
        page=_at(base_url, letter.page),
    )


def _at(base_url: str, path: str) -> str:
    """The whole address of a path of ours; "" for none."""
    return base_url + path if path.startswith("/") else path


def message_of(letter: Letter, sender: Sender, now: dt.datetime) -> EmailMessage:
    """The message to hand over; raises Undelivered for an address that is none."""
    text = text_of(letter, sender.base_url)
    message = envelope(letter.to, letter.clinic, letter.clinic_email, letter.key, sender, now)
    message["Precedence"] = "bulk"  # with this nobody's holiday note answers
    _let_go(message, letter, sender)
    filled(message, text, language_of(letter.language))
    if letter.kind not in STAFF_KINDS:
        _attach_day(message, letter, sender, now)
    return message


def _let_go(message: EmailMessage, letter: Letter, sender: Sender) -> None:
    """How to get no more of these (RFC 2369), with one click where there is an address (8058)."""
    by_mail = f"<mailto:{letter.clinic_email or sender.address}?subject=unsubscribe>"
    if letter.unsubscribe:
        address = _at(sender.base_url, letter.unsubscribe)
        message["List-Unsubscribe"] = f"<{address}>, {by_mail}"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    else:
        message["List-Unsubscribe"] = by_mail


def _attach_day(message: EmailMessage, letter: Letter, sender: Sender, now: dt.datetime) -> None:
    """The last day as a calendar entry: one for all rungs, neutral whatever the patient chose."""
    language = language_of(letter.language)
    title = calendar_title(letter.clinic, language)
    about = "|".join(part for part in letter.key.split("|") if part != letter.rung.value)
    uid = message_id(f"day|{about}", sender).strip("<>")
    message.add_attachment(
        event_on(letter.by, title, letter.clinic_phone, uid, now),
        subtype="calendar",
        filename="day.ics",
        params={"method": "PUBLISH"},
    )
    message["Content-Language"] = language  # the first part has taken it along


def access_message(
    to: str, clinic: Clinic, link: str, key: str, sender: Sender, now: dt.datetime
) -> EmailMessage:
    """A link that sets a password; raises Undelivered for an address that is none."""
    language = language_of(clinic.language)
    text = write("access", language, clinic=clinic.name, link=link, closing=())
    return filled(envelope(to, clinic.name, clinic.email, key, sender, now), text, language)


def page_message(patient: Patient, link: str, sender: Sender, now: dt.datetime) -> EmailMessage:
    """A link to the patient's own page, asked for by staff; raises Undelivered."""
    clinic, language = patient.clinic, language_of(patient.language)
    closing = closing_lines_of(clinic)
    text = write("own-page", language, clinic=clinic.name, page=link, closing=closing)
    key = f"page|{link}"
    return filled(
        envelope(patient.email, clinic.name, clinic.email, key, sender, now), text, language
    )


def envelope(
    to: str, clinic: str, reply_to: str, key: str, sender: Sender, now: dt.datetime
) -> EmailMessage:
    """An empty message with its addresses; `key` makes its Message-ID."""
    message = EmailMessage(policy=SMTP)
    message["From"] = _address(sender.address, clinic)
    message["To"] = _address(to)
    if reply_to:
        message["Reply-To"] = _address(reply_to)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = message_id(key, sender)
    message["Auto-Submitted"] = "auto-generated"
    return message


def filled(message: EmailMessage, text: Text, language: str) -> EmailMessage:
    """The message with its subject and both bodies."""
    message["Subject"] = text.subject
    message.set_content(text.plain)
    message.add_alternative(text.html, subtype="html")
    message["Content-Language"] = language  # setting the content drops it
    return message


def message_id(key: str, sender: Sender) -> str:
    """Derived from the reminder's key, so that a resend is recognisable; it says nothing itself.

    Without the installation's secret nobody can make one, nor learn which key it stands for.
    """
    digest = hmac.new(sender.secret.encode(), key.encode(), hashlib.sha256).hexdigest()[:40]
    return f"<{digest}@{sender.address.rpartition('@')[2]}>"


def _address(text: str, name: str = "") -> Address:
    try:
        local, _, domain = text.strip().rpartition("@")
        if not local or not domain:
            raise ValueError
        ascii_domain = domain.encode("idna").decode("ascii")
        return Address(" ".join(name.split()), addr_spec=f"{local}@{ascii_domain}")
    except (ValueError, IndexError, MessageError):
        raise Undelivered("The e-mail address cannot be used.", for_good=True) from None
