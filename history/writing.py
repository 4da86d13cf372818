"""Runs, attempts and answers on their way into the tables and out of them, each with its words in the index.

Knows: what a row becomes when a run begins, is asked again, is answered, is deleted, or is left behind by a
process that is no more.
Refuses to know: transactions, failures, clocks, how a process is found to be no more, and who may see what.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, or_, select, update

from engines.base import AnswerRequest
from errors import NaraniError
from history.indexing import index_answer, index_question, indexed_text, unindex
from history.marks import with_mark_of
from history.owners import made_number, owner_made, owner_number
from history.reading import bites
from history.records import BatchHead, RunHead, StoredAnswer, StoredState
from history.rows import answer_values, moment, request_values, run_values, to_json
from history.schema import PLANNED, answers, batches, runs

FIRST_ATTEMPT = 1
_NOT_AT_WORK = (PLANNED, str(StoredState.INTERRUPTED))


class RunGone(NaraniError):
    """An answer came for a run that is not in the history (any more)."""

    category = "run-gone"


def write_run(connection: Connection, head: RunHead, process: str) -> None:
    """A question of a batch is there already and begins now."""
    owner = owner_made(connection, head.owner)
    known = connection.execute(select(runs).where(runs.c.id == head.id)).one_or_none()
    if known is not None and known.owner != owner:
        return
    values = run_values(head) | {"begun": True}
    if known is None:
        made = connection.execute(insert(runs).values(values | {"owner": owner}))
        number = made_number(made.inserted_primary_key)
    else:
        number = known.number
        connection.execute(update(runs).where(runs.c.number == number).values(values))
    if known is None or not known.begun:
        index_question(connection, _run(connection, head.id))
    for position, request in enumerate(head.requests):
        at_work = _at_work(request, process, moment(head.created))
        _begin_answer(connection, owner, {"run": number, "position": position}, at_work)


def write_attempt(
    connection: Connection,
    run_id: str,
    position: int,
    attempt: int,
    request: AnswerRequest,
    process: str,
    started: str,
) -> None:
    run = _run(connection, run_id)
    key = {"run": run.number, "position": position, "attempt": attempt}
    if _answer(connection, key) is not None:
        return
    values = _at_work(request, process, started) | {"owner": run.owner, "newest": False}
    connection.execute(insert(answers).values(key | values))
    _mark_newest(connection, run.number, position)


def write_answer(connection: Connection, run_id: str, stored: StoredAnswer) -> None:
    run = _run(connection, run_id)
    if not run.begun:
        run = _begun_by_its_first_answer(connection, run)
    key = {"run": run.number, "position": stored.position, "attempt": stored.attempt}
    before = indexed_text(connection, run.number, stored.position)
    held = _answer(connection, key)
    if held is None:
        _insert_like_earlier(connection, key)
    values = answer_values(stored if held is None else with_mark_of(held.extras, stored))
    connection.execute(update(answers).where(_is(key)).values(values))
    _mark_newest(connection, run.number, stored.position)
    index_answer(connection, run, stored.position, before)


def write_batch(connection: Connection, batch: BatchHead, heads: Sequence[RunHead], process: str) -> None:
    owner = owner_made(connection, batch.owner)
    connection.execute(
        insert(batches).values(
            id=batch.id,
            owner=owner,
            created=moment(batch.created),
            process=process,
            name=batch.name,
            models=to_json(batch.models),
        )
    )
    if not heads:
        return
    of_batch = {"owner": owner, "begun": False, "batch": batch.id}
    connection.execute(insert(runs), [run_values(head) | of_batch for head in heads])
    made = connection.execute(select(runs.c.id, runs.c.number).where(runs.c.batch == batch.id))
    numbers = {id: number for id, number in made}
    planned = {"owner": owner, "attempt": FIRST_ATTEMPT, "newest": True, "state": PLANNED}
    connection.execute(
        insert(answers),
        [
            request_values(request) | planned | {"run": numbers[head.id], "position": position}
            for head in heads
            for position, request in enumerate(head.requests)
        ],
    )


def _at_work(request: AnswerRequest, process: str, started: str) -> dict[str, Any]:
    return request_values(request) | {
        "state": str(StoredState.RUNNING),
        "process": process,
        "started": started,
    }


def _begin_answer(connection: Connection, owner: int, place: dict[str, int], begun: dict[str, Any]) -> None:
    key = place | {"attempt": FIRST_ATTEMPT}
    known = _answer(connection, key)
    if known is None:
        connection.execute(insert(answers).values(key | begun | {"owner": owner, "newest": True}))
    elif known.state in _NOT_AT_WORK:
        connection.execute(update(answers).where(_is(key)).values(begun))


def _begun_by_its_first_answer(connection: Connection, run: Row[Any]) -> Row[Any]:
    """A question of a batch: until now it was a plan that the history does not list."""
    connection.execute(update(runs).where(runs.c.number == run.number).values(begun=True))
    begun = _run(connection, run.id)
    index_question(connection, begun)
    return begun


def _insert_like_earlier(connection: Connection, key: dict[str, int]) -> None:
    """An attempt whose beginning was not written down: asked as the one before it."""
    same_place = and_(answers.c.run == key["run"], answers.c.position == key["position"])
    earlier = connection.execute(
        select(answers).where(same_place).order_by(answers.c.attempt.desc()).limit(1)
    ).one_or_none()
    if earlier is None:
        raise _gone()
    kept = ("owner", "model", "temperature", "settings", "request")
    values = {name: getattr(earlier, name) for name in kept}
    state = {"state": str(StoredState.RUNNING), "newest": False}
    connection.execute(insert(answers).values(key | values | state))


def _mark_newest(connection: Connection, run: int, position: int) -> None:
    place = and_(answers.c.run == run, answers.c.position == position)
    newest = connection.execute(select(func.max(answers.c.attempt)).where(place)).scalar_one()
    connection.execute(
        update(answers)
        .where(place, answers.c.newest != (answers.c.attempt == newest))
        .values(newest=answers.c.attempt == newest)
    )


def _run(connection: Connection, run_id: str) -> Row[Any]:
    run = connection.execute(select(runs).where(runs.c.id == run_id)).one_or_none()
    if run is None:
        raise _gone()
    return run


def _answer(connection: Connection, key: dict[str, int]) -> Row[Any, Any] | None:
    return connection.execute(select(answers.c.state, answers.c.extras).where(_is(key))).one_or_none()


def _is(key: dict[str, int]) -> Any:
    return and_(*(answers.c[name] == value for name, value in key.items()))


def _gone() -> RunGone:
    return RunGone("run-deleted")


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


ProcessTest = Callable[[str | None], bool]
"""Whether the process of a name lives, or whether it is no more."""

_RUNNING = answers.c.state == str(StoredState.RUNNING)


def left_behind(connection: Connection, gone: ProcessTest) -> list[str | None]:
    """The processes that are no more and whose answers still stand as running. Names are read before it is
    looked who lives: whoever wrote one had its lock by then."""
    names = connection.execute(select(answers.c.process).where(_RUNNING).distinct()).scalars().all()
    return [name for name in names if gone(name)]


def mark_interrupted(connection: Connection, gone: ProcessTest) -> None:
    names = left_behind(connection, gone)
    if not names:
        return
    theirs: ColumnElement[bool] = answers.c.process.in_(names)
    if None in names:
        theirs = or_(theirs, answers.c.process.is_(None))
    connection.execute(update(answers).where(_RUNNING, theirs).values(state=str(StoredState.INTERRUPTED)))


def take_batch(connection: Connection, batch_id: str, process: str, lives: ProcessTest) -> bool:
    """False while another process that lives works on it."""
    query = select(batches.c.process).where(batches.c.id == batch_id)
    holder = connection.execute(query).scalar()
    if holder != process and lives(holder):
        return False
    connection.execute(update(batches).where(batches.c.id == batch_id).values(process=process))
    return True


def let_batch_go(connection: Connection, batch_id: str, process: str) -> None:
    its = (batches.c.id == batch_id, batches.c.process == process)
    connection.execute(update(batches).where(*its).values(process=None))
