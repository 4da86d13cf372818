"""Which column of a wide CSV an answer belongs to, and what the column is called.

Knows: that a column is what was asked for and not what came, so that an answer that failed before its format
was known stands in its model's column too; and how two columns of one model are told apart.
Refuses to know: files, and the text of answers.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from comparison.export.columns import WIDE_COLUMNS


@dataclass(frozen=True)
class Column:
    """A model as it was asked; empty where nothing was asked for and its own default is not known."""

    model: str
    quantization: str
    format: str
    nth: int = 1
    """Of those alike in one run: asked with other settings."""


@dataclass
class WideColumns:
    """Has to see every run once before it can say where an answer belongs."""

    _picks: dict[tuple[Column, ...], None] = field(default_factory=dict)
    _own: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What each model answers in when nothing is asked for."""

    def see(self, rows: Iterable[dict[str, object]]) -> None:
        """The rows of one run, by position."""
        picked = []
        for row in rows:
            asked = _asked(row)
            picked.append(asked)
            if row["format"]:
                before = self._own.get(asked.model, ("", ""))
                self._own[asked.model] = (
                    before[0] if asked.quantization else str(row["quantization"]),
                    before[1] if asked.format else str(row["format"]),
                )
        self._picks.setdefault(tuple(picked))

    def of(self, rows: Sequence[dict[str, object]]) -> list[Column]:
        """The column of each row of one run."""
        return self._resolved([_asked(row) for row in rows])

    def titles(self) -> dict[Column, str]:
        """In the order in which the columns first came; no two titles are the same."""
        columns = dict.fromkeys(column for picked in self._picks for column in self._resolved(picked))
        titles: dict[Column, str] = {}
        taken = set(WIDE_COLUMNS)
        for column in columns:
            alike = [other for other in columns if other.model == column.model]
            titles[column] = _free(_title(column, alike), taken)
            taken.add(titles[column])
        return titles

    def _resolved(self, picked: Sequence[Column]) -> list[Column]:
        seen: Counter[Column] = Counter()
        columns = []
        for asked in picked:
            quantization, format = self._own.get(asked.model, ("", ""))
            column = replace(
                asked, quantization=asked.quantization or quantization, format=asked.format or format
            )
            seen[column] += 1
            columns.append(replace(column, nth=seen[column]))
        return columns


def _asked(row: dict[str, object]) -> Column:
    try:
        request = json.loads(str(row["request"]))
    except (ValueError, RecursionError):
        request = None
    asked = request if isinstance(request, dict) else {}
    return Column(str(row["model"]), str(asked.get("quantization") or ""), str(asked.get("format") or ""))


def _title(column: Column, alike: Sequence[Column]) -> str:
    """The model, and of how it was asked what is not the same in all its columns."""
    told = []
    if len({other.quantization for other in alike}) > 1:
        told.append(column.quantization)
    if len({other.format for other in alike}) > 1:
        told.append(column.format)
    how = ", ".join(filter(None, told))
    number = f" #{column.nth}" if column.nth > 1 else ""
    return (f"{column.model} ({how})" if how else column.model) + number


def _free(title: str, taken: set[str]) -> str:
    number = 2
    free = title
    while free in taken:
        free, number = f"{title} [{number}]", number + 1
    return free
