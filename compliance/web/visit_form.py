"""The one form of a monthly visit; each part is recorded only if something was said in it."""

from __future__ import annotations

from collections.abc import Mapping

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
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
from wtforms.validators import Length, NumberRange, Optional

from compliance.rules.terms import (
    Analyte,
    ExemptionReason,
    Method,
    Specimen,
    Supervision,
    TestResult,
    Topic,
    VisitMode,
)
from compliance.web.forms import NEEDED, SYMPTOMS, PregnancyTestForm, as_key, choices

HOW_OFTEN = [
    ("0", "Not at all"),
    ("1", "Several days"),
    ("2", "More than half the days"),
    ("3", "Nearly every day"),
]
PHQ9_FROM = 3  # the PHQ-2's own rule: at this sum or above, the PHQ-9 follows
ACTION_LENGTH = 10

METHODS = choices(method for method in Method if method is not Method.NONE)
DECISIONS = [
    ("go on unchanged", "Go on unchanged"),
    ("go on with a lower dose", "Go on with a lower dose"),
    ("interrupt until repeated", "Interrupt until the test is repeated"),
    ("stop", "Stop the treatment"),
]


def _scale(label: str) -> RadioField:
    return RadioField(label, [Optional()], choices=[*HOW_OFTEN, ("", "Not asked today")])


def _between(low: int, high: int, what: str) -> NumberRange:
    return NumberRange(
        min=low, max=high, message=f"Enter {low} to {high} {what}.".replace(" .", ".")
    )


class VisitForm(FlaskForm):
    """What is asked at a visit; filled from what was kept, so that it needs no request."""

    on = DateField("Date of the visit", [NEEDED])
    mode = SelectField("How", choices=choices(VisitMode), default="in-person")

    collected = DateField("Collected on", [Optional()], description="The day the sample was taken.")
    result = RadioField(
        "Result", [Optional()], choices=[*choices(TestResult), ("", "No test today")]
    )
    specimen = SelectField("Sample", choices=choices(Specimen), default="urine")
    setting = SelectField(
        "Where it was done",
        choices=[
            ("medical", "In a medical setting"),
            ("laboratory", "In a laboratory"),
            ("home", "At home"),
        ],
        default="medical",
    )
    clia_certified = SelectField(
        "CLIA-certified laboratory",
        [Optional()],
        choices=[("", "Not known"), ("yes", "Yes"), ("no", "No")],
    )
    supervision = SelectField(
        "Who watched it", [Optional()], choices=[("", "–"), *choices(Supervision)]
    )
    home_process_documented = PregnancyTestForm.home_process_documented
    sensitivity = PregnancyTestForm.sensitivity

    patient_methods = SelectMultipleField("The patient states", choices=METHODS)
    patient_states = BooleanField("The patient states these today")
    prescriber_methods = SelectMultipleField("The prescriber states", choices=METHODS)
    prescriber_states = BooleanField("The prescriber states these today")
    exemption = SelectField(
        "No risk of pregnancy is expected, because",
        [Optional()],
        choices=[("", "No exemption"), *choices(ExemptionReason)],
    )
    exemption_on_form = BooleanField("It is attested on the programme's form")

    counselled = BooleanField("Counselling for this prescription is confirmed")
    understood = RadioField(
        "This month's questions",
        [Optional()],
        choices=[("yes", "All answered correctly"), ("no", "Not passed"), ("", "Not asked today")],
    )
    topics = SelectMultipleField("Asked about", choices=choices(Topic))

    interest = _scale("Little interest or pleasure in doing things")
    low_mood = _scale("Feeling down, depressed or hopeless")
    phq9 = IntegerField(
        "PHQ-9, sum of its nine answers", [Optional(), _between(0, 27, "")], description="0 to 27."
    )
    self_harm = RadioField(
        "Its question 9: thoughts of being better off dead or of hurting oneself",
        [Optional()],
        choices=HOW_OFTEN,
    )
    mood_action = TextAreaField(
        "What was done",
        [Optional(), Length(max=1000)],
        description="Who was called, who stays with the patient, what was agreed.",
    )
    symptoms = SelectMultipleField(
        "Reported since the last visit",
        choices=list(SYMPTOMS),
        validate_choice=False,  # a programme's own list may name more
    )
    other_symptom = StringField("Another symptom", [Optional(), Length(max=80)])

    decided_about = SelectMultipleField("Results seen and decided", choices=choices(Analyte))
    decision = SelectField("The decision", [Optional()], choices=[("", "–"), *DECISIONS])
    decision_note = StringField("Why, or what else", [Optional(), Length(max=300)])

    weight_kg = DecimalField("Weight (kg)", [Optional(), _between(20, 350, "kg")])
    daily_dose_mg = DecimalField("Daily dose (mg)", [Optional(), _between(1, 200, "mg a day")])
    days_supply = IntegerField("Days' supply", [Optional(), _between(1, 365, "days")])
    refills = IntegerField("Refills", [Optional(), _between(0, 12, "")], default=0)
    prescribe = BooleanField("Prescribe this today")

    def __init__(self, answers: Mapping[str, list[str]]) -> None:
        # the request's own check of the token covers every form; kept answers carry none
        given = MultiDict([(name, value) for name, all_ in answers.items() for value in all_])
        super().__init__(formdata=given, meta={"csrf": False})  # type: ignore[no-untyped-call]

    @property
    def named_symptoms(self) -> list[str]:
        """The keys of all symptoms, ticked or typed, each once."""
        named = [*self.symptoms.data, self.other_symptom.data or ""]
        return list(dict.fromkeys(filter(None, map(as_key, named))))

    def sent_and_valid(self) -> bool:
        """Whether the fields, alone and together, can be taken; faults stand in them."""
        valid = bool(self.validate())  # type: ignore[no-untyped-call]
        for name, sentence in _together(self).items():
            self[name].errors = [*self[name].errors, sentence]
            valid = False
        return valid

    @property
    def mood_sum(self) -> int | None:
        """The PHQ-2, 0 to 6; None until both questions are answered."""
        if not self.interest.data or not self.low_mood.data:
            return None
        return int(self.interest.data) + int(self.low_mood.data)

    @property
    def asks_phq9(self) -> bool:
        """Whether the sum of the two questions asks for the PHQ-9."""
        return (self.mood_sum or 0) >= PHQ9_FROM

    @property
    def urgent(self) -> bool:
        """Whether question 9 asks for action on the same day."""
        return self.asks_phq9 and self.self_harm.data in ("1", "2", "3")


