"""Runs, attempts and answers on their way into the tables, each with its words into the index.

Knows: what a row becomes when a run begins, is asked again and is answered.
Refuses to know: transactions, failures, and who may see what.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from engines.base import AnswerRequest
from errors import NaraniError
from history.indexing import index_answer, index_question, indexed_text
from history.records import BatchHead, RunHead, StoredAnswer, StoredState
from history.rows import answer_values, moment, request_values, run_values, to_json
from history.schema import PLANNED, answers, batches, owners, runs

FIRST_ATTEMPT = 1
_NOT_AT_WORK = (PLANNED, str(StoredState.INTERRUPTED))


class RunGone(NaraniError):
    """An answer came for a run that is not in the history (any more)."""

    category = "run-gone"


def owner_number(connection: Connection, name: str) -> int | None:
    return connection.execute(select(owners.c.number).where(owners.c.name == name)).scalar()


def owner_made(connection: Connection, name: str) -> int:
    known = owner_number(connection, name)
    if known is not None:
        return known
    return _made_number(connection.execute(insert(owners).values(name=name)).inserted_primary_key)


def write_run(connection: Connection, head: RunHead, process: str) -> None:
    """A question of a batch is there already and begins now."""
    owner = owner_made(connection, head.owner)
    known = connection.execute(select(runs).where(runs.c.id == head.id)).one_or_none()
    if known is not None and known.owner != owner:
        return
    values = run_values(head) | {"begun": True}
    if known is None:
        made = connection.execute(insert(runs).values(values | {"owner": owner}))
        number = _made_number(made.inserted_primary_key)
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
    if _answer(connection, key) is None:
        _insert_like_earlier(connection, key)
    connection.execute(update(answers).where(_is(key)).values(answer_values(stored)))
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


def _answer(connection: Connection, key: dict[str, int]) -> Row[Any] | None:
    return connection.execute(select(answers.c.state).where(_is(key))).one_or_none()


def _is(key: dict[str, int]) -> Any:
    return and_(*(answers.c[name] == value for name, value in key.items()))


def _made_number(key: Any) -> int:
    return int(key[0])


def _gone() -> RunGone:
    return RunGone("run-deleted")
