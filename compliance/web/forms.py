"""The forms for evidence: each names its fields as the fact does, so that one reader serves all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    DecimalField,
    Field,
    IntegerField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, NumberRange, Optional

from compliance.rules.terms import (
    Analyte,
    Cycle,
    Form,
    Method,
    Potential,
    PotentialReason,
    Signer,
    Specimen,
    Supervision,
    Term,
    TestResult,
    Topic,
    VisitMode,
)
from compliance.web.words import words

NEEDED = InputRequired("Enter this.")
CHOOSE = InputRequired("Choose one.")


def choices(terms: Iterable[Term], said: Callable[[str], str] = words) -> list[tuple[str, str]]:
    """The choices of a vocabulary, in words."""
    return [(term.value, said(term.value)) for term in terms]


class PageForm(FlaskForm):
    """A form of a page, filled from the request."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def sent_and_valid(self) -> bool:
        """Whether the form was sent and its own checks find nothing wrong."""
        return bool(self.validate_on_submit())  # type: ignore[no-untyped-call]


class FactForm(PageForm):
    """A form whose field names are the keys of one kind of fact."""

    def data_of_fact(self) -> dict[str, Any]:
        """What was entered, as plain data for `read_fact`; empty fields are left out."""
        data: dict[str, Any] = {}
        for field in self:
            if field.name == "csrf_token" or field.name.startswith("_"):
                continue
            value = _plain(field)
            if value not in (None, "", []):
                data[field.name] = value
        return data


def _plain(field: Field) -> Any:
    value = field.data
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, str):
        return value.strip()
    return value


class PregnancyTestForm(FactForm):
    """A pregnancy test, dated by collection."""

    collected = DateField(
        "Collected on",
        [NEEDED],
        description="The day the sample was taken, not the day of the result.",
    )
    result = RadioField("Result", [CHOOSE], choices=choices(TestResult))
    specimen = RadioField("Sample", [CHOOSE], choices=choices(Specimen), default="urine")
    setting = RadioField(
        "Where it was done",
        [CHOOSE],
        choices=[
            ("medical", "In a medical setting"),
            ("laboratory", "In a laboratory"),
            ("home", "At home"),
        ],
        default="medical",
    )
    supervision = SelectField(
        "Who watched a test at home",
        [Optional()],
        choices=[("", "–"), *choices(Supervision)],
    )
    home_process_documented = BooleanField(
        "A documented process against misreading and falsification covered the home test"
    )
    sensitivity = DecimalField(
        "Detects from (mIU/mL)",
        [Optional(), NumberRange(min=1, max=1000, message="Enter 1 to 1000 mIU/mL.")],
        default=Decimal(25),
        description="The smallest hCG that the kit detects, from its leaflet.",
    )


class ContraceptionForm(FactForm):
    """A method in use."""

    method = SelectField(
        "Method",
        [CHOOSE],
        choices=[("", "Choose…"), *choices(m for m in Method if m is not Method.NONE)],
    )
    from_ = DateField("In use since", [NEEDED], name="from")
    until = DateField("Until", [Optional()], description="Leave empty while it is in use.")
    effective_from = DateField(
        "Protects from", [Optional()], description="When later than the first day of use."
    )
    documented_by_professional = BooleanField(
        "Fitted, given or confirmed by a professional, with a document"
    )


class MethodReportForm(FactForm):
    """The month's methods, as one side states them."""

    on = DateField("Stated on", [NEEDED])
    by = RadioField(
        "Who states it",
        [CHOOSE],
        choices=[("prescriber", "The prescriber"), ("patient", "The patient")],
    )
    methods = SelectMultipleField(
        "Methods",
        [CHOOSE],
        choices=choices(m for m in Method if m is not Method.NONE),
        description="All methods in use this month.",
    )


class CounsellingForm(FactForm):
    """The prescriber confirms counselling."""

    on = DateField("Counselled on", [NEEDED])


class ComprehensionForm(FactForm):
    """The patient's questions of the month."""

    on = DateField("Answered on", [NEEDED])
    passed = RadioField(
        "Answers", [CHOOSE], choices=[("yes", "All answered correctly"), ("no", "Not passed")]
    )

    def data_of_fact(self) -> dict[str, Any]:
        """Passed or not, as a truth."""
        return {"on": self.on.data, "passed": self.passed.data == "yes"}


class EnrolmentForm(FactForm):
    """Entry in the programme's registry."""

    on = DateField("Enrolled on", [NEEDED])


class AcknowledgementForm(FactForm):
    """A form that was signed."""

    on = DateField("Signed on", [NEEDED])
    form = SelectField("Form", [CHOOSE], choices=choices(Form), default="enrolment")
    version = StringField(
        "Version", [Optional()], description="As printed on the form, where it matters."
    )
    signed_by = SelectMultipleField("Signed by", [CHOOSE], choices=choices(Signer))


class PotentialForm(FactForm):
    """From a day on, whether the patient can become pregnant, and why."""

    from_ = DateField("From", [NEEDED], name="from")
    can_become_pregnant = RadioField(
        "Category",
        [CHOOSE],
        choices=[
            (Potential.YES.value, "Can become pregnant"),
            (Potential.NO.value, "Cannot become pregnant"),
            (Potential.UNDETERMINED.value, "Not determined yet"),
        ],
        description="It follows reproductive capacity, never sex, gender or behaviour.",
    )
    reason = SelectField("Because", [Optional()], choices=[("", "–"), *choices(PotentialReason)])
    cycle = SelectField("Cycle", [CHOOSE], choices=choices(Cycle), default="unknown")
    confirmed_by_professional = BooleanField("Confirmed by a healthcare professional")


