"""The documents that stand in a file: one in a text, a Markdown file, a page or a PDF, one a line in a jsonl.

Knows: how each kind is read, and where its titles, addresses and dates stand.
Refuses to know: passages, and what was read before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from errors import BadEntry, BadRequest, Cause
from errors.system_reason import system_reason
from search.extraction.characters import one_line, seen
from search.extraction.extracting import HTML, PDF, extract
from text_files import open_text
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
_HEADING = re.compile(r" {0,3}#{1,6}[ \t]+(\S.*)")
_CODE = re.compile(r" {0,3}(```|~~~)")
_BOLD = re.compile(r"\*\*(?=\S)([^*\n]{1,500})(?<=\S)\*\*")
_MOST_LINES_NAMED = 5
LONGEST = 100_000
"""Characters of a text that is read as one document."""


@dataclass(frozen=True)
class DocumentText:
    """A document as it was read."""

    parts: tuple[tuple[str, int | None], ...] = ()
    """Texts, each with the number of its page where there are pages."""
    title: str = ""
    """Empty: it has none of its own, and is called by its file."""
    name: str = ""
    """What a file of several documents calls it."""
    url: str = ""
    date: str = ""


@dataclass(frozen=True)
class Unread:
    """Something in the file that could not be read; the rest of it was."""

    cause: Cause


def documents_in(folder: Path, path: str, after: int = 0) -> Iterator[DocumentText | Unread]:
    """The documents of the file, without the first so many; a long text is several, so that each is soon
    done. Raises NaraniError for a file that cannot be read as what its name says."""
    for document in _documents(folder / path, path):
        if after and isinstance(document, DocumentText):
            after -= 1
        else:
            yield document


def _documents(file: Path, path: str) -> Iterator[DocumentText | Unread]:
    suffix = PurePosixPath(path).suffix.lower()
    if suffix == ".jsonl":
        yield from _lines(file, path)
    elif suffix in _EXTRACTED:
        yield _page(file, _EXTRACTED[suffix])
    else:
        yield from _text(file, suffix == ".md")


def _page(file: Path, kind: str) -> DocumentText:
    try:
        data = file.read_bytes()
    except OSError as error:
        raise BadRequest("file-unreadable", file=file.name, why=system_reason(error)) from error
    page = extract(data, kind, file.name)
    return DocumentText(page.parts, page.title, date=page.date)


def _text(file: Path, markdown: bool) -> Iterator[DocumentText]:
    """In Markdown the first heading is the title, where it stands before everything else."""
    title, rest = "", ""
    with open_text(file) as opened:
        first = True
        while piece := opened.piece(LONGEST):
            if "\0" in piece:
                raise BadEntry("search-document-no-text", file=opened.name)
            text = rest + seen(piece)
            if first and markdown and (heading := _HEADING.match(text.lstrip().partition("\n")[0])):
                title, text = _plain(heading), text.lstrip().partition("\n")[2]
            first = False
            end = _last_end(text) if len(piece) == LONGEST else len(text)
            rest = text[end:]
            yield DocumentText(((_without_marks(text[:end]) if markdown else text[:end], None),), title)
        if rest.strip():
            yield DocumentText(((_without_marks(rest) if markdown else rest, None),), title)


def _without_marks(text: str) -> str:
    """Markdown without the marks of headings and bold text, which no reader sees. A heading is a paragraph of
    its own, so that it does not run into the sentence below it; code stays as it is."""
    lines: list[str] = []
    in_code = False
    for line in text.split("\n"):
        fence = _CODE.match(line)
        in_code ^= fence is not None
        if in_code or fence:
            lines.append(line)
        elif heading := _HEADING.match(line):
            lines += ("", _plain(heading), "")
        elif line.strip() or not lines or lines[-1].strip():
            lines.append(_BOLD.sub(r"\1", line))
    return "\n".join(lines)


def _plain(heading: re.Match[str]) -> str:
    return _BOLD.sub(r"\1", heading[1].rstrip(" #\t"))


def _last_end(text: str) -> int:
    """Behind the last line, or else the last word, that is whole."""
    return max(text.rfind("\n"), 0) or max(text.rfind(" "), 0) or len(text)


def _lines(file: Path, path: str) -> Iterator[DocumentText | Unread]:
    faults: list[int] = []
    with open_text(file) as opened:
        for row in json_line_rows(opened):
            document = None if row.fault else _document(row.cells)
            if document is None:
                faults.append(row.line)
                document = DocumentText()
            yield from _divided(document)
    if faults:
        cause = Cause(
            "search-document-lines-unread", file=path, lines=faults[:_MOST_LINES_NAMED], count=len(faults)
        )
        yield Unread(cause)


def _divided(document: DocumentText) -> Iterator[DocumentText]:
    text = document.parts[0][0] if document.parts else ""
    while len(text) > LONGEST:
        end = _last_end(text[:LONGEST])
        yield replace(document, parts=((text[:end], None),))
        text = text[end:]
    yield replace(document, parts=((text, None),))


def _document(cells: Mapping[str, object]) -> DocumentText | None:
    text, title, name, url, date = (_cell(cells, names) for names in _NAMES.values())
    return DocumentText(((text, None),), one_line(title), name, url, date) if text.strip() else None


def _cell(cells: Mapping[str, object], names: tuple[str, ...]) -> str:
    found = next((cells[name] for name in names if cells.get(name) is not None), "")
    return seen(str(found)) if isinstance(found, str | int | float) else ""
