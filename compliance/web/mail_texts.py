"""The words of each mail with made-up data, as patients and staff get them."""

from __future__ import annotations

import datetime as dt
from types import SimpleNamespace

from flask import Blueprint, make_response, render_template
from werkzeug.exceptions import NotFound as UnknownAddress
from werkzeug.wrappers import Response

from compliance.mail.messages import text_of
from compliance.mail.texts import Text, languages
from compliance.models import Clinic, Role
from compliance.rules.reminders import STAFF_KINDS, ReminderKind, Rung
from compliance.services.clinic_choices import closing_lines_of
from compliance.services.evidence import local_date
from compliance.services.letters import Letter, Waiting
from compliance.services.patient_links import path_of
from compliance.web.clinic_forms import LANGUAGES
from compliance.web.clock import now
from compliance.web.reminder_words import NAMES
from compliance.web.security import POLICY, access, clinic

mail_texts = Blueprint("mail_texts", __name__, url_prefix="/administration/mails")

SHOWING = POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'none'; frame-src 'self'")
# A mail carries its styles inside, as mail readers want it; nothing else may load or run.
FRAMED = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

DISCRETIONS = {"neutral": "Neutral", "detailed": "Detailed"}


@mail_texts.get("")
@access(Role.MANAGER, Role.ADMINISTRATOR)
def index() -> str:
    """Every mail there is."""
    rows = [
        SimpleNamespace(
            kind=kind,
            name=name,
            reader="Staff" if kind in STAFF_KINDS else "Patient",
            discretions=_discretions(kind),
        )
        for kind, name in NAMES.items()
    ]
    spoken = [item for item in LANGUAGES if item[0] in languages()]
    return render_template("administration/mails.html", rows=rows, languages=spoken)


def _discretions(kind: ReminderKind) -> dict[str, str]:
    """A digest has one wording; a patient's mail says more when the patient asked for it."""
    return {"neutral": "Counts only"} if kind in STAFF_KINDS else DISCRETIONS


@mail_texts.get("/<kind>/<language>/<discretion>")
@access(Role.MANAGER, Role.ADMINISTRATOR)
def show(kind: str, language: str, discretion: str) -> Response:
    """One mail: subject, text, and the page that a mail reader shows."""
    chosen = _kind(kind, language, discretion)
    page = render_template(
        "administration/mail.html",
        name=NAMES[chosen],
        kind=kind,
        language=language,
        spoken=dict(LANGUAGES)[language],
        discretion=discretion,
        wording=_discretions(chosen)[discretion],
        text=_text(chosen, language, discretion),
    )
    return _with_policy(page, SHOWING)


@mail_texts.get("/<kind>/<language>/<discretion>/page")
@access(Role.MANAGER, Role.ADMINISTRATOR)
def page(kind: str, language: str, discretion: str) -> Response:
    """The HTML of one mail, for the frame around it."""
    chosen = _kind(kind, language, discretion)
    return _with_policy(_text(chosen, language, discretion).html, FRAMED)


def _with_policy(body: str, policy: str) -> Response:
    answer = make_response(body)
    answer.headers["Content-Security-Policy"] = policy
    return answer


def _kind(kind: str, language: str, discretion: str) -> ReminderKind:
    found = next((item for item in NAMES if item.value == kind), None)
    if found is None or language not in languages() or discretion not in _discretions(found):
        raise UnknownAddress
    return found


def _text(kind: ReminderKind, language: str, discretion: str) -> Text:
    here = clinic()
    return text_of(_letter(kind, language, discretion, here), "https://clinic.example.org")


def _letter(kind: ReminderKind, language: str, discretion: str, here: Clinic) -> Letter:
    """A letter to nobody."""
    today = local_date(here, now())
    for_staff = kind in STAFF_KINDS
    return Letter(
        reminder_id=0,
        key="example",
        kind=kind,
        rung=Rung.DAILY if for_staff else Rung.GENTLE,
        to="somebody@example.org",
        language=language,
        detailed=discretion == "detailed",
        clinic=here.name,
        clinic_phone=here.phone,
        clinic_email=here.email,
        first=None if for_staff else today,
        by=today + dt.timedelta(days=0 if for_staff else 7),
        closing=() if for_staff else closing_lines_of(here),
        page="" if for_staff else path_of("example"),
        waiting=(Waiting(here.name, act_now=2, window_open=3, due_this_week=5),),
    )