class MensesForm(FactForm):
    """A period began."""

    started = DateField("First day of the period", [NEEDED])


class VisitForm(FactForm):
    """An appointment and what was asked at it."""

    on = DateField("Visit on", [NEEDED])
    mode = RadioField("How", [CHOOSE], choices=choices(VisitMode), default="in-person")
    topics = SelectMultipleField("Asked about", [Optional()], choices=choices(Topic))


class LabForm(FactForm):
    """Results typed in by hand have a page of their own, for a whole sample."""


class LabDecisionForm(FactForm):
    """A prescriber has seen a result that waits and says what follows."""

    on = DateField("Decided on", [NEEDED])
    analyte = SelectField(
        "About the results of",
        [CHOOSE],
        choices=[("", "Choose…"), *choices(Analyte)],
        description="Every result of it up to this day counts as seen.",
    )
    decision = TextAreaField(
        "What follows",
        [NEEDED],
        description="Go on, lower the dose, pause or stop; when it is measured again. It stays on"
        " record with your name.",
    )


class MedicineForm(FactForm):
    """Another medicine."""

    name = StringField(
        "Medicine", [NEEDED], description="The substance, such as St John's wort or doxycycline."
    )
    from_ = DateField("Since", [NEEDED], name="from")
    until = DateField("Until", [Optional()])

    def data_of_fact(self) -> dict[str, Any]:
        """The name as a key: lower case, hyphens."""
        data = super().data_of_fact()
        data["name"] = as_key(data["name"])
        return data


class InteractionForm(FactForm):
    """The prescriber has seen an interaction."""

    medicine = StringField("Medicine", [NEEDED])
    on = DateField("Acknowledged on", [NEEDED])


# Those of which a programme may say that treatment stops come first.
SYMPTOMS = (
    ("abdominal-pain", "Abdominal pain"),
    ("visual-change", "Visual change"),
    ("hearing-change", "Hearing change"),
    ("severe-headache", "Severe headache"),
    ("rectal-bleeding", "Rectal bleeding"),
    ("severe-diarrhoea", "Severe diarrhoea"),
    ("severe-skin-reaction", "Severe skin reaction"),
    ("jaundice", "Yellow skin or eyes"),
    ("low-mood", "Low mood"),
    ("mood-change", "Change of mood"),
    ("dry-eyes", "Dry eyes"),
    ("dry-lips", "Dry lips or skin"),
    ("joint-pain", "Joint or muscle pain"),
    ("nosebleeds", "Nosebleeds"),
    ("sexual-dysfunction", "Sexual problems"),
)


def as_key(text: str) -> str:
    """What was typed as the key of a fact: lower case, hyphens."""
    return "-".join(text.lower().replace("'", "").replace("’", "").split())


class SymptomForm(FactForm):
    """A symptom that the patient reported."""

    on = DateField("Reported on", [NEEDED])
    name = SelectField(
        "Symptom",
        [CHOOSE],
        choices=[("", "Choose…"), *SYMPTOMS],
    )


class PregnancyForm(FactForm):
    """A pregnancy was confirmed."""

    on = DateField("Confirmed on", [NEEDED])


class LastDoseForm(FactForm):
    """The course ended."""

    on = DateField(
        "Last dose taken on", [NEEDED], description="The day of the last capsule actually taken."
    )


class PregnancyExcludedForm(FactForm):
    """A named person closes a positive or unclear test."""

    on = DateField("Decided on", [NEEDED])
    reason = TextAreaField(
        "Why pregnancy is excluded",
        [NEEDED],
        description="What was done to be sure; it stays on record with your name.",
    )


class PrescriptionForm(PageForm):
    """A prescription issued today."""

    days_supply = IntegerField(
        "Days' supply",
        [NEEDED, NumberRange(min=1, max=365, message="Enter 1 to 365 days.")],
        default=30,
    )
    refills = IntegerField(
        "Refills",
        [InputRequired("Enter 0 or more."), NumberRange(min=0, max=12, message="Enter 0 to 12.")],
        default=0,
    )
    daily_dose_mg = DecimalField(
        "Daily dose (mg)",
        [Optional(), NumberRange(min=1, max=200, message="Enter 1 to 200 mg a day.")],
    )
    override_reason = TextAreaField(
        "Reason for going on although prerequisites do not appear met", [Optional()]
    )


class DispensingForm(PageForm):
    """The medicine was handed over."""

    on = DateField("Handed over on", [NEEDED])
    days_supply = IntegerField(
        "Days' supply",
        [NEEDED, NumberRange(min=1, max=365, message="Enter 1 to 365 days.")],
        default=30,
    )
    override_reason = TextAreaField(
        "Reason for recording it although prerequisites do not appear met", [Optional()]
    )


class WithdrawForm(PageForm):
    """An entry made in error."""

    reason = TextAreaField(
        "Why it is withdrawn",
        [NEEDED],
        description="The entry stays visible as withdrawn, with this reason and your name.",
    )


def default_day(form: PageForm, today: dt.date) -> None:
    """Offer today in the field that says when it happened."""
    for name in ("collected", "on", "from", "started"):
        field = form._fields.get(name) or form._fields.get(f"{name}_")
        if field is not None and field.data is None:
            field.data = today
