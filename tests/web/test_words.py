"""Every term and requirement has words, and every fix leads to a form that exists."""

import datetime as dt

import pytest

from compliance.rules.facts import KINDS, Contraception, Lab, MethodReport, PregnancyTest
from compliance.rules.terms import Analyte, Method, Requirement, Side, Specimen, TestResult
from compliance.web.form_specs import SPECS
from compliance.web.words import FIXES, REQUIREMENTS, describe, fix_for, options, requirement, words

DAY = dt.date(2026, 4, 2)


def test_every_requirement_has_a_name_of_its_own():
    assert set(REQUIREMENTS) == {item.value for item in Requirement}
    assert len(set(REQUIREMENTS.values())) == len(REQUIREMENTS)


def test_every_fix_leads_to_a_form_that_exists():
    assert {kind for kind, _ in FIXES.values()} <= set(SPECS)
    assert set(FIXES) <= {item.value for item in Requirement}


def test_a_term_reads_as_words():
    assert words(Method.COMBINED_PILL) == "Combined pill"
    assert words("no-withdrawal-bleed") == "No withdrawal bleed"
    assert words("pregnancy_test") == "Pregnancy test"
    assert words(None) == ""


def test_choices_keep_the_order_of_the_vocabulary():
    assert options(TestResult)[0] == ("negative", "Negative")
    assert [value for value, _ in options(Analyte)] == [item.value for item in Analyte]


@pytest.mark.parametrize(
    ("fact", "said"),
    [
        (
            PregnancyTest(collected=DAY, result=TestResult.NEGATIVE, specimen=Specimen.SERUM),
            "Negative, serum",
        ),
        (Contraception(method=Method.IUS, from_=DAY), "Hormonal IUD (IUS)"),
        (
            MethodReport(on=DAY, by=Side.PATIENT, methods=(Method.IUS, Method.MALE_CONDOM)),
            "Patient: Hormonal IUD (IUS), external (male) condom",
        ),
        (
            Lab(collected=DAY, analyte=Analyte.ALT, value="31", unit="U/L", upper_limit="40"),
            "ALT 31 U/L (upper limit 40)",
        ),
    ],
)
def test_a_fact_is_told_in_a_few_words(fact, said):
    assert describe(fact) == said


def test_no_requirement_without_a_form_offers_a_button():
    assert fix_for(Requirement.PRESCRIPTION_WINDOW) is None
    assert fix_for("monthly-test") == ("pregnancy-test", "Record test")


def test_an_unknown_word_is_still_readable():
    assert requirement("new-thing") == "New thing"
    assert all(words(kind) for kind in KINDS)
