"""Batches out of the tables: how far they are, and their questions in order.

Knows: what counts as done, and as failed.
Refuses to know: how a batch is run, transactions.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, Row, case, func, select

from history.reading import visible
from history.records import BatchHead, StoredBatch, StoredState
from history.rows import moment_of
from history.schema import answers, batches, runs
from history.writing import owner_number

_MIXED = (runs.c.number % 9973) * (runs.c.number % 9967)
"""Its sum over some questions is hardly ever that over as many others."""
_ENDED = [str(state) for state in (StoredState.DONE, StoredState.STOPPED, StoredState.FAILED)]


def read_batches(
    connection: Connection, owner: str, elsewhere: Callable[[str | None], bool], batch_id: str | None = None
) -> list[StoredBatch]:
    """Newest first; all, or the one that is named. One whose questions were all deleted is gone.

    `elsewhere`: whether a process is another one that lives."""
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return []
    one = [batches.c.id == batch_id] if batch_id is not None else []
    query = (
        select(
            batches,
            func.count(runs.c.number.distinct()).label("questions"),
            func.count().label("wanted"),
            func.sum(case((answers.c.state.in_(_ENDED), 1), else_=0)).label("done"),
            func.sum(case((answers.c.state == str(StoredState.FAILED), 1), else_=0)).label("failed"),
            func.sum(answers.c.attempt).label("attempts"),
            func.sum(_MIXED).label("mixed"),
        )
        .join(runs, runs.c.batch == batches.c.id)
        .join(answers, answers.c.run == runs.c.number)
        .where(batches.c.owner == owner_is, visible(owner_is), answers.c.newest, *one)
        .group_by(*batches.c)
        .order_by(batches.c.number.desc())
    )
    return [_batch(owner, row, elsewhere(row.process)) for row in connection.execute(query)]


def read_batch_numbers(connection: Connection, owner: str, batch_id: str) -> list[int]:
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return []
    of_batch = select(runs.c.number).where(visible(owner_is), runs.c.batch == batch_id)
    return list(connection.execute(of_batch.order_by(runs.c.number)).scalars())


def _batch(owner: str, row: Row[Any], elsewhere: bool) -> StoredBatch:
    created = moment_of(row.created)
    assert created is not None, "a batch has a beginning"
    head = BatchHead(row.id, owner, created, row.name, tuple(json.loads(row.models)))
    counts = row.wanted, int(row.done), int(row.failed)
    # An attempt only ever begins and ends: with as many attempts, as much done is the same done.
    stamp = (*counts, int(row.attempts), int(row.mixed))
    return StoredBatch(head, row.questions, *counts, stamp, elsewhere)
