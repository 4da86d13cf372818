"""The documents that stand in a file: one in a text, a Markdown file, a page or a PDF, one a line in a jsonl.

Knows: how each kind is read, and where its titles, addresses and dates stand.
Refuses to know: passages, and what was read before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from errors import BadEntry, BadRequest, Cause
from errors.system_reason import system_reason
from search.extraction.characters import one_line, seen
from search.extraction.extracting import HTML, PDF, extract
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
_EXTRACTED = {".html": HTML, ".htm": HTML, ".pdf": PDF}
_HEADING = re.compile(r"#\s+(\S.*)")
_MOST_LINES_NAMED = 5


@dataclass(frozen=True)
class DocumentText:
    """A document as it was read."""

    parts: tuple[tuple[str, int | None], ...] = ()
    """Texts, each with the number of its page where there are pages."""
    title: str = ""
    """Empty: it has none of its own, and is called by its file."""
    name: str = ""
    """By which a file of several tells it from the others."""
    url: str = ""
    date: str = ""


@dataclass(frozen=True)
class Unread:
    """Something in the file that could not be read; the rest of it was."""

    cause: Cause


def documents_in(folder: Path, path: str, after: int = 0) -> Iterator[DocumentText | Unread]:
    """The documents of the file, without the first so many. Raises NaraniError for a file that cannot be read
    as what its name says."""
    file = folder / path
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".jsonl":
        yield from _lines(file, path, after)
    elif after == 0:
        yield _page(file, _EXTRACTED[suffix]) if suffix in _EXTRACTED else _text(file, suffix == ".md")


def _page(file: Path, kind: str) -> DocumentText:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadRequest("file-unreadable", file=file.name, why=system_reason(error)) from error
    page = extract(data, kind, file.name)
    return DocumentText(page.parts, page.title, date=page.date)


def _text(file: Path, markdown: bool) -> DocumentText:
    """In Markdown the first heading is the title, where it stands before everything else."""
    with open_text(file) as opened:
        text = opened.piece(MAX_LINE)
        if opened.piece(1):
            raise BadEntry("search-document-too-long", file=opened.name, most=MAX_LINE)
    if "\0" in text:
        raise BadEntry("search-document-no-text", file=opened.name)
    text = seen(text)
    first, _, rest = text.lstrip().partition("\n")
    if markdown and (heading := _HEADING.match(first)):
        return DocumentText(((rest, None),), heading[1].strip(" #"))
    return DocumentText(((text, None),))


def _lines(file: Path, path: str, after: int) -> Iterator[DocumentText | Unread]:
    faults: list[int] = []
    with open_text(file) as opened:
        for number, row in enumerate(json_line_rows(opened)):
            document = None if row.fault else _document(row.cells)
            if document is None:
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


def _document(cells: Mapping[str, object]) -> DocumentText | None:
    text, title, name, url, date = (_cell(cells, names) for names in _NAMES.values())
    return DocumentText(((text, None),), one_line(title), name, url, date) if text.strip() else None


def _cell(cells: Mapping[str, object], names: tuple[str, ...]) -> str:
    found = next((cells[name] for name in names if cells.get(name) is not None), "")
    return seen(str(found)) if isinstance(found, str | int | float) else ""
