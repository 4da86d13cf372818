"""Marks that a person sets on answers, apart from writing: they come when an answer is long there.

A mark lies in the extras of the very attempt that was read when it was set, and names the attempts that
stood beside it then. So an answer that is asked again takes no mark over, and what was compared stays known.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from errors import BadRequest
from history.owners import owner_number
from history.reading import visible
from history.records import (
    LONGEST_NOTE,
    MARK,
    MARKABLE,
    AnswerMark,
    MarkChange,
    Marks,
    StoredAnswer,
    StoredState,
    mark_of,
)
from history.rows import moment, to_json
from history.schema import answers, mark_columns, runs


def write_mark(
    connection: Connection, owner: str, run_id: str, place: tuple[int, ...], change: MarkChange
) -> Marks:
    """`place` is a position, and an attempt where that is not the newest. Gives all marks of the run, and
    only one of them is that of the better answer."""
    rows = _rows(connection, owner, run_id)
    marked = next((row for row in rows if _stands_at(row, place)), None)
    states = (StoredState.DONE,) if change.better else MARKABLE
    if marked is None or marked.state not in states:
        raise BadRequest("answer-not-markable")
    beside = [row for row in rows if _is_seen(row, change) and row.state == str(StoredState.DONE)]
    over = tuple((row.position, row.attempt) for row in beside if row.position != marked.position)
    marks: Marks = {}
    for row in rows:
        extras = json.loads(row.extras or "{}")
        before = now = mark_of(extras)
        if row is marked:
            now = replace(_changed(before, change, over), by=owner, at=moment(datetime.now(UTC)))
        elif change.better:
            now = replace(before, better=False, over=())
        if now != before:
            _write(connection, row, extras, now)
        if now:
            marks[row.position, row.attempt] = now.as_json()
    return marks


def _stands_at(row: Row[Any], place: tuple[int, ...]) -> bool:
    position, *attempt = place
    return bool(row.position == position and (row.attempt in attempt if attempt else row.newest))


def _is_seen(row: Row[Any], change: MarkChange) -> bool:
    return bool(row.newest if change.beside is None else (row.position, row.attempt) in change.beside)


def _changed(mark: AnswerMark, change: MarkChange, over: tuple[tuple[int, int], ...]) -> AnswerMark:
    if change.better is not None:
        mark = replace(mark, better=change.better, over=over if change.better else ())
    if change.rating is not None:
        mark = replace(mark, rating=change.rating)
    return mark if change.note is None else replace(mark, note=change.note.strip()[:LONGEST_NOTE])


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


def _write(connection: Connection, row: Row[Any], extras: dict[str, object], mark: AnswerMark) -> None:
    its = (answers.c.run == row.run, answers.c.position == row.position, answers.c.attempt == row.attempt)
    kept = {name: value for name, value in extras.items() if name != MARK}
    if mark:
        kept[MARK] = mark.as_json()
    values = {"extras": to_json(kept) if kept else None, **mark_columns(mark)}
    connection.execute(update(answers).where(*its).values(values))
