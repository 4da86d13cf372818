"""The questions of an exported file, to be asked again.

Knows: that a row is an answer there and a question has several, and that one which went on with a
conversation cannot be asked by itself.
Refuses to know: file formats, and rows of files that were not written here, which pass as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from comparison.export.columns import is_ours

Row = tuple[int, Mapping[str, object]]
_ASKED = ("question", "input", "system")


class FirstQuestions:
    """Passes each question once, and counts what it leaves out. `column`: where the questions are read from;
    from another column than ours every row is one."""

    def __init__(self, column: str | None = None) -> None:
        self._every_row = column not in (None, _ASKED[0])
        self._seen: set[tuple[object, ...]] = set()
        self._went_on: set[tuple[object, ...]] = set()

    def of(self, rows: Iterable[Row]) -> Iterator[Row]:
        for number, row in rows:
            if self._every_row or not is_ours(row) or self._is_first(row):
                yield number, row

    @property
    def notes(self) -> list[str]:
        if not self._went_on:
            return []
        return [f"Questions that go on with a conversation were left out: {len(self._went_on)}."]

    def _is_first(self, row: Mapping[str, object]) -> bool:
        asked = tuple(str(row[name]) for name in _ASKED)
        seen = self._went_on if row.get("previous") else self._seen
        new = asked not in seen
        seen.add(asked)
        return new and seen is self._seen
