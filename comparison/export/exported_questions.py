"""An exported file taken as a question file: how it is known as ours, and each question of it once.

Knows: the first columns of each file that Narani writes; that a row is an answer there and a question has
several, and that one which went on with a conversation cannot be asked by itself.
Refuses to know: file formats, and rows of files that were not written here, which pass as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from comparison.answer_rows import COLUMNS as ANSWER_COLUMNS
from history.records import FLAT_COLUMNS

WIDE_COLUMNS = ("run_id", "created", "question", "input", "system")
"""A column a model follows."""

Cells = Mapping[str, object]

_BEGINNINGS = (WIDE_COLUMNS, FLAT_COLUMNS[:8], ANSWER_COLUMNS[:5])
"""Further columns come and go with what is measured of an answer."""
_ASKED = ("question", "input", "system")


def is_ours(names: Iterable[str]) -> bool:
    """Whether a file with these columns was written here, so that the cells of a CSV are disarmed. The names
    decide and not the bytes: a spreadsheet that saves it again writes the same names with other quotes."""
    found = tuple(names)
    return any(found[: len(first)] == first for first in _BEGINNINGS)


class FirstQuestions:
    """Passes each question once, and counts what it leaves out. `column`: where the questions are read from;
    from another column than ours every row is one."""

    def __init__(self, column: str | None = None) -> None:
        self._every_row = column not in (None, _ASKED[0])
        self._seen: set[tuple[object, ...]] = set()
        self._went_on: set[tuple[object, ...]] = set()

    def of(self, rows: Iterable[tuple[int, Cells]]) -> Iterator[tuple[int, Cells]]:
        for number, row in rows:
            if self._every_row or not is_ours(row) or self._is_first(row):
                yield number, row

    @property
    def notes(self) -> list[str]:
        if not self._went_on:
            return []
        return [f"Questions that go on with a conversation were left out: {len(self._went_on)}."]

    def _is_first(self, row: Cells) -> bool:
        asked = tuple(str(row[name]) for name in _ASKED)
        seen = self._went_on if row.get("previous") else self._seen
        new = asked not in seen
        seen.add(asked)
        return new and seen is self._seen
