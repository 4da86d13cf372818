"""Runs out of the tables: one, a conversation, or those of some numbers.

Knows: how a run is put together from its rows, and that a run of another owner or a deleted one is none.
Refuses to know: searching, transactions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Row, and_, select

from history.records import StoredRun
from history.rows import stored_run
from history.schema import PLANNED, answers, runs
from history.writing import owner_number

Value = TypeVar("Value")
BITE = 500
"""How many values a query names at most."""


def visible(owner: int) -> Any:
    return and_(runs.c.owner == owner, runs.c.deleted_at.is_(None))


def read_run(connection: Connection, owner: str, run_id: str) -> StoredRun | None:
    number = _visible_number(connection, owner, run_id)
    return None if number is None else read_runs(connection, owner, [number])[0]


def read_thread(connection: Connection, owner: str, run_id: str) -> tuple[StoredRun, ...]:
    number = _visible_number(connection, owner, run_id)
    if number is None:
        return ()
    owner_is = owner_number(connection, owner)
    assert owner_is is not None, "whoever has a run is known"
    last = select(runs.c.number, runs.c.previous).where(runs.c.number == number).cte(recursive=True)
    earlier = select(runs.c.number, runs.c.previous).where(
        visible(owner_is),
        runs.c.id == last.c.previous,
        runs.c.number < last.c.number,  # so that no chain is endless
    )
    chain = last.union_all(earlier)
    numbers = connection.execute(select(chain.c.number)).scalars().all()
    return tuple(read_runs(connection, owner, sorted(numbers)))


def read_runs(connection: Connection, owner: str, numbers: Sequence[int]) -> list[StoredRun]:
    """In the order of the numbers given."""
    heads, asked = {}, defaultdict(list)
    for some in bites(numbers):
        for row in connection.execute(select(runs).where(runs.c.number.in_(some))):
            heads[row.number] = row
        of_runs = select(answers).where(answers.c.run.in_(some))
        for row in connection.execute(of_runs.order_by(answers.c.run, answers.c.position, answers.c.attempt)):
            asked[row.run].append(row)
    return [_put_together(owner, heads[number], asked[number]) for number in numbers]


def bites(values: Sequence[Value]) -> Iterable[Sequence[Value]]:
    return (values[start : start + BITE] for start in range(0, len(values), BITE))


def _put_together(owner: str, run: Row[Any], asked: list[Row[Any]]) -> StoredRun:
    first: dict[int, Row[Any]] = {}
    for row in asked:
        first.setdefault(row.position, row)
    shown = [row for row in asked if row.newest and row.state != PLANNED]
    return stored_run(owner, run, shown, first.values())


def _visible_number(connection: Connection, owner: str, run_id: str) -> int | None:
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return None
    return connection.execute(select(runs.c.number).where(runs.c.id == run_id, visible(owner_is))).scalar()
