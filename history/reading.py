"""Runs and batches out of the tables: by their numbers, as a conversation, as a list narrowed by a filter.

Knows: how a run is put together from its rows, that a run of another owner or a deleted one is none, what
each filter narrows, the way to the runs with certain words, and what of a batch counts as done and as failed.
Refuses to know: how words are kept in the index, how a batch is run, transactions.
"""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Connection, Row, and_, case, exists, func, or_, select

from history.owners import owner_number
from history.records import (
    BAD,
    BETTER,
    GOOD,
    MARKABLE,
    BatchHead,
    HistoryFilter,
    HistoryPage,
    Marked,
    StoredBatch,
    StoredRun,
    StoredState,
)
from history.rows import moment, moment_of, stored_run
from history.schema import PLANNED, answers, batches, runs
from history.word_index import RUNS, between, has_word_index, match, run_of_document, words_table

ListItem = TypeVar("ListItem")
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


def bites(values: Sequence[ListItem]) -> Iterable[Sequence[ListItem]]:
    return (values[start : start + BITE] for start in range(0, len(values), BITE))


def _put_together(owner: str, run: Row[Any], asked: list[Row[Any]]) -> StoredRun:
    first: dict[int, Row[Any]] = {}
    for row in asked:
        first.setdefault(row.position, row)
    shown = [row for row in asked if row.newest and row.state != PLANNED]
    earlier = [row for row in asked if not row.newest]
    return stored_run(owner, run, shown, first.values(), earlier)


def _visible_number(connection: Connection, owner: str, run_id: str) -> int | None:
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return None
    return connection.execute(select(runs.c.number).where(runs.c.id == run_id, visible(owner_is))).scalar()


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
            func.count(answers.c.extras).label("with_extras"),
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
    # An attempt only ever begins, ends and is scored: with as many attempts, as much done is the same done.
    stamp = (*counts, int(row.attempts), row.with_extras, int(row.mixed))
    return StoredBatch(head, row.questions, *counts, stamp, elsewhere)


Condition = ColumnElement[bool]


def read_page(
    connection: Connection, owner: str, wanted: HistoryFilter, before: int | None, size: int
) -> HistoryPage:
    owner_is = owner_number(connection, owner)
    if owner_is is None:
        return HistoryPage((), None)
    before = None if before is None else min(max(before, 0), RUNS)
    conditions = list(_conditions(owner_is, wanted))
    query = match(wanted.words) if has_word_index(connection) else None
    if query is not None:
        found = _by_index(connection, owner_is, query, before, conditions)
    else:
        found = _by_number(connection, before, [*conditions, *map(_contains, wanted.words.split())])
    numbers = list(islice(found, size + 1))
    shown = numbers[:size]
    return HistoryPage(
        tuple(read_runs(connection, owner, shown)), shown[-1] if len(numbers) > len(shown) > 0 else None
    )


def read_models(connection: Connection, owner: str) -> Iterator[str]:
    """One step in an index for each model, however many answers there are."""
    owner_is = owner_number(connection, owner)
    last: str | None = "" if owner_is is not None else None
    while last is not None:
        last = connection.execute(
            select(answers.c.model)
            .join(runs, runs.c.number == answers.c.run)
            .where(answers.c.owner == owner_is, answers.c.model > last, runs.c.deleted_at.is_(None))
            .order_by(answers.c.model)
            .limit(1)
        ).scalar()
        if last is not None:
            yield last


def _by_number(connection: Connection, before: int | None, conditions: list[Condition]) -> Iterator[int]:
    if before is not None:
        conditions = [*conditions, runs.c.number < before]
    query = select(runs.c.number).where(*conditions).order_by(runs.c.number.desc())
    with connection.execute(query) as rows:
        yield from rows.scalars()


def _by_index(
    connection: Connection, owner: int, query: str, before: int | None, conditions: list[Condition]
) -> Iterator[int]:
    """Newest first as the index gives them; a run whose words stand in several documents counts once."""
    document = words_table.c.rowid
    lowest, highest = between(owner, before)
    hits = (
        select(runs.c.number)
        .select_from(words_table.join(runs, runs.c.number == run_of_document(document)))
        .where(words_table.c.words.op("MATCH")(query), document >= lowest, document < highest, *conditions)
        .order_by(document.desc())
    )
    with connection.execute(hits) as rows:
        last = None
        for number in rows.scalars():
            if number != last:
                yield number
            last = number


def _conditions(owner: int, wanted: HistoryFilter) -> Iterable[Condition]:
    yield visible(owner)
    yield runs.c.begun
    if wanted.since is not None:
        yield runs.c.created >= moment(wanted.since)
    if wanted.until is not None:
        yield runs.c.created <= moment(wanted.until)
    if wanted.batches is not None:
        yield runs.c.batch.is_not(None) if wanted.batches else runs.c.batch.is_(None)
    if wanted.kind is not None:
        yield runs.c.kind == wanted.kind if wanted.kind else runs.c.kind.is_(None)
    if wanted.latest:
        later = runs.alias()
        followed = later.c.owner == owner, later.c.previous == runs.c.id, later.c.deleted_at.is_(None)
        yield ~exists().where(*followed)
    narrowing = list(_of_answer(wanted))
    if narrowing:
        yield exists().where(_shown(), answers.c.owner == owner, *narrowing)


def _of_answer(wanted: HistoryFilter) -> Iterable[Condition]:
    """All of them have to hold for one answer of the run."""
    if wanted.models:
        yield answers.c.model.in_(wanted.models)
    if wanted.states:
        yield answers.c.state.in_([str(state) for state in wanted.states])
    if wanted.marks:
        yield or_(*map(_marked, wanted.marks))
    if wanted.greedy is not None:
        yield answers.c.temperature == 0 if wanted.greedy else answers.c.temperature != 0
    if wanted.format_id is not None:
        yield answers.c.format == wanted.format_id
    if wanted.quantization is not None:
        yield answers.c.quantization == wanted.quantization


_HOLDING = {
    Marked.BETTER: [BETTER, f"{BETTER}, {GOOD}", f"{BETTER}, {BAD}"],
    Marked.GOOD: [GOOD, f"{BETTER}, {GOOD}"],
    Marked.BAD: [BAD, f"{BETTER}, {BAD}"],
}
"""As `AnswerMark.values` writes them: an index finds whole values only."""


def _marked(wanted: Marked) -> Condition:
    if wanted is Marked.NOTED:
        return answers.c.note.is_not(None)
    if wanted is not Marked.UNRATED:
        return answers.c.mark.in_(_HOLDING[wanted])
    beside = answers.alias()
    some = exists().where(beside.c.run == answers.c.run, beside.c.newest, beside.c.mark.is_not(None))
    return and_(answers.c.state.in_(list(map(str, MARKABLE))), ~some)


def _contains(word: str) -> Condition:
    """Slow, and right where there is no index, or a word has no letter."""
    word = unicodedata.normalize("NFC", word)
    in_answer = exists().where(_shown(), answers.c.text.icontains(word, autoescape=True))
    return or_(
        runs.c.question.icontains(word, autoescape=True),
        runs.c.input.icontains(word, autoescape=True),
        in_answer,
    )


def _shown() -> Any:
    return and_(answers.c.run == runs.c.number, answers.c.newest, answers.c.state != PLANNED)
