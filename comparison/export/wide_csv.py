"""The wide CSV: a row a question, a column a model with its newest answers; behind those earlier attempts.

Knows: that a column is what was asked for and not what came, so that an answer that failed before its format
was known stands in its model's column too; how two columns of one model are told apart; and which cell each
answer of a run stands in.
Refuses to know: where rows come from, and who reads them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from comparison.export.csv_files import CsvTable, CsvType
from comparison.export.exported_questions import WIDE_COLUMNS
from comparison.export.shared import RunRows, are_newest, extras_of, object_of, runs_of, whole_file
from history.records import MARK, FlatBatch

_ROWS_AT_ONCE = 200
_BESIDE = ("mark", "note")
"""What a person found of an answer, each a column behind it where some answer of the model has one."""
_OF_ANSWER = ("position", "attempt", "model", "quantization", "format", "text", *_BESIDE, "request", "extras")
_READ = (*WIDE_COLUMNS, *_OF_ANSWER)


def write_wide_csv(flat: Callable[[], Iterable[FlatBatch]], path: Path) -> int:
    """How many rows. `flat` is called twice, the first time to find the columns; an answer for which there
    was no column then is left out."""
    with whole_file(path) as file:
        columns = WideColumns()
        for run in runs_of(flat(), _READ):
            columns.see(run)
        titles = columns.titles()
        table = CsvTable(file, dict.fromkeys([*WIDE_COLUMNS, *titles.values()], CsvType.TEXT))
        lines = (_line(run, columns.of(run), titles) for run in runs_of(flat(), _READ))
        written = 0
        while some := list(islice(lines, _ROWS_AT_ONCE)):
            written += table.append(list(zip(*some, strict=True)))
        return written


def _line(run: RunRows, columns: list[WideColumn], titles: Iterable[tuple[WideColumn, str]]) -> list[object]:
    answers = {column: {"": row["text"], **_beside(row)} for column, row in zip(columns, run, strict=True)}
    cells = (answers.get(column, {}).get(name) for column, name in titles)
    return [*(run[0][name] for name in WIDE_COLUMNS), *cells]


def _beside(row: dict[str, object]) -> dict[str, object]:
    found = {name: row[name] for name in ("thinking", *_BESIDE) if row[name]}
    extras = {name: said for name, said in extras_of(row["extras"]).items() if name != MARK}
    return found | {f"extras.{name}": said for name, said in extras.items()}


@dataclass(frozen=True)
class WideColumn:
    """A model as it was asked; empty where nothing was asked for and its own default is not known."""

    model: str
    quantization: str
    format: str
    nth: int = 1
    """The how many-th of the columns alike in one run, which were asked with other settings."""
    attempt: int = 0
    """The how many-th attempt at an answer that was asked again since; 0: the newest."""


@dataclass
class WideColumns:
    """Has to see every run once before it can say where an answer belongs."""

    _picks: dict[tuple[WideColumn, ...], None] = field(default_factory=dict)
    _own: dict[str, tuple[str, str]] = field(default_factory=dict)
    """What each model answers in when nothing is asked for."""
    _named: dict[str, dict[str, None]] = field(default_factory=dict)
    """What stands beside the answers of each model."""

    def see(self, rows: RunRows) -> None:
        """The rows of one run."""
        picked = _columns_asked(rows)
        for row, asked in zip(rows, picked, strict=True):
            self._named.setdefault(asked.model, {}).update(dict.fromkeys(_beside(row)))
            if row["format"]:
                before = self._own.get(asked.model, ("", ""))
                self._own[asked.model] = (
                    before[0] if asked.quantization else str(row["quantization"]),
                    before[1] if asked.format else str(row["format"]),
                )
        self._picks.setdefault(tuple(picked))

    def of(self, rows: RunRows) -> list[WideColumn]:
        """The column of each row of one run."""
        return self._resolved(_columns_asked(rows))

    def titles(self) -> dict[tuple[WideColumn, str], str]:
        """Each column, and behind it one for each name beside its model's answers, in the order in which they
        first came; no two titles are the same."""
        found = dict.fromkeys(column for picked in self._picks for column in self._resolved(picked))
        columns = sorted(found, key=lambda column: column.attempt > 0)
        titles: dict[tuple[WideColumn, str], str] = {}
        taken = set(WIDE_COLUMNS)
        for column in columns:
            title = _title(column, [other for other in columns if other.model == column.model])
            for name in ("", *self._named[column.model]):
                titles[column, name] = _free(f"{title} {name}" if name else title, taken)
                taken.add(titles[column, name])
        return titles

    def _resolved(self, picked: Sequence[WideColumn]) -> list[WideColumn]:
        seen: Counter[WideColumn] = Counter()
        columns = []
        for asked in picked:
            quantization, format = self._own.get(asked.model, ("", ""))
            column = replace(
                asked, quantization=asked.quantization or quantization, format=asked.format or format
            )
            newest = replace(column, attempt=0)
            columns.append(replace(column, nth=seen[newest] + 1))
            seen[newest] += column.attempt == 0
        return columns


def _columns_asked(rows: RunRows) -> list[WideColumn]:
    return [
        replace(_asked(row), attempt=0 if newest else int(str(row["attempt"])))
        for row, newest in zip(rows, are_newest(rows), strict=True)
    ]


def _asked(row: dict[str, object]) -> WideColumn:
    asked = object_of(row["request"]) or {}
    return WideColumn(str(row["model"]), str(asked.get("quantization") or ""), str(asked.get("format") or ""))


def _title(column: WideColumn, alike: Sequence[WideColumn]) -> str:
    """The model, and of how it was asked what is not the same in all its columns."""
    told = []
    if len({other.quantization for other in alike}) > 1:
        told.append(column.quantization)
    if len({other.format for other in alike}) > 1:
        told.append(column.format)
    how = ", ".join(filter(None, told))
    number = f" #{column.nth}" if column.nth > 1 else ""
    number += f" attempt {column.attempt}" if column.attempt else ""
    return (f"{column.model} ({how})" if how else column.model) + number


def _free(title: str, taken: set[str]) -> str:
    number = 2
    free = title
    while free in taken:
        free, number = f"{title} [{number}]", number + 1
    return free