NAMES = frozenset(name for name, field in vars(VisitForm).items() if hasattr(field, "field_class"))


def _together(form: VisitForm) -> dict[str, str]:
    """What two fields or more say together that cannot be right."""
    faults: dict[str, str] = {}
    if form.result.data and not form.collected.data:
        faults["collected"] = "Enter the day the sample was taken."
    for side in ("patient", "prescriber"):
        if form[f"{side}_states"].data and not form[f"{side}_methods"].data:
            faults[f"{side}_methods"] = "Choose the methods, or abstinence."
    if form.decided_about.data and not form.decision.data:
        faults["decision"] = "Choose what was decided."
    if form.prescribe.data and not form.days_supply.data and not form.days_supply.errors:
        faults["days_supply"] = "Enter the days' supply."
    return faults | _mood_faults(form)


def _mood_faults(form: VisitForm) -> dict[str, str]:
    total = form.mood_sum
    if total is None:
        return _half_asked(form)
    if total < PHQ9_FROM:
        return {}
    faults = {}
    if form.phq9.data is None and not form.phq9.errors:
        faults["phq9"] = f"The two answers add up to {total}: ask the PHQ-9 and enter its sum."
    if not form.self_harm.data:
        faults["self_harm"] = "Enter the answer to question 9."
    least = total + int(form.self_harm.data or 0)
    if form.phq9.data is not None and form.phq9.data < least:
        faults["phq9"] = f"Its answers on this page add up to {least} already; enter the whole sum."
    if form.urgent and len((form.mood_action.data or "").strip()) < ACTION_LENGTH:
        faults["mood_action"] = (
            f"Question 9 asks for action today: say what was done, in {ACTION_LENGTH} characters"
            " or more."
        )
    return faults


def _half_asked(form: VisitForm) -> dict[str, str]:
    asked: list[Field] = [form.interest, form.low_mood]
    if not any(field.data for field in asked):
        return {}
    return {field.name: "Answer both questions." for field in asked if not field.data}
