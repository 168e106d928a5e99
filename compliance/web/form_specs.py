"""Which form records which kind of fact: one line each, to read them all at once."""

from __future__ import annotations

from dataclasses import dataclass

from compliance.web.dose_forms import WeightForm
from compliance.web.forms import (
    AcknowledgementForm,
    ComprehensionForm,
    ContraceptionForm,
    CounsellingForm,
    EnrolmentForm,
    FactForm,
    InteractionForm,
    LabDecisionForm,
    LabForm,
    LastDoseForm,
    MedicineForm,
    MensesForm,
    MethodReportForm,
    PotentialForm,
    PregnancyExcludedForm,
    PregnancyForm,
    PregnancyTestForm,
    SymptomForm,
    VisitForm,
)


@dataclass(frozen=True, slots=True)
class FormSpec:
    """One page that records one kind of fact."""

    kind: str
    title: str
    why: str
    form: type[FactForm]
    prescriber_only: bool = False


SPECS: dict[str, FormSpec] = {
    spec.kind.replace("_", "-"): spec
    for spec in (
        FormSpec("pregnancy_test", "Record a pregnancy test", "The window is counted from the day the sample was taken. An unclear line is not negative.", PregnancyTestForm),
        FormSpec("contraception", "Record a method of contraception", "Which methods are in use, and since when, decides from which day treatment may start.", ContraceptionForm),
        FormSpec("method_report", "Record the month's statement", "Prescriber and patient state the methods each month; the two statements have to name the same ones.", MethodReportForm),
        FormSpec("counselling", "Confirm counselling", "The prescriber confirms for each prescription that the patient was counselled.", CounsellingForm, prescriber_only=True),
        FormSpec("comprehension", "Record the patient's questions", "The patient answers the month's questions after the prescriber's entry.", ComprehensionForm),
        FormSpec("lab", "Record laboratory results", "Copy what the laboratory printed. Nothing is converted by guess.", LabForm),
        FormSpec("acknowledgement", "Record a signed form", "Who signed what, and when; for a minor a parent or guardian signs too.", AcknowledgementForm),
        FormSpec("pregnancy_potential", "Determine pregnancy potential", "It decides which path through the programme applies.", PotentialForm),
        FormSpec("enrolment", "Record the enrolment", "Entry in the programme's registry is verified at every dispensing.", EnrolmentForm),
        FormSpec("menses", "Record a period", "With regular cycles the test before the start falls on days 1 to 5 of the period.", MensesForm),
        FormSpec("visit", "Record a visit", "What was asked at a visit is part of its record.", VisitForm),
        FormSpec("weight", "Record the weight", "The dose for each kilogram is counted by the newest weight.", WeightForm),
        FormSpec("lab_decision", "Decide on a result", "A result beyond a limit waits until a prescriber has seen it and says what follows.", LabDecisionForm, prescriber_only=True),
        FormSpec("medicine", "Record another medicine", "Some medicines weaken contraception or must not be combined.", MedicineForm),
        FormSpec("interaction_acknowledged", "Acknowledge an interaction", "The prescriber has seen the alert and decided.", InteractionForm, prescriber_only=True),
        FormSpec("symptom", "Record a symptom", "Some symptoms mean stop, whatever the laboratory says.", SymptomForm),
        FormSpec("pregnancy", "Record a pregnancy", "The verdict becomes no at once and any open window closes. Call the prescriber now.", PregnancyForm),
        FormSpec("pregnancy_excluded", "Close a positive or unclear test", "Only a prescriber closes it, with the reason; a later home test never does.", PregnancyExcludedForm, prescriber_only=True),
        FormSpec("last_dose", "End the course", "The final test, contraception and the ban on blood donation are counted from the last dose.", LastDoseForm),
    )
}  # fmt: skip
