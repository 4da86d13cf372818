"""The text of a PDF, page by page, within limits of time and pages.

Not seen: text that lies behind a picture or is written in no ink, for a scanned page keeps its letters so.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from search.extraction.characters import one_line, seen
from search.problems import SearchProblem

if TYPE_CHECKING:
    from pypdf import PageObject, PdfReader

# It tells of every oddity of a file that it then reads all the same, on the terminal of who asks a question.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

MOST_PAGES, MOST_SECONDS = 300, 20.0
_MOST_DRAWN = 2_000_000
"""Bytes of what draws one page; they are read whole before anybody can look at the clock."""


class _Late(Exception):
    """The time for a file is over; what was read of it counts."""


def text_of_pdf(
    data: bytes, name: str, most_pages: int = MOST_PAGES, most_seconds: float = MOST_SECONDS
) -> tuple[str, str, tuple[tuple[str, int | None], ...]]:
    """Title, date, and the pages that have text with their numbers. A file that cannot be read raises; of one
    that is too long or too slow the pages are there that came in time."""
    try:
        reader = _opened(data, name)
        pages = tuple(_pages(reader, name, most_pages, time.monotonic() + most_seconds))
        title, date = _told(reader)
    except SearchProblem:
        raise
    except Exception as error:
        # Whatever a broken file makes the library raise, the caller gets one sentence.
        raise SearchProblem("search-pdf-broken", name=name) from error
    if not pages:
        raise SearchProblem("search-pdf-without-text", name=name)
    return title, date, pages


def _opened(data: bytes, name: str) -> PdfReader:
    from pypdf import PdfReader

    reader = PdfReader(BytesIO(data))
    # Many files are locked with the empty password, against changes and not against readers.
    if reader.is_encrypted and not reader.decrypt(""):
        raise SearchProblem("search-pdf-locked", name=name)
    return reader


def _pages(reader: PdfReader, name: str, most_pages: int, until: float) -> Iterator[tuple[str, int | None]]:
    number = 0
    try:
        for page in reader.pages:
            if number == most_pages:
                return
            text = _text(page, until)
            number += 1
            if text:
                yield text, number
    except _Late:
        if not number:
            raise SearchProblem("search-pdf-slow", name=name) from None


def _text(page: PageObject, until: float) -> str:
    def look(*_: Any) -> None:
        if time.monotonic() > until:
            raise _Late

    look()
    drawn = page.get_contents()
    if drawn is not None and len(drawn.get_data()) > _MOST_DRAWN:
        raise _Late
    return seen(page.extract_text(visitor_operand_before=look)).strip()


def _told(reader: PdfReader) -> tuple[str, str]:
    told = reader.metadata
    if told is None:
        return "", ""
    try:
        date = told.modification_date or told.creation_date
    except ValueError:
        date = None
    return one_line(told.title), date.date().isoformat() if date else ""
