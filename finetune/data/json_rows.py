"""Records of one JSON array, however long, read a piece at a time.

Knows: how far one may read before a row must have ended, and how rows are counted.
Refuses to know: what the objects mean, and encodings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from errors import BadEntry, Cause
from finetune.data.rows import Record
from text_files import MAX_LINE, TextFile
from text_rows import NOT_AN_OBJECT

_PIECE = 2**16
_SPACE = " \t\r\n"


def json_array(file: TextFile) -> Iterator[Record]:
    """The objects of one array; only the one that is being read lies in memory."""
    text = _UnreadText(file)
    text.take("[")
    number = 0
    while text.next_character() != "]":
        number += 1
        at = f"row {number} (line {text.line})"
        row = text.value(at)
        yield Record(at, row) if isinstance(row, dict) else Record(at, {}, NOT_AN_OBJECT)
        if text.next_character() == ",":
            text.take(",")
        elif text.next_character() != "]":
            raise text.fault(Cause("array-not-going-on", number=number))
    text.take("]")
    if text.next_character():
        raise text.fault(Cause("array-followed"))


class _UnreadText:
    """The part of a file that was read and not yet used."""

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self._decoder = json.JSONDecoder()
        self._held = ""
        self._at = 0
        self.line = 1

    def next_character(self) -> str:
        """The next one that is no space; '' at the end of the file."""
        while True:
            start = self._at
            while self._at < len(self._held) and self._held[self._at] in _SPACE:
                self._at += 1
            self.line += self._held.count("\n", start, self._at)
            if self._at < len(self._held):
                return self._held[self._at]
            if not self._more(_PIECE):
                return ""

    def take(self, character: str) -> None:
        if self.next_character() != character:
            raise self.fault(Cause("character-expected", character=character))
        self._at += 1

    def value(self, at: str) -> object:
        """The next value, whole. Ever more is read at a time, so that a long row is not parsed too often."""
        self.next_character()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._held, self._at)
            except RecursionError:
                raise self.fault(Cause("row-nested-too-deeply", at=at)) from None
            except ValueError:
                end = len(self._held)
                value = None
            # A value that ends where the text ends may go on in the next piece.
            if end < len(self._held) or not self._more(len(self._held) - self._at + _PIECE):
                if value is None:
                    raise self.fault(Cause("row-not-whole", at=at))
                self.line += self._held.count("\n", self._at, end)
                self._at = end
                return value
            if len(self._held) - self._at > 2 * MAX_LINE:
                raise self.fault(Cause("row-too-many-characters", at=at, most=MAX_LINE))

    def fault(self, fault: Cause) -> BadEntry:
        return BadEntry("line-fault", file=self._file.name, line=self.line, fault=fault)

    def _more(self, characters: int) -> bool:
        self._held = self._held[self._at :]
        self._at = 0
        piece = self._file.piece(min(characters, MAX_LINE))
        self._held += piece
        return bool(piece)
