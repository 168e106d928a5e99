"""The form that enrols a patient."""

from __future__ import annotations

from wtforms import BooleanField, DateField, RadioField, SelectField, StringField
from wtforms.validators import Optional

from compliance.rules.terms import Cycle, PotentialReason, Sex
from compliance.web.forms import CHOOSE, NEEDED, PageForm, PotentialForm, choices


class EnrolPatientForm(PageForm):
    """A new patient."""

    mrn = StringField(
        "Record number", [NEEDED], description="The clinic's own number for the patient."
    )
    given_name = StringField("Given name", [NEEDED])
    family_name = StringField("Family name", [NEEDED])
    birth_date = DateField("Date of birth", [NEEDED])
    sex_at_birth = SelectField(
        "Sex at birth",
        [Optional()],
        choices=[("", "–"), *choices(Sex)],
        description="Picks reference ranges only.",
    )
    pronouns = StringField("Pronouns", [Optional()])
    email = StringField(
        "E-mail", [Optional()], description="For reminders; they say nothing about the medicine."
    )
    phone = StringField("Telephone", [Optional()])
    language = SelectField(
        "Language of reminders",
        [CHOOSE],
        choices=[("en", "English"), ("es", "Spanish")],
        default="en",
    )
    discretion = RadioField(
        "Reminders say",
        [CHOOSE],
        choices=[
            ("neutral", "Only that there is a step to complete"),
            ("detailed", "What is due, as the patient asked for"),
        ],
        default="neutral",
    )
    prescriber_id = SelectField(
        "Prescriber", [Optional()], coerce=lambda value: int(value) if value else None
    )
    can_become_pregnant = PotentialForm.can_become_pregnant
    reason = SelectField("Because", [Optional()], choices=[("", "–"), *choices(PotentialReason)])
    cycle = SelectField("Cycle", [CHOOSE], choices=choices(Cycle), default="unknown")
    confirmed_by_professional = BooleanField("Confirmed by a healthcare professional")
    enrolled_on = DateField(
        "Enrolled in the programme on",
        [Optional()],
        description="Leave empty if the registry has not been told yet.",
    )
    identifier_authority = StringField(
        "Another number: who assigned it",
        [Optional()],
        description="Such as the laboratory's or hospital's name, as it stands in their messages.",
    )
    identifier_value = StringField("Another number", [Optional()])
