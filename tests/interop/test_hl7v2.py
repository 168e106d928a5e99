"""HL7 v2 bytes become typed messages, whatever the framing, and nothing raises."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compliance.interop.hl7v2 import read_file
from compliance.services.incoming import IncomingMessage
from tests.interop.messages import TG, obx, oru

SAMPLES = Path(__file__).parents[1] / "samples"
FILES = sorted(file for file in SAMPLES.rglob("*") if file.suffix in (".hl7", ".out"))

# Messages and OBX segments, as two other parsers counted them.
COUNTS = {
    "cosyte/batch__single-batch.hl7": (2, 0),
    "cosyte/canonical__oru-r01-sn-results.hl7": (1, 3),
    "cosyte/edge-cases__custom-msh-delimiters.hl7": (1, 0),
    "cosyte/malformed__empty-input.hl7": (0, 0),
    "cosyte/malformed__no-msh-segment.hl7": (0, 0),
    "linuxforhealth/ORU-multiline-short-mixed.hl7": (1, 4),
    "microsoft-fhir-converter/LAB-ORU-1.hl7": (1, 10),
    "microsoft-fhir-converter/LRI_2.0-NG_CBC_Typ_Message.hl7": (1, 28),
    "microsoft-fhir-converter/OMG-O19-02.hl7": (1, 14),
    "microsoft-fhir-converter/ORU-R01-01.hl7": (1, 5),
    "prime-reportstream/batch_message.hl7": (2, 10),
    "prime-reportstream/sample_AOE_1_20230220-0001.hl7": (1, 26),
    "simhospital/messages_0001-0080.out": (80, 303),
}


def sample(name: str) -> bytes:
    return (SAMPLES / name).read_bytes()


def only(content: bytes) -> IncomingMessage:
    (message,) = read_file(content).messages
    return message


@pytest.mark.parametrize("name", COUNTS)
def test_every_message_and_result_of_a_real_file_is_found(name: str) -> None:
    messages = read_file(sample(name)).messages
    assert (len(messages), sum(len(item.results) for item in messages)) == COUNTS[name]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n", "\r\r\n", "\n\r"])
def test_line_ends_make_no_difference(end: str) -> None:
    message = only(oru(obx(TG, "120"), obx(TG, "121"), end=end))
    assert [item.value.text for item in message.results] == ["120", "121"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (b"\xef\xbb\xbf", b""),
        (b"\x0b", b"\x1c\r"),
        (b"FHS|^~\\&|A\rBHS|^~\\&|A\r", b"BTS|1\rFTS|1\r"),
        (b"\r\n\n  ", b"\x00\x00"),
        (b"some text before\n", b"\x1a"),
    ],
    ids=["byte order mark", "MLLP", "batch envelope", "blank lines and NUL", "text before"],
)
def test_framing_around_a_message_is_taken_away(before: bytes, after: bytes) -> None:
    message = only(before + oru(obx()) + after)
    assert message.control_id == "1"
    assert message.results[0].value.text == "120"


def test_a_file_in_utf_16_is_read() -> None:
    message = only(oru(obx(), name="Müller^Zoë").decode().encode("utf-16"))
    assert message.subject.family_name == "Müller"


def test_custom_delimiters_are_those_of_the_message_itself() -> None:
    message = only(sample("cosyte/edge-cases__custom-msh-delimiters.hl7"))
    assert message.type == "ADT^A01"
    assert message.subject.identifiers[0].authority == "HOSP"


def test_a_fifth_delimiter_is_the_truncation_character() -> None:
    message = only(sample("cosyte/edge-cases__truncation-char-msh2.hl7"))
    assert message.results[0].value.text == "truncated#at end"


def test_escapes_become_the_characters_that_they_stand_for() -> None:
    message = only(sample("cosyte/text__hex-and-delimiters.hl7"))
    assert message.results[0].value.text == "Ratio 1^128 and unit mg|dL ends with !"


def test_a_line_break_escape_and_an_unknown_escape() -> None:
    message = only(oru(obx(value=r"one\.br\two \Zx\ three", kind="TX")))
    assert message.results[0].value.text == "one\ntwo \\Zx\\ three"


@pytest.mark.parametrize(
    ("charset", "encoding"), [("8859/1", "iso8859_1"), ("UNICODE UTF-8", "utf-8"), ("", "utf-8")]
)
def test_the_character_set_is_that_of_msh_18(charset: str, encoding: str) -> None:
    content = oru(obx(), name="Zörb^Renée", charset=charset)
    assert "Zörb" in content.decode(encoding)
    message = only(content)
    assert message.subject.name == "Renée Zörb"
    assert message.problem == ""


def test_bytes_that_are_not_what_the_message_says_are_reported_and_read_on() -> None:
    content = oru(obx(), charset="ASCII").replace(b"Amara", b"Ren\xe9e")
    message = only(content)
    assert message.subject.given_name == "Renée"
    assert "ASCII" in message.problem


def test_text_that_runs_on_over_a_line_end_stays_in_its_field() -> None:
    message = only(oru(obx(value="first line\nsecond line", kind="TX")))
    (result,) = message.results
    assert (result.value.text, result.status) == ("first line\nsecond line", "F")


def test_structured_numerics_keep_their_parts() -> None:
    results = only(sample("cosyte/canonical__oru-r01-sn-results.hl7")).results
    assert [item.value.text for item in results] == [">90", "100-200", "1:128"]
    assert results[0].value.structured == (">", "90", "", "")


def test_each_time_keeps_its_own_offset() -> None:
    message = only(sample("cosyte/datetime__tz-offset.hl7"))
    collected = message.results[0].collected
    assert message.sent_at == "20250102153045-0500"
    assert collected.text == "20250102153045+0500"
    assert collected.moment == dt.datetime(2025, 1, 2, 10, 30, 45, tzinfo=dt.UTC)


def test_a_time_without_an_offset_takes_that_of_the_message() -> None:
    message = only(oru(obx(at="20260401083000"), sent="20260402090000-0700"))
    assert message.results[0].collected.moment == dt.datetime(2026, 4, 1, 15, 30, tzinfo=dt.UTC)


def test_collection_is_obx_14_then_spm_17_then_obr_7() -> None:
    order = "OBR|1||F|24331-1^Lipids^LN|||20260331"
    specimen = "SPM|1|||SER|||||||||||||20260330^20260331"
    own = only(oru(order, obx(at="20260329"), specimen)).results[0].collected
    specimen_only = only(oru(order, obx(at=""), specimen)).results[0].collected
    order_only = only(oru(order, obx(at=""))).results[0].collected
    assert (own.text, own.source) == ("20260329", "OBX-14")
    assert (specimen_only.text, specimen_only.source) == ("20260330", "SPM-17")
    assert (order_only.text, order_only.source) == ("20260331", "OBR-7")


def test_two_specimens_of_different_days_give_no_day() -> None:
    first, second = "SPM|1|||SER|||||||||||||20260330", "SPM|2|||SER|||||||||||||20260331"
    collected = only(oru(obx(at=""), first, second)).results[0].collected
    assert collected.day is None
    assert collected.text == "20260330 / 20260331"


def test_the_time_when_it_was_reported_is_never_the_collection() -> None:
    order = "OBR|1||F|24331-1^Lipids^LN||||||||||||||||||20260331"
    assert only(oru(order, obx(at=""))).results[0].collected.text == ""


@pytest.mark.parametrize(
    ("text", "day", "moment"),
    [
        ("20260401", dt.date(2026, 4, 1), None),
        ("2026-04-01", dt.date(2026, 4, 1), None),
        ("20260401 0830", dt.date(2026, 4, 1), dt.datetime(2026, 4, 1, 8, 30)),  # noqa: DTZ001
        (
            "2026-04-01T08:30:15Z",
            dt.date(2026, 4, 1),
            dt.datetime(2026, 4, 1, 8, 30, 15, tzinfo=dt.UTC),
        ),
        ("202604", None, None),
        ("2026", None, None),
        ("20260231", None, None),
        ("20260401256099", None, None),
        ("00000000", None, None),
        ("04/01/2026", None, None),
        ("yesterday", None, None),
        ("20260401083000+9900", None, None),
    ],
)
def test_a_time_is_read_where_there_is_one_way_to_read_it(text: str, day, moment) -> None:
    stamp = only(oru(obx(at=text), sent="20260402")).results[0].collected
    assert (stamp.text, stamp.day, stamp.moment) == (text, day, moment)


def test_notes_belong_to_the_result_or_the_order_that_they_follow() -> None:
    message = only(
        oru("NTE|1||about the patient", "OBR|1||F|1^x^L", "NTE|1||about the order",
            obx(value="1"), "NTE|1||about one", obx(value="2"))
    )  # fmt: skip
    assert message.results[0].notes == ("about one", "about the order")
    assert message.results[1].notes == ("about the order",)


def test_results_of_two_patients_in_one_message_stay_apart() -> None:
    message = only(oru(obx(value="1"), "PID|2||T-2^^^RIVERSIDE^MR||Other^Person", "OBR|1||G|1^x^L",
                       obx(value="2")))  # fmt: skip
    assert [item.subject.identifiers[0].value for item in message.results] == ["T-1", "T-2"]
    assert message.subject.identifiers[0].value == "T-1"


def test_identifiers_carry_who_assigned_them() -> None:
    message = only(oru(obx(), numbers="1^^^LAB&1.2.3&ISO^PI~2^^^&9.9&ISO^mr~^^^NONE^XX"))
    first, second = message.subject.identifiers
    assert (first.value, first.authority, first.authority_id, first.type) == (
        "1",
        "LAB",
        "1.2.3",
        "PI",
    )
    assert (second.authority, second.type) == ("9.9", "MR")


def test_two_quotation_marks_mean_nothing() -> None:
    result = only(oru(obx(value='""', unit='""'))).results[0]
    assert (result.value.text, result.unit) == ("", "")


def test_an_order_and_an_admission_carry_no_results() -> None:
    order = only(sample("microsoft-fhir-converter/OMG-O19-02.hl7"))
    admission = only(sample("microsoft-fhir-converter/ADT-A01-02.hl7"))
    assert (order.carries_results, order.is_order) == (False, True)
    assert (admission.carries_results, admission.is_order) == (False, False)


def test_an_empty_file_and_a_file_without_a_header_say_what_is_wrong() -> None:
    assert "empty" in (read_file(b" \r\n").error or "")
    assert "MSH" in (read_file(sample("cosyte/malformed__no-msh-segment.hl7")).error or "")


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(content: bytes) -> None:
    read_file(content)


@given(st.data())
def test_any_mutation_of_a_real_message_is_read_without_an_error(data: st.DataObject) -> None:
    content = data.draw(st.sampled_from([file.read_bytes()[:6000] for file in FILES]))
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(content)))
        length = data.draw(st.integers(0, 12))
        put = data.draw(
            st.binary(max_size=8) | st.sampled_from([b"\r", b"|", b"^", b"\\", b"MSH|", b"~"])
        )
        content = content[:at] + put + content[at + length :]
    for message in read_file(content).messages:
        assert message.position > 0
