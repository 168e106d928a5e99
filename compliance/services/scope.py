"""What a result is a result of: by code system and code, never by its name alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from compliance.rules.terminology import LabCode, Terminology, has_word, is_loinc
from compliance.rules.terms import Analyte, Specimen, Term
from compliance.services.incoming import Coded, IncomingResult

LOINC = "http://loinc.org"


class Kind(Term):
    """What sort of thing was sent."""

    ANALYTE = "analyte"
    TEST = "pregnancy-test"
    STATEMENT = "statement"
    UNCERTAIN = "uncertain"
    OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Scope:
    """What was measured, the code that says so, and the doubt when a person must look."""

    kind: Kind
    system: str = ""
    code: str = ""
    lab: LabCode | None = None
    specimen: Specimen | None = None
    doubt: str = ""
    is_pregnancy: bool = False
    mapped_from: tuple[str, str] | None = None  # the laboratory's own system and code


def place(
    result: IncomingResult, terms: Terminology, mappings: Mapping[tuple[str, str], str]
) -> Scope:
    """Where a result belongs; `mappings` are the sending laboratory's (system, code) to LOINC."""
    loinc = [
        item.code
        for item in result.code
        if terms.system(item.system) == "loinc" and is_loinc(item.code)
    ]
    mapped = {
        mappings[item.system, item.code]: (item.system, item.code)
        for item in result.code
        if (item.system, item.code) in mappings
    }
    known = list(dict.fromkeys(code for code in (*loinc, *mapped) if _is_known(code, terms)))
    if len(known) > 1:
        doubt = f"Two codes that mean different things were sent: {' and '.join(known)}."
        about = any(
            code not in terms.codes or terms.codes[code].analyte is Analyte.HCG for code in known
        )
        return Scope(Kind.UNCERTAIN, LOINC, known[0], doubt=doubt, is_pregnancy=about)
    if known:
        scope = _by_code(known[0], result, terms, from_mapping=known[0] not in loinc)
        return scope if known[0] in loinc else replace(scope, mapped_from=mapped[known[0]])
    if loinc:
        return _other_loinc(loinc[0], result, terms)
    return _by_words(result, terms)


def _is_known(code: str, terms: Terminology) -> bool:
    pregnancy = terms.pregnancy
    return code in terms.codes or code in pregnancy.tests or code in pregnancy.statement_codes


def _by_code(code: str, result: IncomingResult, terms: Terminology, *, from_mapping: bool) -> Scope:
    pregnancy = terms.pregnancy
    if code in pregnancy.statement_codes:
        return Scope(Kind.STATEMENT, LOINC, code, is_pregnancy=True)
    words = "" if from_mapping else " ".join(item.text for item in result.code if item.text)
    if code in pregnancy.tests:
        expected = (*pregnancy.test_words, *pregnancy.statement_words, "preg")
        doubt = "" if not words or has_word(words, expected) else (
            f"The code {code} is a pregnancy test, but the words beside it are “{words[:80]}”."
        )  # fmt: skip
        kind = Kind.UNCERTAIN if doubt else Kind.TEST
        return Scope(kind, LOINC, code, None, pregnancy.tests[code], doubt, is_pregnancy=True)
    lab = terms.codes[code]
    doubt = _other_words(lab, words, terms)
    kind = Kind.UNCERTAIN if doubt else Kind.ANALYTE
    return Scope(kind, LOINC, code, lab, doubt=doubt, is_pregnancy=lab.analyte is Analyte.HCG)


def _other_words(lab: LabCode, words: str, terms: Terminology) -> str:
    """Published lists confuse codes: words that name another analyte are not passed over."""
    own = terms.analytes[lab.analyte]
    if not words or has_word(words, own.words):
        return ""
    other = suspect(words, terms)
    if not other:
        return ""
    return f"The code {lab.loinc} is {own.name}, but the words beside it say {other}."


def _other_loinc(code: str, result: IncomingResult, terms: Terminology) -> Scope:
    words = " ".join(item.text for item in result.code)
    if has_word(words, terms.pregnancy.test_words):
        doubt = (
            f"“{result.label[:80]}” ({code}) looks like a pregnancy test that we have no code for."
        )
        return Scope(Kind.UNCERTAIN, LOINC, code, doubt=doubt, is_pregnancy=True)
    if has_word(words, terms.pregnancy.statement_words):
        return Scope(Kind.STATEMENT, LOINC, code, is_pregnancy=True)
    return Scope(Kind.OUTSIDE, LOINC, code)


def _by_words(result: IncomingResult, terms: Terminology) -> Scope:
    first = next((item for item in result.code if item.code), Coded())
    words = " ".join(f"{item.text} {item.code}" for item in result.code)
    is_test = has_word(words, terms.pregnancy.test_words)
    other = "a pregnancy test" if is_test else suspect(words, terms)
    if other:
        doubt = (
            f"“{result.label[:80]}” suggests {other}, but {_why_unknown(first, terms)};"
            " it needs a code mapping for this laboratory."
        )
        return Scope(Kind.UNCERTAIN, first.system, first.code, doubt=doubt, is_pregnancy=is_test)
    if has_word(words, terms.pregnancy.statement_words):
        return Scope(Kind.STATEMENT, first.system, first.code, is_pregnancy=True)
    return Scope(Kind.OUTSIDE, first.system, first.code)


def _why_unknown(first: Coded, terms: Terminology) -> str:
    if not first.code:
        return "it came without a code"
    if terms.system(first.system) == "loinc":
        return f"{first.code} is marked as LOINC and is no LOINC code"
    if not first.system:
        return f"the code {first.code} names no code system"
    return f"{first.code} is the laboratory's own code ({first.system})"


def suspect(words: str, terms: Terminology) -> str:
    """The name of the analyte that the words suggest, or ""."""
    if has_word(words, terms.elsewhere):
        return ""
    for analyte in terms.analytes.values():
        if has_word(words, analyte.words) and not has_word(words, analyte.unlike):
            return analyte.name
    return ""
