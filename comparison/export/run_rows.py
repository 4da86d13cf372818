"""Flat rows gathered into runs: what counts of each run, for files that show answers side by side.

Knows: which rows are one run, and that of several attempts at one position the newest counts.
Refuses to know: files, and where rows come from.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from history.records import FlatBatch

Rows = list[dict[str, object]]
"""One run by position, of each position the newest attempt."""


def runs_of(batches: Iterable[FlatBatch], columns: Sequence[str]) -> Iterator[Rows]:
    """`columns` are those to read; run_id, position and attempt have to be among them."""
    for _, rows in groupby(_rows(batches, columns), key=lambda row: row["run_id"]):
        newest: dict[int, dict[str, object]] = {}
        for row in rows:
            position = int(str(row["position"]))
            if position not in newest or int(str(row["attempt"])) > int(str(newest[position]["attempt"])):
                newest[position] = row
        yield [newest[position] for position in sorted(newest)]


def _rows(batches: Iterable[FlatBatch], columns: Sequence[str]) -> Iterator[dict[str, object]]:
    for batch in batches:
        for values in zip(*(batch[name] for name in columns), strict=True):
            yield dict(zip(columns, values, strict=True))
