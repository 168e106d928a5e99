"""The tables of codes, units and words are strict to read and exact to convert."""

from __future__ import annotations

import shutil
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

from compliance.rules.terminology import (
    FOLDER,
    TerminologyError,
    has_word,
    is_loinc,
    load_terminology,
    without,
)
from compliance.rules.terms import Analyte, Specimen

TERMS = load_terminology()


def changed(tmp_path: Path, file: str, before: str, after: str) -> Path:
    shutil.copytree(FOLDER, tmp_path / "terminology")
    target = tmp_path / "terminology" / file
    text = target.read_text("utf-8")
    assert before in text
    target.write_text(text.replace(before, after, 1), "utf-8")
    return tmp_path / "terminology"


def test_every_analyte_of_the_vocabulary_has_a_table() -> None:
    assert set(TERMS.analytes) == set(Analyte)


@pytest.mark.parametrize(
    ("code", "analyte", "property_"),
    [
        ("2571-8", Analyte.TG, "mass"),
        ("14927-8", Analyte.TG, "moles"),
        ("13457-7", Analyte.LDL, "mass"),
        ("18262-6", Analyte.LDL, "mass"),
        ("22748-8", Analyte.LDL, "moles"),
        ("14646-4", Analyte.HDL, "moles"),
        ("1742-6", Analyte.ALT, "activity"),
        ("21198-7", Analyte.HCG, "arbitrary"),
        ("14631-6", Analyte.BILI, "moles"),
    ],
)
def test_codes_that_published_lists_confuse_are_what_they_are(code, analyte, property_) -> None:
    assert (TERMS.codes[code].analyte, TERMS.codes[code].property) == (analyte, property_)


@pytest.mark.parametrize("code", ["32309-7", "9830-1", "13874-3", "5804-0", "20454-5", "718-7"])
def test_ratios_isoenzymes_and_urine_are_no_analyte_of_ours(code: str) -> None:
    assert code not in TERMS.codes


def test_the_specimen_of_a_pregnancy_test_is_in_its_code() -> None:
    assert TERMS.pregnancy.tests["2106-3"] is Specimen.URINE
    assert TERMS.pregnancy.tests["2118-8"] is Specimen.SERUM


def test_codes_with_a_single_source_are_marked() -> None:
    assert not TERMS.codes["3048-6"].confirmed
    assert TERMS.codes["2571-8"].confirmed


def test_conversion_is_exact_in_both_directions() -> None:
    fats = TERMS.analytes[Analyte.TG]
    assert fats.convert(Decimal("100"), "mg/dL", "mmol/L") == Fraction("1.12939")
    assert fats.convert(
        fats.convert(Decimal("7.7"), "mmol/L", "mg/dL"), "mg/dL", "mmol/L"
    ) == Fraction("7.7")
    enzyme = TERMS.analytes[Analyte.ALT]
    assert enzyme.convert(Decimal("1"), "ukat/L", "U/L") == 60


def test_limits_that_are_given_in_one_unit_hold_in_the_other() -> None:
    bilirubin = TERMS.analytes[Analyte.BILI]
    assert bilirubin.limits["umol/L"].query_above == Fraction("2.5") * Fraction("17.1040")


@pytest.mark.parametrize(
    ("spelling", "unit"),
    [
        ("mg/dl", "mg/dL"), ("MG/DL", "mg/dL"), ("MMOLL", "mmol/L"), ("UMOLL", "umol/L"),
        ("µmol/L", "umol/L"), ("μmol/L", "umol/L"), ("IU/L", "[IU]/L"), ("U / L", "U/L"),
        ("mIU/mL", "m[IU]/mL"), ("mU/ml", "mU/mL"), ("g/L", ""), ("UL", ""), ("", ""),
    ],
)  # fmt: skip
def test_unit_spellings_are_a_table_and_nothing_else(spelling: str, unit: str) -> None:
    assert TERMS.unit(spelling) == unit


def test_loinc_has_a_check_digit() -> None:
    assert is_loinc("2571-8")
    assert is_loinc("2106-3")
    assert not is_loinc("2571-7")
    assert not is_loinc("CHOL")
    assert not is_loinc("２571-8")


def test_words_are_whole_words() -> None:
    assert has_word("HDL-Cholesterol (calc)", ("cholesterol",))
    assert not has_word("Salted", ("alt",))
    assert not has_word("anything", ())
    assert without("she is not pregnant now", ("not pregnant",)).split() == ["she", "is", "now"]


@pytest.mark.parametrize(
    ("file", "before", "after", "said"),
    [
        ("analytes.toml", 'loinc = "2571-8"', 'loinc = "2571-9"', "check digit"),
        ("analytes.toml", 'loinc = "14927-8"', 'loinc = "2571-8"', "each code once"),
        ("analytes.toml", 'property = "mass" }', 'property = "weight" }', "weight"),
        ("analytes.toml", 'name = "Triglycerides"', 'name = ""', "TG.name"),
        ("analytes.toml", '"0.0112939"', '"about 0.01"', "TG.units.mmol/L"),
        ("analytes.toml", "query_above = 1000", 'query_above = "1000"', "a number"),
        ("analytes.toml", "query_above = 1000", "query_over = 1000", "query_over"),
        ("analytes.toml", '"mmol/L" = { from = 20', '"g/L" = { from = 20', "g/L"),
        ("analytes.toml", "[CK]", "[KC]", "KC"),
        ("analytes.toml", "[TG]", "[TG", "readable TOML"),
        ("coding.toml", '"mmoll"', '"mg/dl"', "one meaning"),
        ("coding.toml", '"ukat/L" =', '"nkat/L" =', "a unit of coding.toml"),
        ("pregnancy.toml", 'urine = ["2106-3"', 'urine = ["2118-8"', "one meaning a code"),
        ("pregnancy.toml", '"positive", "pos"', '"negative", "pos"', "one meaning"),
        ("pregnancy.toml", "negative_below = 5", "negative_below = true", "a number"),
        ("pregnancy.toml", "[doubt]", "[doubts]", "doubt"),
        ("pregnancy.toml", 'no = ["n"', 'nope = ["n"', "statements.no"),
    ],
)  # fmt: skip
def test_a_mistake_names_the_file_and_the_key(tmp_path, file, before, after, said) -> None:
    with pytest.raises(TerminologyError) as caught:
        load_terminology(changed(tmp_path, file, before, after))
    assert file in str(caught.value)
    assert said in str(caught.value)
