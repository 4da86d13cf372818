"""From the bytes of a page or a file to its text, alone because fetched pages and own documents share it."""

from __future__ import annotations

from dataclasses import dataclass

from search.extraction.characters import decoded, seen
from search.extraction.html import text_of_html
from search.extraction.pdf import text_of_pdf
from search.problems import SearchProblem

HTML, XHTML, TEXT, PDF = "text/html", "application/xhtml+xml", "text/plain", "application/pdf"
KINDS = (HTML, XHTML, TEXT, PDF)


@dataclass(frozen=True)
class ExtractedPage:
    """At least one of the parts has text. Title, site and date are empty where they are not told."""

    title: str
    site: str
    date: str
    parts: tuple[tuple[str, int | None], ...]
    """Texts, of a PDF one a page with the page's number, which is None where there are no pages."""


def extract(data: bytes, kind: str, name: str, charset: str | None = None) -> ExtractedPage:
    """What its reader sees. `kind` is one of `KINDS`, `name` what a message calls it (a site, a file's name),
    `charset` what came with it. Raises `SearchProblem` where there is no text or it cannot be read."""
    if kind == PDF:
        title, date, pages = text_of_pdf(data, name)
        return ExtractedPage(title, "", date, pages)
    title, site, date, text = text_of_html(data, charset) if kind in (HTML, XHTML) else ("", "", "", "")
    if kind == TEXT:
        text = seen(decoded(data, charset)).strip()
    if not text:
        raise SearchProblem("search-page-without-text", name=name)
    return ExtractedPage(title, site, date, ((text, None),))
