"""Answers as columns of plain values, straight from the rows, for an export.

Knows: which column of which table each exported column is.
Refuses to know: file formats. No object is made for a row: an export of 100,000 answers has no time for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select, tuple_

from history.owners import owner_number
from history.reading import bites, visible
from history.records import FLAT_COLUMNS, FlatBatch, StoredState
from history.schema import PLANNED, answers, runs

_UNDER_WAY = (PLANNED, str(StoredState.RUNNING))
_OF_RUN = ("batch", "previous", "created", "turn", "question", "input", "system")

FlatPlace = tuple[int, int, int]
"""Run, position and attempt of the last row that was read."""

START: FlatPlace = (0, -1, -1)


def read_flat(
    connection: Connection, owner: str, after: FlatPlace, rows: int, numbers: Sequence[int] | None = None
) -> tuple[FlatBatch, FlatPlace] | None:
    """The rows after a place, and the place of the last; None at the end."""
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return None
    place = (runs.c.number, answers.c.position, answers.c.attempt)
    query = (
        select(*map(_column, FLAT_COLUMNS), runs.c.number)
        .join(answers, answers.c.run == runs.c.number)
        .where(
            visible(owner_is),
            runs.c.number >= after[0],
            tuple_(*place) > tuple_(*after),
            answers.c.state.not_in(_UNDER_WAY),
        )
        .order_by(*place)
        .limit(rows)
    )
    if numbers is not None:
        query = query.where(runs.c.number.in_(numbers))
    found = connection.execute(query).all()
    if not found:
        return None
    columns = [list(column) for column in zip(*found, strict=True)]
    batch = dict(zip(FLAT_COLUMNS, columns, strict=False))
    return batch, (columns[-1][-1], batch["position"][-1], batch["attempt"][-1])


def read_numbers(connection: Connection, owner: str, run_ids: Sequence[str]) -> list[int]:
    """The numbers of the runs that are the owner's, oldest first."""
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return []
    found = (
        connection.execute(select(runs.c.number).where(visible(owner_is), runs.c.id.in_(some))).scalars()
        for some in bites(list(dict.fromkeys(run_ids)))
    )
    return sorted(number for numbers in found for number in numbers)


def _column(name: str) -> Any:
    if name == "run_id":
        return runs.c.id.label(name)
    return runs.c[name] if name in _OF_RUN else answers.c[name]
