"""Text files of unknown encoding, read a line at a time.

Knows: byte order marks, UTF-8, UTF-16 and the Korean CP949; what a file that is no text looks like.
Refuses to know: what the lines mean. Nothing is guessed silently: a conversion is told in `notes`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

from errors import BadEntry, BadRequest

MAX_LINE = 2**24
"""Characters; a longer line is refused before it fills the memory."""

_CHUNK = 2**20
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class TextFile:
    """An open file, and how it is written."""

    name: str
    encoding: str
    notes: tuple[str, ...]
    _stream: TextIOWrapper

    def lines(self) -> Iterator[tuple[int, str]]:
        """Line numbers from 1 and lines, line ends included."""
        number = 0
        while line := self._stream.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise self._fault(number, f"is longer than {MAX_LINE:,} characters")
            if "\0" in line:
                raise self._fault(number, "holds a NUL: this is not a text file, or it is damaged")
            yield number, line

    def _fault(self, number: int, what: str) -> BadEntry:
        return BadEntry(f"{self.name}, line {number} {what}.", file=self.name, line=number)


@contextmanager
def open_text(path: Path) -> Iterator[TextFile]:
    """The file as text; its line ends stay as they are written."""
    try:
        encoding, notes = _encoding(path)
        with path.open(encoding=encoding, newline="") as stream:
            yield TextFile(path.name, encoding.removesuffix("-sig"), notes, stream)
    except OSError as error:
        why = error.strerror or "it cannot be opened"
        raise BadRequest(f"'{path.name}' cannot be read: {why}.", file=path.name) from error
    except UnicodeDecodeError as error:
        raise BadEntry(f"{path.name} is damaged: its text breaks off.", file=path.name) from error


def _encoding(path: Path) -> tuple[str, tuple[str, ...]]:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise BadEntry(f"{path.name} is empty.", file=path.name)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            notes = (f"{path.name} is written in UTF-16 and was read as such.",) if "16" in encoding else ()
            return encoding, notes
    if _decodes(path, "utf-8"):
        return "utf-8", ()
    if _decodes(path, "cp949"):
        note = f"{path.name} is not UTF-8; it was read as CP949, the encoding of Korean Windows."
        return "cp949", (note,)
    raise BadEntry(
        f"{path.name} is neither UTF-8, UTF-16 nor CP949 text. Save it as UTF-8 and try again.",
        file=path.name,
    )


def _decodes(path: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True
