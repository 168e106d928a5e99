"""What words and numbers say about a pregnancy; only a plain negative is ever read as one."""

from __future__ import annotations

from fractions import Fraction

from compliance.rules.terminology import Terminology, has_word, without
from compliance.rules.terms import TestResult
from compliance.services.incoming import IncomingResult
from compliance.services.lab_text import Doubt, Number, read_answer, read_number


def hcg_result(number: Number, value: Fraction, terms: Terminology) -> TestResult:
    """Quantitative hCG (value in IU/L); a censored one counts where the whole of it lies.

    Raises Doubt when it can be negative or not.
    """
    low, high = terms.pregnancy.negative_below, terms.pregnancy.positive_from
    if number.comparator.startswith("<"):
        if value < low or (number.comparator == "<" and value == low):
            return TestResult.NEGATIVE
        raise Doubt(f"hCG of {number} can be negative or not: its limit is above {low} IU/L.")
    if number.comparator.startswith(">"):
        if value >= high:
            return TestResult.POSITIVE
        raise Doubt(f"hCG of {number} is not plainly negative, and how high it is was not said.")
    if value < low:
        return TestResult.NEGATIVE
    return TestResult.POSITIVE if value >= high else TestResult.INDETERMINATE


def reads_positive(result: IncomingResult, terms: Terminology) -> bool:
    """Whether the value may announce a pregnancy: anything but plainly negative, low or empty."""
    try:
        meaning = read_answer(result.value, terms.pregnancy.readings, terms)
    except Doubt:
        return bool(result.value.text) and not _reads_low(result, terms)
    return meaning in (TestResult.POSITIVE, TestResult.INDETERMINATE)


def _reads_low(result: IncomingResult, terms: Terminology) -> bool:
    try:
        number = read_number(result.value)
    except Doubt:
        return False
    return not number.comparator.startswith(">") and number.value < terms.pregnancy.negative_below


def asserts_pregnancy(text: str, terms: Terminology) -> bool:
    """Whether free text states a pregnancy, when its denials are taken away."""
    pregnancy = terms.pregnancy
    if not has_word(text, pregnancy.assertions):
        return False
    return has_word(without(text, pregnancy.denials), pregnancy.assertions)


def speaks_against(result: IncomingResult, terms: Terminology) -> str:
    """What beside a negative value speaks against it: a flag or a note; "" when nothing does."""
    flags = {flag.upper() for flag in result.flags}
    against = flags & (terms.pregnancy.positive_flags | terms.pregnancy.doubtful_flags)
    if against:
        return f"it is flagged {min(against)}"
    doubtful = [note for note in result.notes if has_word(note, terms.pregnancy.doubts)]
    return f"a note says “{excerpt(doubtful[0])}”" if doubtful else ""


def excerpt(text: str, length: int = 160) -> str:
    """The beginning of a text on one line."""
    text = " ".join(text.split())
    return text if len(text) <= length else f"{text[: length - 1]}…"
