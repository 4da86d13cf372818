"""Text files of unknown encoding, read a line or a piece at a time.

Knows: byte order marks, UTF-8, UTF-16 and the Korean CP949; what a file that is no text looks like; how to
hash the very bytes that were read.
Refuses to know: what the lines mean. Nothing is guessed silently: a conversion is told in `notes`.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader, FileIO, RawIOBase, TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import BadEntry, BadRequest
from errors.note import Note
from errors.system_reason import system_reason

if TYPE_CHECKING:
    from hashlib import _Hash

    from _typeshed import WriteableBuffer

MAX_LINE = 2**24
"""Characters; a longer line is refused before it fills the memory."""

_CHUNK = 2**20
_PEEK = 2**16
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
    _bytes: BufferedReader[Any]

    def beginning(self) -> str:
        """Some of its first characters, which stay to be read; to be asked before anything is."""
        decoder = codecs.getincrementaldecoder(self._stream.encoding)()
        return decoder.decode(self._bytes.peek(_PEEK))

    def lines(self, after: int = 0, with_nul: bool = False) -> Iterator[tuple[int, str]]:
        """Line numbers and lines, line ends included. `after`: how many were read already; `with_nul`: it is
        known that this is text."""
        number = after
        while line := self._stream.readline(MAX_LINE + 1):
            number += 1
            if len(line) > MAX_LINE:
                raise BadEntry("line-too-long", file=self.name, line=number, most=MAX_LINE)
            if "\0" in line and not with_nul:
                raise BadEntry("line-with-nul", file=self.name, line=number)
            yield number, line

    def piece(self, characters: int) -> str:
        """The next so many characters, fewer at the end of the file; for text that is not made of lines."""
        return self._stream.read(characters)


class _Hashed(RawIOBase):
    """A file that shows a hash every byte that is read of it."""

    def __init__(self, path: Path, digest: _Hash | None) -> None:
        self._file = FileIO(path)
        self._digest = digest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        count = self._file.readinto(buffer) or 0
        if self._digest is not None:
            self._digest.update(memoryview(buffer)[:count])
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def open_text(path: Path, digest: _Hash | None = None) -> Iterator[TextFile]:
    """The file as text; its line ends stay as they are written. `digest` has seen all its bytes once the text
    was read to the end."""
    try:
        encoding, notes = _encoding(path)
        data = BufferedReader(_Hashed(path, digest), _PEEK)
        with TextIOWrapper(data, encoding, newline="") as stream:
            yield TextFile(path.name, encoding.removesuffix("-sig"), notes, stream, data)
    except OSError as error:
        raise BadRequest("file-unreadable", file=path.name, why=system_reason(error)) from error
    except UnicodeDecodeError as error:
        raise BadEntry("file-breaks-off", file=path.name) from error


def _encoding(path: Path) -> tuple[str, tuple[str, ...]]:
    with path.open("rb") as file:
        start = file.read(4)
    if not start:
        raise BadEntry("file-empty", file=path.name)
    for mark, encoding in _MARKS:
        if start.startswith(mark):
            notes = (Note("note-utf-16", file=path.name),) if "16" in encoding else ()
            return encoding, notes
    if _decodes(path, "utf-8"):
        return "utf-8", ()
    if _decodes(path, "cp949"):
        return "cp949", (Note("note-cp949", file=path.name),)
    raise BadEntry("file-encoding-unknown", file=path.name)


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
