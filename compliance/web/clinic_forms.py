"""The forms of a clinic: its settings, and a new clinic."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

from wtforms import (
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    TimeField,
)
from wtforms.validators import Length, Optional

from compliance.rules.programme import load_programme, programme_ids
from compliance.rules.reminders import Hours, ReminderKind
from compliance.rules.terms import LabSchedule
from compliance.services.clinic_choices import DEFAULT_LEADS, LINK_DAYS
from compliance.services.clinic_settings import ClinicSettings, lead_field
from compliance.services.clinics import NewClinic
from compliance.services.errors import Invalid
from compliance.web.filters import d
from compliance.web.forms import CHOOSE, NEEDED, PageForm
from compliance.web.reminder_words import PATIENT_NAMES

WEEKDAYS = [
    ("1", "Monday"),
    ("2", "Tuesday"),
    ("3", "Wednesday"),
    ("4", "Thursday"),
    ("5", "Friday"),
    ("6", "Saturday"),
    ("7", "Sunday"),
]
LANGUAGES = [("en", "English"), ("es", "Spanish")]
LAB_PLANS = [
    ("", "As the programme says", "The clinic sets nothing of its own."),
    (
        LabSchedule.LABEL.value,
        "As in the medicine's label",
        "Tests before the first dose and again at the intervals of the label.",
    ),
    (
        LabSchedule.PEAK_DOSE.value,
        "At the peak dose",
        "Tests before the first dose and once after the highest daily dose was first prescribed.",
    ),
    (
        LabSchedule.NONE.value,
        "No plan",
        "No test is asked for; results that arrive are still judged by their limits.",
    ),
]
_COUNTS = {1: "one number", 2: "two numbers", 3: "three numbers"}
DAY_FORMS = ("%Y-%m-%d", "%d %b %Y", "%d %B %Y")


class ClinicForm(PageForm):
    """A clinic's settings."""

    name = StringField("Name", [NEEDED, Length(max=200)])
    time_zone = StringField(
        "Time zone", [NEEDED], description="An IANA name, such as America/New_York."
    )
    opening_days = SelectMultipleField("Open on", [CHOOSE], choices=WEEKDAYS)
    closed_days = TextAreaField(
        "Closed days",
        [Optional()],
        description="One a line, such as 24 Dec 2026. National holidays are known already.",
    )
    language = SelectField("First language", [CHOOSE], choices=LANGUAGES)
    second_language = SelectField("Second language", [Optional()], choices=[("", "–"), *LANGUAGES])
    lab_schedule = RadioField(
        "Plan of laboratory tests", [Optional()], choices=[item[:2] for item in LAB_PLANS]
    )
    address = TextAreaField("Address", [Optional(), Length(max=600)])
    phone = StringField("Telephone", [Optional(), Length(max=60)])
    email = StringField("E-mail", [Optional(), Length(max=254)])
    paper = RadioField(
        "Paper", [CHOOSE], choices=[("letter", "US letter"), ("A4", "A4")], default="letter"
    )
    mail_from = TimeField("Mail may go out from", [NEEDED])
    mail_until = TimeField("until", [NEEDED])
    closing_lines = TextAreaField(
        "Closing lines",
        [Optional()],
        description="Name, telephone, hours: up to 5 lines. Others read mail: name no medicine.",
    )

    link_days = IntegerField(
        "Days for which a patient's link works",
        [Optional()],
        description="Each mail to a patient holds a link to the patient's own page.",
    )

    def fill(self, settings: ClinicSettings) -> None:
        """Show the settings as they are."""
        for name in ("name", "time_zone", "language", "second_language", "address", "phone"):
            self[name].data = getattr(settings, name)
        self.email.data, self.paper.data = settings.email, settings.paper
        self.opening_days.data = [str(day) for day in settings.opening_days]
        self.closed_days.data = "\n".join(d(day) for day in settings.closed_days)
        self.lab_schedule.data = settings.lab_schedule.value if settings.lab_schedule else ""
        self.mail_from.data = settings.patient_hours.first
        self.mail_until.data = settings.patient_hours.last
        self.closing_lines.data = "\n".join(settings.closing_lines)
        self.link_days.data = settings.link_days
        for kind, days in settings.lead_days.items():
            self[lead_field(kind)].data = ", ".join(str(day) for day in days.values())

    def wanted(self) -> ClinicSettings:
        """The settings as entered; raises Invalid for days that cannot be read."""
        plan = self.lab_schedule.data
        return ClinicSettings(
            name=self.name.data,
            time_zone=self.time_zone.data.strip(),
            opening_days=tuple(sorted(int(day) for day in self.opening_days.data)),
            closed_days=_days(self.closed_days.data or ""),
            language=self.language.data,
            second_language=self.second_language.data or "",
            lab_schedule=LabSchedule(plan) if plan else None,
            address=self.address.data or "",
            phone=self.phone.data or "",
            email=self.email.data or "",
            paper=self.paper.data,
            lead_days={kind: self._leads(kind) for kind in DEFAULT_LEADS},
            patient_hours=Hours(self.mail_from.data, self.mail_until.data),
            closing_lines=_lines(self.closing_lines.data or ""),
            link_days=LINK_DAYS if self.link_days.data is None else self.link_days.data,
        )

    def _leads(self, kind: ReminderKind) -> dict[Any, int]:
        name = lead_field(kind)
        usual = DEFAULT_LEADS[kind]
        if self[name].data is None:
            return dict(usual)
        said = re.findall(r"-?\d+", self[name].data)
        if len(said) != len(usual):
            shown = ", ".join(str(day) for day in usual.values())
            raise Invalid(
                {name: f"Found {self[name].data!r}; enter {_COUNTS[len(usual)]}: {shown}."}
            )
        return dict(zip(usual, (int(day) for day in said), strict=True))


for _kind, _name in PATIENT_NAMES.items():
    setattr(ClinicForm, lead_field(_kind), StringField(_name, [Optional()]))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.splitlines() if line.strip())


def _days(text: str) -> tuple[dt.date, ...]:
    return tuple(sorted({_day(line) for line in _lines(text)}))


def _day(text: str) -> dt.date:
    for form in DAY_FORMS:
        try:
            return dt.datetime.strptime(text, form).date()  # noqa: DTZ007
        except ValueError:
            continue
    raise Invalid({"closed_days": f"Found {text!r}; enter a day such as 24 Dec 2026."})


class NewClinicForm(PageForm):
    """A clinic to add."""

    name = StringField("Name", [NEEDED, Length(max=200)])
    code = StringField(
        "Code", [NEEDED], description="Small letters, digits, hyphens; it cannot be changed."
    )
    programme = SelectField("Programme", [CHOOSE])
    country = StringField("Country", [NEEDED], description="Two letters, such as US.")
    time_zone = StringField(
        "Time zone", [NEEDED], description="An IANA name, such as America/New_York."
    )

    def __init__(self) -> None:
        super().__init__()
        self.programme.choices = [
            ("", "Choose…"),
            *((item, load_programme(item).name) for item in programme_ids()),
        ]

    def new_clinic(self) -> NewClinic:
        """The clinic as entered."""
        return NewClinic(
            code=self.code.data.strip().lower(),
            name=self.name.data,
            programme=self.programme.data,
            country=self.country.data.strip().upper(),
            time_zone=self.time_zone.data.strip(),
        )
