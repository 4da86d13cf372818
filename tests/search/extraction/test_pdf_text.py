"""The text of PDF files page by page, and one sentence for each that cannot be read.

Run: python -m pytest tests/search/extraction/test_pdf_text.py
"""

from __future__ import annotations

import pytest

from search.extraction.extracting import PDF, extract
from search.extraction.pdf import text_of_pdf
from search.problems import SearchProblem
from tests.search.extraction.small_pdfs import locked, pdf_of

TEXTS = ("한라산은 제주도에 있다.", "", "높이는 1,947미터이다.")
FILE = pdf_of(*TEXTS, title="한라산 안내")


def refusal(data: bytes) -> str:
    with pytest.raises(SearchProblem) as problem:
        extract(data, PDF, "안내.pdf")
    assert "안내.pdf" in str(problem.value)
    return problem.value.code


@pytest.mark.parametrize("data", [FILE, locked(FILE, "")], ids=["open", "locked against changes alone"])
def test_korean_text_comes_with_the_number_of_its_page(data: bytes) -> None:
    page = extract(data, PDF, "안내.pdf")
    assert page.parts == ((TEXTS[0], 1), (TEXTS[2], 3))
    assert (page.title, page.date) == ("한라산 안내", "2026-03-02")


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (locked(FILE, "비밀"), "search-pdf-locked"),
        (pdf_of("", ""), "search-pdf-without-text"),
        (b"", "search-pdf-broken"),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), "search-pdf-broken"),
        (b"%PDF-1.7\n" + b"1 0 obj <</Type /Catalog /Pages 1 0 R>> endobj\n" * 50, "search-pdf-broken"),
        (b"%PDF-1.7\n" + b"[" * 100_000, "search-pdf-broken"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_in_a_sentence(data: bytes, code: str) -> None:
    assert refusal(data) == code


@pytest.mark.parametrize("end", range(0, len(FILE), 97))
def test_a_file_that_is_cut_anywhere_ends_in_text_or_a_sentence(end: int) -> None:
    try:
        assert extract(FILE[:end], PDF, "안내.pdf").parts
    except SearchProblem as problem:
        assert problem.code in ("search-pdf-broken", "search-pdf-without-text")


def test_an_odd_file_is_read_without_a_word_on_the_terminal(caplog: pytest.LogCaptureFixture) -> None:
    assert extract(FILE.replace(b"startxref\n", b"startxref\n1"), PDF, "안내.pdf").parts
    assert caplog.records == []


def test_a_long_file_is_read_up_to_a_page() -> None:
    _, _, pages = text_of_pdf(pdf_of(*("쪽글" for _ in range(9))), "긴.pdf", most_pages=4)
    assert [number for _, number in pages] == [1, 2, 3, 4]


def test_a_page_that_takes_too_long_ends_the_reading() -> None:
    page = pdf_of("첫 쪽", operators=b"q Q " * 20_000)
    with pytest.raises(SearchProblem, match="긴.pdf") as problem:
        text_of_pdf(page, "긴.pdf", most_seconds=0.05)
    assert problem.value.code == "search-pdf-slow"
    assert extract(page, PDF, "긴.pdf").parts == (("첫 쪽", 1),)


def test_a_page_that_draws_without_end_is_not_begun() -> None:
    with pytest.raises(SearchProblem) as problem:
        extract(pdf_of("첫 쪽", operators=b"q Q " * 600_000), PDF, "긴.pdf")
    assert problem.value.code == "search-pdf-slow"
