"""The documents that stand in a file: one in a text, a Markdown file, a page or a PDF, one a line in a jsonl.

Knows: how each kind is read, and where its titles, addresses and dates stand.
Refuses to know: passages, and what was read before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from errors import BadEntry, Cause
from search.words import normalized
from text_files import MAX_LINE, open_text
from text_rows import json_line_rows

_NAMES: dict[str, tuple[str, ...]] = {
    "text": ("text", "contents", "content", "passage", "body", "본문", "내용"),
    "title": ("title", "제목"),
    "name": ("_id", "id"),
    "url": ("url", "link", "source", "주소"),
    "date": ("date", "published", "날짜"),
}
"""The keys of a line for each use, the first that is there."""
_HEADING = re.compile(r"#\s+(\S.*)")
_MOST_LINES_NAMED = 5


@dataclass(frozen=True)
class DocumentText:
    """A document as it was read."""

    text: str = ""
    title: str = ""
    """Empty: it has none of its own, and is called by its file."""
    name: str = ""
    """By which a file of several tells it from the others."""
    url: str = ""
    date: str = ""
    pages: tuple[str, ...] = ()
    """The text of each page, in place of `text`, where there are pages."""


@dataclass(frozen=True)
class Unread:
    """Something in the file that could not be read; the rest of it was."""

    cause: Cause


def documents_in(folder: Path, path: str, after: int = 0) -> Iterator[DocumentText | Unread]:
    """The documents of the file, without the first so many. Raises NaraniError for a file that cannot be read
    as what its name says."""
    file = folder / path
    match PurePosixPath(path).suffix.lower():
        case ".jsonl":
            yield from _lines(file, path, after)
        case ".md":
            yield from [_markdown(_text(file))][after:]
        case _:
            yield from [DocumentText(_text(file))][after:]


def _text(file: Path) -> str:
    with open_text(file) as opened:
        text = opened.piece(MAX_LINE)
        if opened.piece(1):
            raise BadEntry("search-document-too-long", file=opened.name, most=MAX_LINE)
    if "\0" in text:
        raise BadEntry("search-document-no-text", file=opened.name)
    return text


def _markdown(text: str) -> DocumentText:
    """The first heading, where it stands before everything else, is the title."""
    first, _, rest = text.lstrip().partition("\n")
    heading = _HEADING.match(first)
    return DocumentText(rest, heading[1].strip(" #")) if heading else DocumentText(text)


def _lines(file: Path, path: str, after: int) -> Iterator[DocumentText | Unread]:
    faults: list[int] = []
    with open_text(file) as opened:
        for number, row in enumerate(json_line_rows(opened)):
            document = None if row.fault else _document(row.cells)
            if document is None or not document.text.strip():
                faults.append(row.line)
                document = DocumentText()
            if number >= after:
                yield document
    if faults:
        yield Unread(
            Cause(
                "search-document-lines-unread", file=path, lines=faults[:_MOST_LINES_NAMED], count=len(faults)
            )
        )


def _document(cells: Mapping[str, object]) -> DocumentText:
    text, title, name, url, date = (_cell(cells, names) for names in _NAMES.values())
    return DocumentText(text, title, name, url, date)


def _cell(cells: Mapping[str, object], names: tuple[str, ...]) -> str:
    found = next((cells[name] for name in names if cells.get(name) is not None), "")
    return normalized(str(found)) if isinstance(found, str | int | float) else ""
