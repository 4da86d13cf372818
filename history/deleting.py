"""Runs that are deleted: hidden at once, brought back while that can be, gone for good later.

Knows: when a run was deleted, and all that goes with it.
Refuses to know: clocks, transactions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, delete, exists, select, update

from history.indexing import unindex
from history.reading import bites
from history.schema import answers, batches, runs
from history.writing import owner_number

_AT_ONCE = 100
"""Runs that go in one transaction: answers that come meanwhile do not wait long."""


def hide(connection: Connection, owner: str, run_ids: Sequence[str], now: float) -> int:
    return _set_deleted(connection, owner, run_ids, runs.c.deleted_at.is_(None), now)


def bring_back(connection: Connection, owner: str, run_ids: Sequence[str]) -> int:
    return _set_deleted(connection, owner, run_ids, runs.c.deleted_at.is_not(None), None)


def purge_some(connection: Connection, deleted_before: float) -> bool:
    """Whether there may be more."""
    gone = connection.execute(
        select(runs).where(runs.c.deleted_at <= deleted_before).order_by(runs.c.deleted_at).limit(_AT_ONCE)
    ).all()
    for run in gone:
        unindex(connection, run)
    numbers = [run.number for run in gone]
    connection.execute(delete(answers).where(answers.c.run.in_(numbers)))
    connection.execute(delete(runs).where(runs.c.number.in_(numbers)))
    emptied = {run.batch for run in gone if run.batch is not None}
    if emptied:
        left = exists().where(runs.c.batch == batches.c.id)
        connection.execute(delete(batches).where(batches.c.id.in_(emptied), ~left))
    return len(gone) == _AT_ONCE


def _set_deleted(
    connection: Connection, owner: str, run_ids: Sequence[str], where: Any, deleted_at: float | None
) -> int:
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return 0
    changed = 0
    for some in bites(list(dict.fromkeys(run_ids))):
        wanted = update(runs).where(runs.c.owner == owner_is, runs.c.id.in_(some), where)
        changed += connection.execute(wanted.values(deleted_at=deleted_at)).rowcount
    return changed
