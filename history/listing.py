"""The history as a list: newest first, a page at a time, narrowed by what is wanted.

Knows: what each wish narrows, and the way to the runs with certain words.
Refuses to know: how words are kept in the index, transactions.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, or_, select

from history.reading import read_runs, visible
from history.records import HistoryPage, Wanted
from history.rows import moment
from history.schema import PLANNED, answers, runs
from history.word_index import (
    RUNS,
    between,
    has_word_index,
    match,
    run_of_document,
    words_table,
)
from history.writing import owner_number

Condition = ColumnElement[bool]


def read_page(
    connection: Connection, owner: str, wanted: Wanted, before: int | None, size: int
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


def _conditions(owner: int, wanted: Wanted) -> Iterable[Condition]:
    yield visible(owner)
    yield runs.c.begun
    if wanted.since is not None:
        yield runs.c.created >= moment(wanted.since)
    if wanted.until is not None:
        yield runs.c.created <= moment(wanted.until)
    if wanted.batches is not None:
        yield runs.c.batch.is_not(None) if wanted.batches else runs.c.batch.is_(None)
    narrowing = list(_of_answer(wanted))
    if narrowing:
        yield exists().where(_shown(), answers.c.owner == owner, *narrowing)


def _of_answer(wanted: Wanted) -> Iterable[Condition]:
    """All of them have to hold for one answer of the run."""
    if wanted.models:
        yield answers.c.model.in_(wanted.models)
    if wanted.states:
        yield answers.c.state.in_([str(state) for state in wanted.states])
    if wanted.greedy is not None:
        yield answers.c.temperature == 0 if wanted.greedy else answers.c.temperature != 0
    if wanted.format_id is not None:
        yield answers.c.format == wanted.format_id
    if wanted.quantization is not None:
        yield answers.c.quantization == wanted.quantization


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
