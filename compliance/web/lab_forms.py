"""The forms of the laboratory pages: files in, a held result decided."""

from __future__ import annotations

from wtforms import (
    DateField,
    HiddenField,
    MultipleFileField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired, Optional

from compliance.rules.facts import Fact, read_fact
from compliance.rules.terminology import load_terminology
from compliance.rules.terms import Analyte, Specimen, TestResult
from compliance.services.errors import Invalid
from compliance.web.forms import PageForm
from compliance.web.words import words


def analyte_name(analyte: Analyte) -> str:
    """What an analyte is called."""
    return load_terminology().analytes[analyte].name


class UploadForm(PageForm):
    """Files as the laboratory made them."""

    files = MultipleFileField(
        "Files",
        description="HL7 v2, FHIR as JSON, or CSV and XLSX spreadsheets, up to 20 MB together.",
    )


class ReadingForm(PageForm):
    """To whom a held result is filed, and what the laboratory says when it was asked."""

    mrn = StringField("Record number of the patient", [InputRequired("Enter the record number.")])
    analyte = SelectField(
        "What was measured",
        [Optional()],
        choices=[
            ("", "–"),
            *((item.value, analyte_name(item)) for item in Analyte if item is not Analyte.HCG),
        ],
    )
    value = StringField("Value", [Optional()], description="As the laboratory says it: 1.7, <0.5.")
    unit = SelectField("Unit", [Optional()], choices=[])
    result = SelectField(
        "Pregnancy test",
        [Optional()],
        choices=[("", "–"), *((item.value, words(item.value)) for item in TestResult)],
    )
    specimen = SelectField(
        "Sample",
        [Optional()],
        choices=[("", "–"), *((item.value, words(item.value)) for item in Specimen)],
    )
    collected = DateField("Collected on", [Optional()])
    note = StringField(
        "Who said so", [Optional()], description="The person asked at the laboratory."
    )

    def is_read(self) -> bool:
        """Whether a person entered another reading than the one that was sent."""
        return bool(self.value.data or self.result.data)

    def fact(self) -> Fact | None:
        """What a person read; None for what was sent. Raises FactError or Invalid."""
        if not self.is_read():
            return None
        if self.collected.data is None:
            raise Invalid({"collected": "Enter the day when the sample was taken."})
        day = self.collected.data.isoformat()
        if self.result.data:
            test = {"collected": day, "result": self.result.data, "setting": "laboratory"}
            return read_fact(
                "pregnancy_test", {**test, "specimen": self.specimen.data or Specimen.SERUM.value}
            )
        given = {"analyte": self.analyte.data, "value": self.value.data, "unit": self.unit.data}
        missing = {name: "Enter this too." for name, value in given.items() if not value}
        if missing:
            raise Invalid(missing)
        return read_fact("lab", {"collected": day, **given})


class DismissForm(PageForm):
    """Why a held result is not filed."""

    reason = TextAreaField("Why it is dismissed", [InputRequired("Enter the reason.")])


class ClickForm(PageForm):
    """One click; the patient is the one who was shown."""

    patient = HiddenField()
