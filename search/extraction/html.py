"""The text of a web page: its article without menus and adverts, or all that its reader sees.

trafilatura finds the article. Where it finds hardly anything, or the page is so big that it would take
minutes, the page's visible text is taken as it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from search.extraction.characters import decoded, one_line, seen
from search.extraction.hidden import remove_hidden

if TYPE_CHECKING:
    from lxml.html import HtmlElement, HTMLParser

_MOST_ELEMENTS = 15_000
"""trafilatura's time grows with the square of them: 100,000 paragraphs took it half a minute."""
_HARDLY_ANYTHING = 200
_AROUND = ("nav", "footer", "aside", "button", "select", "textarea", "head")
_IN_LINE = {
    *("a", "abbr", "b", "bdi", "bdo", "cite", "code", "em", "font", "i", "kbd", "label", "mark", "q", "ruby"),
    *("s", "small", "span", "strong", "sub", "sup", "time", "u", "var", "wbr"),
}
_FAULTS = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What a library of a thousand rules raises over a page that none of them thought of."""


def text_of_html(data: bytes, charset: str | None) -> tuple[str, str, str, str]:
    """Title, site, date and text; each empty where the page does not say it."""
    page = _parsed(seen(decoded(data, charset)))
    if page is None:
        return "", "", "", ""
    title = page.findtext(".//title")
    remove_hidden(page)
    _show_all(page)
    article = _article(page)
    text = (article.text if article else None) or ""
    if len(text) < _HARDLY_ANYTHING:
        text = _visible_text(page) or text
    return (
        one_line(title or (article.title if article else "")),
        one_line(article.sitename if article else "", 100),
        one_line(article.date if article else "", 40),
        "\n".join(filter(None, map(str.strip, seen(text).split("\n")))),
    )


@cache
def _parser() -> HTMLParser:
    from lxml.html import HTMLParser

    return HTMLParser(remove_comments=True, remove_pis=True, encoding="utf-8")


def _parsed(text: str) -> HtmlElement | None:
    from lxml.etree import ParserError
    from lxml.html import document_fromstring

    try:
        return document_fromstring(text.encode("utf-8", "replace"), parser=_parser())
    except ParserError:  # nothing stands there
        return None


def _show_all(page: HtmlElement) -> None:
    """What is hidden is gone; trafilatura would also leave out what a rule of the page shows again."""
    for element in page.iter():
        element.attrib.pop("style", None)
        if element.tag == "dialog":
            element.tag = "div"


def _article(page: HtmlElement) -> Any:
    """trafilatura's document; None where it has none."""
    from itertools import islice

    from trafilatura import bare_extraction

    if next(islice(page.iter(), _MOST_ELEMENTS, None), None) is not None:
        return None
    try:
        return bare_extraction(
            page,
            with_metadata=True,
            include_comments=False,
            date_extraction_params={"extensive_search": False, "original_date": True},
        )
    except _FAULTS:
        return None


def _visible_text(page: HtmlElement) -> str:
    """All text but that of menus and forms, a line for each block."""
    pieces: list[str] = []
    for element in list(page.iter(*_AROUND)):
        if element.getparent() is not None:
            element.drop_tree()
    pieces.extend(_pieces(page))
    lines = (" ".join(line.split()) for line in "".join(pieces).split("\n\n"))
    return "\n".join(filter(None, lines))


def _pieces(page: HtmlElement) -> Iterator[str]:
    from lxml.etree import iterwalk

    for event, element in iterwalk(page, events=("start", "end")):
        if element.tag not in _IN_LINE:
            yield "\n\n"
        text = element.text if event == "start" else element.tail
        # A line feed of the source is a space; two of ours mark a block.
        yield (text or "").replace("\n", " ")
