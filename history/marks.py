"""Marks that a person sets on answers, apart from writing: they come when an answer is long there.

A mark lies in the extras of the very attempt that was read when it was set, and names the attempts that
stood beside it then. So an answer that is asked again takes no mark over, and what was compared stays known.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, select, update

from errors import BadRequest
from history.owners import owner_number
from history.reading import visible
from history.records import BETTER, MARK, Marks, StoredAnswer, StoredState, mark_in
from history.rows import to_json
from history.schema import answers, runs


def write_mark(connection: Connection, owner: str, run_id: str, position: int, better: bool) -> Marks:
    """Set it or take it away, and give all marks of the run. Only one answer of a run is the better one."""
    rows = _rows(connection, owner, run_id)
    shown = {row.position: row for row in rows if row.newest and row.state == str(StoredState.DONE)}
    if position not in shown:
        raise BadRequest("answer-not-markable")
    marked = shown.pop(position)
    beside = [[row.position, row.attempt] for row in shown.values()]
    marks: Marks = {}
    for row in rows:
        extras = json.loads(row.extras or "{}")
        held = extras.pop(MARK, None)
        if row is marked:
            mark = {"value": BETTER, "note": "", "over": beside} if better else None
        else:
            mark = None if better and mark_in({MARK: held}) == BETTER else held
        if mark != held:
            _write(connection, row, extras if mark is None else extras | {MARK: mark})
        if mark is not None:
            marks[row.position, row.attempt] = mark
    return marks


def with_mark_of(held: str | None, stored: StoredAnswer) -> StoredAnswer:
    """An answer that is stored once more, for its score came later, keeps the mark it was given meanwhile."""
    mark = json.loads(held or "{}").get(MARK)
    if mark is None or stored.answer is None:
        return stored
    extras = {**stored.answer.extras, MARK: mark}
    return replace(stored, answer=replace(stored.answer, extras=extras))


def _rows(connection: Connection, owner: str, run_id: str) -> list[Row[Any]]:
    """Every attempt of every answer; none where the run is not the owner's."""
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return []
    columns = (answers.c[name] for name in ("run", "position", "attempt", "newest", "state", "extras"))
    query = select(*columns).join(runs, answers.c.run == runs.c.number)
    return list(connection.execute(query.where(visible(owner_is), runs.c.id == run_id)).all())


def _write(connection: Connection, row: Row[Any], extras: dict[str, object]) -> None:
    its = (answers.c.run == row.run, answers.c.position == row.position, answers.c.attempt == row.attempt)
    connection.execute(update(answers).where(*its).values(extras=to_json(extras) if extras else None))
