"""What becomes of a result by its own words; one test on each side of every boundary."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from compliance.interop.hl7v2 import read_file
from compliance.models.intake import Disposition
from compliance.rules.facts import Lab, PregnancyTest
from compliance.rules.terminology import load_terminology
from compliance.rules.terms import Analyte, ResultStatus, Specimen, TestResult, TestSetting
from compliance.services.dispositions import Judgement, Setting, asserted, judge
from tests.interop.messages import ALT, HCG, SERUM_HCG, STATUS, TG, URINE_HCG, obx, oru

FILED, HELD = Disposition.FILED, Disposition.HELD
REJECTED, IGNORED = Disposition.REJECTED, Disposition.IGNORED
SAMPLES = Path(__file__).parents[1] / "samples"
NEW_YORK = ZoneInfo("America/New_York")
NOW = dt.datetime(2026, 4, 2, 15, 0, tzinfo=dt.UTC)
SETTING = Setting(load_terminology(), NEW_YORK, NOW)
TC = "2093-3^Cholesterol^LN"
TC_MOLES = "14647-2^Cholesterol^LN"
TG_MOLES = "14927-8^Triglyceride^LN"
BILI = "1975-2^Bilirubin.total^LN"


def all_of(content: bytes, setting: Setting = SETTING) -> list[Judgement]:
    return [
        judge(result, message, setting)
        for message in read_file(content).messages
        for result in (*message.results, *asserted(message, setting.terms))
    ]


def one(*segments: str, **header: str) -> Judgement:
    (judgement,) = all_of(oru(*segments, **header))
    return judgement


def sample(name: str) -> list[Judgement]:
    return all_of((SAMPLES / name).read_bytes())


def test_a_plain_result_is_filed_with_its_own_upper_limit_and_local_time() -> None:
    found = one(obx(TG, "1,7", "mmol/l", span="<1,70").replace("2571-8", "14927-8"))
    assert found.disposition is FILED
    assert found.fact == Lab(
        collected=dt.datetime(2026, 4, 1, 8, 30),  # noqa: DTZ001
        analyte=Analyte.TG,
        value="1.7",
        unit="mmol/L",
        upper_limit="1.70",
    )


@pytest.mark.parametrize(
    ("code", "unit", "disposition", "said"),
    [
        (TG, "mg/dL", FILED, ""),
        (TG, "MG/DL", FILED, ""),
        (TG, "mmol/L", HELD, "cannot carry mmol/L"),
        (TG_MOLES, "mg/dL", HELD, "cannot carry mg/dL"),
        (TG, "", HELD, "without a unit"),
        (TG, "g/L", HELD, "not in our table"),
        (TG, "mg", HELD, "not in our table"),
        (TG, "U/L", HELD, "cannot carry U/L"),
        (ALT, "U/L", FILED, ""),
        (ALT, "IU/L", FILED, ""),
        (ALT, "mg/dL", HELD, "cannot carry"),
    ],
)
def test_code_and_unit_must_fit_and_nothing_is_converted(code, unit, disposition, said) -> None:
    found = one(obx(code, "100" if code != TG_MOLES else "1.2", unit))
    assert found.disposition is disposition
    assert said in found.reason
    assert (found.fact is None) is (disposition is HELD)


@pytest.mark.parametrize(
    ("code", "value", "unit", "disposition", "said"),
    [
        (TG, "1000", "mg/dL", FILED, ""),
        (TG, "1001", "mg/dL", HELD, "unusual"),
        (TG, "10000", "mg/dL", HELD, "unusual"),
        (TG, "10001", "mg/dL", HELD, "cannot be right"),
        (TG, "9", "mg/dL", FILED, ""),
        (TG, "8.99", "mg/dL", HELD, "probably mmol/L"),
        (TG, "5.6", "mg/dL", HELD, "probably mmol/L"),
        (TG_MOLES, "11.3", "mmol/L", FILED, ""),
        (TG_MOLES, "11.31", "mmol/L", HELD, "unusual"),
        (TG_MOLES, "19.9", "mmol/L", HELD, "unusual"),
        (TG_MOLES, "20", "mmol/L", HELD, "probably mg/dL"),
        (TG_MOLES, "150", "mmol/L", HELD, "probably mg/dL"),
        (TG_MOLES, "0.1", "mmol/L", FILED, ""),
        (TG_MOLES, "0.09", "mmol/L", HELD, "cannot be right"),
        (TC, "14.9", "mg/dL", HELD, "probably mmol/L"),
        (TC, "15", "mg/dL", HELD, "cannot be right"),
        (TC, "39", "mg/dL", FILED, ""),
        (TC_MOLES, "20", "mmol/L", HELD, "probably mg/dL"),
        (TC_MOLES, "10", "mmol/L", FILED, ""),
        (TC_MOLES, "10.1", "mmol/L", HELD, "unusual"),
        (ALT, "120", "U/L", FILED, ""),
        (ALT, "121", "U/L", HELD, "unusual"),
        (ALT, "20001", "U/L", HELD, "cannot be right"),
        (ALT, "0.6", "U/L", HELD, "probably ukat/L"),
        (ALT, "0.6", "ukat/L", FILED, ""),
        (ALT, "25", "ukat/L", HELD, "probably U/L"),
        (BILI, "2.5", "mg/dL", FILED, ""),
        (BILI, "12", "mg/dL", HELD, "probably umol/L"),
        (ALT, "-3", "U/L", HELD, "probably ukat/L"),
        (ALT, "0", "U/L", HELD, ""),
    ],
)
def test_an_unbelievable_number_is_held_with_what_it_probably_is(
    code, value, unit, disposition, said
) -> None:
    found = one(obx(code, value, unit))
    assert (found.disposition, said in found.reason) == (disposition, True), found.reason


def test_an_unusual_value_may_be_filed_by_a_person_and_an_impossible_one_may_not() -> None:
    assert one(obx(TG, "1001")).fact is not None
    assert one(obx(TG, "10001")).fact is None
    assert one(obx(TG, "5.6")).fact is None


@pytest.mark.parametrize(
    ("value", "kind", "stored"),
    [
        ("120", "NM", "120"),
        ("98.00", "NM", "98.00"),
        ("120,5", "ST", "120.5"),
        ("<20", "ST", "<20"),
        ("> 90", "TX", ">90"),
        (">^90", "SN", ">90"),
        ("^120", "SN", "120"),
        ("=^120", "SN", "120"),
        ("≥90", "ST", ">=90"),
        ("+120", "NM", "120"),
    ],
)
def test_numbers_are_read_exactly_and_stay_censored(value, kind, stored) -> None:
    found = one(obx(TG, value, kind=kind))
    assert found.disposition is FILED
    assert isinstance(found.fact, Lab)
    assert found.fact.value == stored


@pytest.mark.parametrize(
    ("value", "kind", "said"),
    [
        ("^100^-^200", "SN", "range"),
        ("^1^:^128", "SN", "titre"),
        ("100-200", "ST", "range"),
        ("1:128", "ST", "ratio"),
        ("1,234", "ST", "thousands"),
        ("1.234,5", "ST", "not a number"),
        ("120 mg/dL", "ST", "not a number"),
        ("see note", "TX", "not a number"),
        ("1e3", "ST", "not a number"),
        ("NaN", "NM", "not a number"),
        ("١٢٠", "NM", "not a number"),
        ("27~25", "NM", "Several values"),
        ("<>^5", "SN", "not a number"),
        ("", "NM", "no value"),
    ],
)
def test_what_is_not_one_number_is_held(value, kind, said) -> None:
    found = one(obx(TG, value, kind=kind))
    assert found.disposition is HELD
    assert said in found.reason


@pytest.mark.parametrize(
    ("span", "limit"),
    [
        ("<150", "150"), ("0 - 150", "150"), ("4.3 to 6.2", "6.2"), ("70_105", "105"),
        ("[ < 3.0]", "3.0"), ("0,5-1,7", "1.7"), ("> 40", ""), ("[ ]", ""), ("see report", ""),
        ("(10-35)", "35"),
    ],
)  # fmt: skip
def test_the_laboratorys_own_upper_limit_is_kept_where_it_is_plain(span, limit) -> None:
    found = one(obx(ALT, "20", "U/L", span=span))
    assert isinstance(found.fact, Lab)
    assert found.fact.upper_limit == limit


@pytest.mark.parametrize(
    ("status", "disposition", "word"),
    [
        ("F", FILED, "final"), ("C", FILED, "corrected"), ("P", HELD, "preliminary"),
        ("R", HELD, "preliminary"), ("S", HELD, "preliminary"), ("I", HELD, "pending"),
        ("X", HELD, "cancelled"), ("W", HELD, "entered-in-error"), ("D", HELD, "entered-in-error"),
        ("", HELD, "unknown"), ("U", HELD, "unknown"), ("FINAL", HELD, "unknown"),
        ("Z", HELD, "unknown"),
    ],
)  # fmt: skip
def test_only_final_and_corrected_results_are_filed(status, disposition, word) -> None:
    found = one(obx(TG, "120", status=status))
    assert (found.disposition, found.status) == (disposition, word)


@pytest.mark.parametrize("status", ["I", "O", "N", "X"])
def test_a_result_that_does_not_exist_yet_is_ignored_with_its_reason(status: str) -> None:
    found = one(obx(TG, "", status=status))
    assert found.disposition is IGNORED
    assert f"status {status}" in found.reason


def test_a_correction_says_that_it_is_one() -> None:
    found = one(obx(TG, "120", status="C"))
    assert isinstance(found.fact, Lab)
    assert found.fact.status is ResultStatus.CORRECTED


@pytest.mark.parametrize(
    ("at", "disposition"),
    [
        ("20260402105900-0400", FILED),
        ("20260402110100-0400", HELD),
        ("20260402150000+0000", FILED),
        ("20260402150001+0000", HELD),
        ("20260402", FILED),
        ("20260403", HELD),
        ("20270401", HELD),
        ("202604", HELD),
        ("garbage", HELD),
    ],
)
def test_a_collection_in_the_future_or_without_a_day_is_held(at: str, disposition) -> None:
    assert one(obx(TG, "120", at=at)).disposition is disposition


def test_a_result_without_any_collection_is_held() -> None:
    assert "No time of collection" in one("OBR|1||F|1^x^L", obx(TG, at="")).reason


def test_the_day_is_the_clinics_and_midnight_means_that_only_the_day_is_known() -> None:
    late = one(obx(URINE_HCG, "Negative", "", kind="ST", at="202603310300+0000"))
    midnight = one(obx(URINE_HCG, "Negative", "", kind="ST", at="202603310000+0000"))
    assert late.fact.collected == dt.date(2026, 3, 30)
    assert midnight.fact.collected == dt.date(2026, 3, 31)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("CHOL^Cholesterol^LN", "is no LOINC code"),
        ("2571-8^Triglyceride", "names no code system"),
        ("2571-8^Triglyceride^L", "own code"),
        ("tt-0001-02^Triglyceride^WinPath", "own code (WinPath)"),
        ("HCG^HCG urine^L", "a pregnancy test"),
        ("2571-7^Triglyceride^LN", "is no LOINC code"),
        ("2571-8^Cholesterol^LN", "words beside it say Cholesterol"),
        ("2106-3^White^LN", "the words beside it are “White”"),
        ("2571-8^^LN^2085-9^^LN", "Two codes"),
        ("3048-6^Triglyceride fasting^LN", "awaits a reviewer"),
        ("2107-1^Choriogonadotropin [Moles/volume] in Serum^LN", "no code for"),
    ],
)
def test_a_code_that_is_not_certain_is_held(code: str, said: str) -> None:
    found = one(obx(code, "120"))
    assert found.disposition is HELD
    assert said in found.reason


@pytest.mark.parametrize(
    "code",
    ["20454-5^Protein [Presence] in Urine^LN", "5770-3^Bilirubin.total [Presence] in Urine^LN",
     "32309-7^Cholesterol.total/Cholesterol in HDL [Mass Ratio]^LN",
     "13874-3^Alkaline phosphatase.bone^LN", "UB^Bilirubin urine^L", "718-7^Hemoglobin^LN",
     "2106-3^White^HL70005", "K^Potassium^L"],
)  # fmt: skip
def test_a_name_alone_never_makes_a_result(code: str) -> None:
    assert one(obx(code, "negative", kind="ST")).disposition is IGNORED


def test_an_alternate_loinc_code_counts_beside_a_local_one() -> None:
    found = one(obx("TRG^Trigs^L^2571-8^Triglyceride^LN"))
    assert (found.disposition, found.system, found.code) == (FILED, "http://loinc.org", "2571-8")


def test_a_mapped_local_code_is_the_code_that_it_was_mapped_to() -> None:
    setting = Setting(SETTING.terms, NEW_YORK, NOW, {("WinPath", "tt-0001-02"): "14927-8"})
    content = oru(obx("tt-0001-02^Triglyceride^WinPath", "1.98", "mmol/L"))
    (found,) = all_of(content, setting)
    assert (found.disposition, found.analyte) == (FILED, "TG")


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ("Negative", TestResult.NEGATIVE), ("NEG", TestResult.NEGATIVE),
        ("neg.", TestResult.NEGATIVE),
        ("nicht nachweisbar", TestResult.NEGATIVE), ("Not detected", TestResult.NEGATIVE),
        ("négatif", TestResult.NEGATIVE), ("POSITIVE", TestResult.POSITIVE),
        ("weakly positive", TestResult.POSITIVE), ("Detected", TestResult.POSITIVE),
        ("schwach positiv", TestResult.POSITIVE), ("Equivocal", TestResult.INDETERMINATE),
        ("indeterminate", TestResult.INDETERMINATE),
    ],
)  # fmt: skip
def test_words_of_a_pregnancy_test_are_read_by_the_table(value: str, result: TestResult) -> None:
    found = one(obx(URINE_HCG, value, "", kind="ST"))
    assert found.fact == PregnancyTest(
        collected=dt.date(2026, 4, 1),
        result=result,
        specimen=Specimen.URINE,
        setting=TestSetting.LABORATORY,
    )
    assert found.disposition is FILED


@pytest.mark.parametrize(
    "value",
    ["negative (weak positive on repeat)", "negative?", "not negative", "screen negative", "0.5",
     "N", "see comment", "none", "Negative~Positive", "-"],
)  # fmt: skip
def test_any_other_word_is_held_and_never_negative(value: str) -> None:
    found = one(obx(URINE_HCG, value, "", kind="ST"))
    assert found.disposition is HELD
    assert found.urgent is (value != "0.5")


@pytest.mark.parametrize(
    ("value", "disposition", "result"),
    [
        ("260385009^Negative^SCT", FILED, TestResult.NEGATIVE),
        ("260415000^^SCT", FILED, TestResult.NEGATIVE),
        ("10828004^Positive^SCT", FILED, TestResult.POSITIVE),
        ("NEG^^HL70078", FILED, TestResult.NEGATIVE),
        ("LA6577-6^Negative^LN", FILED, TestResult.NEGATIVE),
        ("260385009^Positive^SCT", HELD, None),
        ("260385009^Negative^SCT^POS^Positive^L", HELD, None),
        ("260385009^Negative, repeat weakly positive^SCT", HELD, None),
        ("NEGX^^L", HELD, None),
        ("NEG^^L", FILED, TestResult.NEGATIVE),
    ],
)
def test_coded_answers_must_agree_with_their_words(value, disposition, result) -> None:
    found = one(obx(SERUM_HCG, value, "", kind="CWE"))
    assert found.disposition is disposition
    assert getattr(found.fact, "result", None) is result


@pytest.mark.parametrize(
    ("value", "unit", "result"),
    [
        ("4.9", "mIU/mL", TestResult.NEGATIVE), ("5", "mIU/mL", TestResult.INDETERMINATE),
        ("24.9", "IU/L", TestResult.INDETERMINATE), ("25", "IU/L", TestResult.POSITIVE),
        ("45000", "IU/L", TestResult.POSITIVE), ("<5", "U/L", TestResult.NEGATIVE),
        ("<1.2", "mU/mL", TestResult.NEGATIVE), (">1000", "IU/L", TestResult.POSITIVE),
        ("0", "IU/L", TestResult.NEGATIVE),
    ],
)  # fmt: skip
def test_quantitative_hcg_becomes_a_test_and_keeps_its_number(value, unit, result) -> None:
    found = one(obx(HCG, value, unit, kind="ST"))
    assert found.disposition is FILED
    assert isinstance(found.fact, PregnancyTest)
    assert (found.fact.result, found.fact.specimen) == (result, Specimen.SERUM)
    assert found.extra["value"] == value


@pytest.mark.parametrize(
    ("value", "unit"),
    [("<=5", "IU/L"), ("<25", "IU/L"), (">5", "IU/L"), ("3", ""), ("3", "ng/mL"), ("-1", "IU/L"),
     ("Negative", "IU/L"), ("2000001", "IU/L")],
)  # fmt: skip
def test_hcg_that_may_be_negative_or_not_is_held(value: str, unit: str) -> None:
    assert one(obx(HCG, value, unit, kind="ST")).disposition is HELD


def test_a_high_hcg_without_a_unit_stands_first_among_what_waits() -> None:
    assert one(obx(HCG, "45000", "", kind="ST")).urgent
    assert not one(obx(HCG, "2", "", kind="ST")).urgent


@pytest.mark.parametrize("flag", ["POS", "A", "H", "IND"])
def test_a_negative_test_with_a_flag_against_it_is_held(flag: str) -> None:
    assert one(obx(URINE_HCG, "Negative", "", kind="ST", flag=flag)).disposition is HELD
    assert one(obx(URINE_HCG, "Negative", "", kind="ST", flag="N")).disposition is FILED


@pytest.mark.parametrize(
    "note",
    ["Repeat weakly positive", "specimen haemolysed", "Please recollect", "patient pregnant?"],
)
def test_a_negative_test_with_a_doubtful_note_is_held(note: str) -> None:
    found = all_of(oru(obx(URINE_HCG, "Negative", "", kind="ST"), f"NTE|1||{note}"))
    assert found[0].disposition is HELD


def test_a_negative_word_elsewhere_in_the_message_clears_nobody() -> None:
    found = all_of(oru(obx("94558-4^SARS-CoV-2 Ag^LN", "Negative", "", kind="ST"),
                       obx("HIVSCR^HIV screen^L", "Negative", "", kind="ST")))  # fmt: skip
    assert [item.disposition for item in found] == [IGNORED, IGNORED]


@pytest.mark.parametrize(
    ("value", "kind", "disposition"),
    [
        ("77386006^Pregnant^SCT", "CWE", HELD),
        ("LA15173-0^Pregnant^LN", "CWE", HELD),
        ("Y^Yes^HL70136", "CWE", HELD),
        ("possibly", "ST", HELD),
        ("60001007^Not pregnant^SCT", "CWE", IGNORED),
        ("N^No^HL70136", "CWE", IGNORED),
        ("UNK^Unknown^HL70136", "CWE", IGNORED),
        ("", "CWE", IGNORED),
    ],
)
def test_a_statement_clears_nobody_and_a_pregnancy_never_vanishes(value, kind, disposition) -> None:
    for question in ("", "QST"):
        found = one(obx(STATUS, value, "", kind=kind, question=question))
        assert (found.disposition, found.fact) == (disposition, None)
        assert found.urgent is (disposition is HELD)


def test_a_wish_for_a_child_is_held_and_its_absence_is_not() -> None:
    wish = "86645-9^Pregnancy intention^LN"
    assert one(obx(wish, "Wants to become pregnant", "", kind="ST")).disposition is HELD
    assert one(obx(wish, "Does not want to become pregnant", "", kind="ST")).disposition is IGNORED


def test_an_answer_at_order_entry_is_no_test() -> None:
    negative = one(obx(URINE_HCG, "Negative", "", kind="ST", question="QST"))
    positive = one(obx(URINE_HCG, "Positive", "", kind="ST", question="QST"))
    assert (negative.disposition, positive.disposition) == (IGNORED, HELD)


@pytest.mark.parametrize(
    "segment",
    ["NTE|1||Patient is pregnant", "OBR|1||F|1^x^L|||20260401||||||34 weeks pregnant",
     "ZPR|1|schwanger", "DG1|1||Z33.1^Pregnant state^I10", "PV2|||Pregnant"],
)  # fmt: skip
def test_a_pregnancy_that_is_stated_anywhere_waits_for_a_person(segment: str) -> None:
    found = all_of(oru(segment, obx()))
    assert [(item.disposition, item.urgent) for item in found][-1] == (HELD, True)
    assert len(found) == 2


@pytest.mark.parametrize(
    "text", ["Patient is not pregnant", "nicht schwanger", "non-pregnant adult"]
)
def test_a_denied_pregnancy_is_no_statement(text: str) -> None:
    assert len(all_of(oru(obx(), f"NTE|1||{text}"))) == 1


def test_a_pregnancy_in_the_text_of_another_result_is_held() -> None:
    assert one(obx("8251-1^Comment^LN", "Pt pregnant 12/40", "", kind="TX")).disposition is HELD


def test_a_pregnancy_in_an_admission_or_an_order_is_held() -> None:
    for kind in ("ADT^A08", "ORM^O01"):
        found = one(obx(STATUS, "Y^Yes^HL70136", "", kind="CWE"), kind=kind)
        assert found.disposition is HELD


def test_results_of_an_order_are_rejected_and_of_an_admission_ignored() -> None:
    assert one(obx(), kind="ORM^O01").disposition is REJECTED
    assert one(obx(), kind="ADT^A01").disposition is IGNORED


def test_a_test_message_is_never_filed_by_itself() -> None:
    assert "MSH-11" in one(obx(), processing="T").reason
    assert one(obx(), processing="T").disposition is HELD


def test_real_files_are_read_as_they_should_be() -> None:
    assert {item.disposition for item in sample("microsoft-fhir-converter/OMG-O19-02.hl7")} == {
        REJECTED
    }
    assert [item.disposition for item in sample("cosyte/nte__obr-order-notes.hl7")] == [REJECTED]
    assert {
        item.disposition for item in sample("cosyte/vendor-shapes__genericLab__oru-r01.hl7")
    } == {HELD}
    for file in SAMPLES.glob("prime-reportstream/*"):
        assert {item.disposition for item in all_of(file.read_bytes())} == {IGNORED}
    local = [
        item for item in sample("simhospital/messages_0001-0080.out") if item.disposition is HELD
    ]
    assert local
    assert all("needs a code mapping" in item.reason for item in local)
