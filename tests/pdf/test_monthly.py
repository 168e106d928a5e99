"""The monthly report on paper, read back with an independent reader."""

from __future__ import annotations

import dataclasses
import io
import re
from concurrent.futures import ThreadPoolExecutor

import pypdf
import pytest

from compliance.pdf.monthly import render
from compliance.pdf.style import Paper
from compliance.services.report_content import MonthlyReport
from tests.pdf.examples import LONG, report


def read(content: MonthlyReport, paper: Paper = Paper.A4) -> pypdf.PdfReader:
    return pypdf.PdfReader(io.BytesIO(render(content, paper)))


def words(reader: pypdf.PdfReader) -> str:
    text = "\n".join(page.extract_text() for page in reader.pages)
    return re.sub(r"\s+", " ", text)


def test_the_same_report_gives_the_same_bytes():
    assert render(report()) == render(report())


def test_one_changed_figure_changes_the_bytes_and_the_hash():
    changed = dataclasses.replace(report(), headline="Another sentence.")
    assert changed.content_hash != report().content_hash
    assert render(changed) != render(report())


def test_threads_that_draw_at_once_do_not_disturb_each_other():
    alone = [render(report(size=size)) for size in (0, 5, 50)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda size: render(report(size=size)), (0, 5, 50)))
    assert together == alone


def test_every_page_bears_its_number_and_the_number_of_pages():
    reader = read(report(exceptions=40))
    total = len(reader.pages)
    assert total > 6
    for number, page in enumerate(reader.pages, start=1):
        assert f"Page {number} of {total}" in page.extract_text()


def test_every_page_after_the_first_bears_clinic_month_and_cut_off():
    for page in read(report(exceptions=40)).pages[1:]:
        head = page.extract_text()
        assert "Northside Dermatology · October 2026" in head
        assert "Data as known on 2 Nov 2026, 06:00 EST" in head
        assert "edition 2023-discretion" in head


def test_every_font_is_embedded():
    for page in read(report()).pages:
        fonts = page["/Resources"]["/Font"].get_object()
        assert fonts
        for font in fonts.values():
            descriptor = font.get_object()["/FontDescriptor"].get_object()
            assert "/FontFile2" in descriptor
            assert "FiraGO" in descriptor["/FontName"]


def test_no_page_asks_for_a_font_that_is_not_there():
    for page in read(report()).pages:
        asked = set(re.findall(rb"(/F[^\s]+) [\d.]+ Tf", page.get_contents().get_data()))
        assert {name.decode() for name in asked} <= set(page["/Resources"]["/Font"])


@pytest.mark.parametrize(
    "name",
    ["Żółć Łódź Gdańsk", "Αθηνά Παπαδοπούλου", "Жанна Ђорђевић", "Çağrı İstanbul Şöför", "≤ ≥ µ"],
)
def test_names_of_every_european_script_are_printed_as_typed(name):
    assert name in words(read(report(clinic=f"Clinic {name}", reason=name)))


def test_a_character_without_a_glyph_is_spelled_out_and_stops_nothing():
    text = words(read(report(reason="Seen 👍 by 中")))
    assert "Seen [U+1F44D] by [U+4E2D]" in text


def test_typed_text_is_never_taken_for_markup():
    assert "value < 5 & rising > 3 <b>" in words(read(report(reason="value < 5 & rising > 3 <b>")))


def test_the_document_says_what_it_is():
    reader = read(report())
    assert reader.metadata.title == (
        "Monthly compliance report, October 2026, Northside Dermatology"
    )
    assert reader.metadata.author == "Northside Dermatology"
    assert reader.metadata.creation_date == report().cut_off
    assert reader.root_object["/Lang"] == "en-GB"
    assert [item.title for item in reader.outline][:3] == ["Indicators", "Exceptions", "Overrides"]


def test_the_outline_leads_to_the_page_of_its_heading():
    reader = read(report(exceptions=40))
    for item in reader.outline:
        page = reader.pages[reader.get_destination_page_number(item)]
        assert item.title in page.extract_text()


@pytest.mark.parametrize("paper", list(Paper))
def test_it_is_laid_out_for_the_sheet_that_was_asked_for(paper):
    for page in read(report(), paper).pages:
        assert tuple(round(float(side)) for side in page.mediabox[2:]) == tuple(
            round(side) for side in paper.size
        )


def test_the_hash_of_the_content_stands_on_the_first_and_in_full_on_the_last_page():
    reader = read(report())
    digest = report().content_hash
    assert digest[:16] in reader.pages[0].extract_text()
    assert digest in reader.pages[-1].extract_text().replace(" ", "")


def test_a_month_without_patients_is_still_a_report():
    text = words(read(report(size=0, exceptions=0, overrides=0, events=0)))
    assert "No prescription was issued in October 2026." in text
    assert "Every counted case of the month was in order." in text
    assert "No decision of the month was taken against the verdict." in text
    assert "Nothing in this month's figures asks for action." in text


def test_very_long_names_and_reasons_wrap_and_break_across_pages():
    reason = "word " * 1500
    content = report(exceptions=2, clinic=LONG, local_id="9" * 70 + "{}", reason=reason)
    assert words(read(content)).count("word") == 3000


def test_the_head_of_a_table_is_repeated_on_its_next_page():
    reader = read(report(exceptions=80))
    pages = [page.extract_text() for page in reader.pages]
    with_rows = [page for page in pages if re.search(r"NSD-\d{5}", page)]
    assert len(with_rows) > 2
    assert all("Local number" in page for page in with_rows)


def test_no_heading_is_the_last_thing_on_its_page():
    for cases in range(0, 42, 7):
        reader = read(report(exceptions=cases))
        for item in reader.outline:
            lines = reader.pages[reader.get_destination_page_number(item)].extract_text()
            assert not lines.rstrip().endswith(item.title)


def test_demonstration_data_is_called_so_on_every_page():
    for page in read(report(demonstration=True)).pages:
        assert "DEMONSTRATION DATA" in page.extract_text()
    assert "DEMONSTRATION DATA" not in words(read(report(demonstration=False)))


def test_a_sum_that_fails_is_said_so():
    account = dataclasses.replace(report().accounts[0], whole=("Results received", 999))
    text = words(read(dataclasses.replace(report(), accounts=(account,))))
    assert "THE PARTS DO NOT ADD UP TO IT" in text


def test_the_signature_is_never_alone_on_its_page():
    for cases in range(0, 42, 7):
        last = read(report(exceptions=cases)).pages[-1].extract_text()
        assert "Editions and sources" in last
        assert "Sign-off" in last
