"""Which words of a run are in the index: a document for the question, one for each answer with its question.

Knows: what a document is made of, so that what was added can be taken out again.
Refuses to know: how words are found.

All words of a search have to occur in one document: in the question, or in it and one answer together.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from history.schema import answers, runs
from history.word_index import (
    SLOTS,
    add_words,
    create_word_index,
    document,
    drop_word_index,
    has_word_index,
    take_words,
)

_BITE = 500


def index_question(connection: Connection, run: Row[Any]) -> None:
    if has_word_index(connection):
        add_words(connection, document(run.owner, run.number, 0), _question(run))


def indexed_text(connection: Connection, run: int, position: int) -> str | None:
    """The text of the newest attempt that has one."""
    return connection.execute(
        select(answers.c.text)
        .where(answers.c.run == run, answers.c.position == position, answers.c.text.is_not(None))
        .order_by(answers.c.attempt.desc())
        .limit(1)
    ).scalar()


def index_answer(connection: Connection, run: Row[Any], position: int, before: str | None) -> None:
    """Put the newest text in the place of the one that was found before it."""
    now = indexed_text(connection, run.number, position)
    if now == before or not _has_slot(connection, position):
        return
    number = document(run.owner, run.number, position + 1)
    if before is not None:
        take_words(connection, number, _answered(run, before))
    if now is not None:
        add_words(connection, number, _answered(run, now))


def index_run(connection: Connection, run: Row[Any]) -> None:
    """All of a run whose words are not in the index."""
    if not run.begun:
        return
    index_question(connection, run)
    for position in _texts(connection, run.number):
        index_answer(connection, run, position, before=None)


def unindex(connection: Connection, run: Row[Any]) -> None:
    """Take a run's words out, while its rows are still there."""
    if not has_word_index(connection) or not run.begun:
        return
    take_words(connection, document(run.owner, run.number, 0), _question(run))
    for position, text in _texts(connection, run.number).items():
        if _has_slot(connection, position):
            take_words(connection, document(run.owner, run.number, position + 1), _answered(run, text))


def rebuild_index(connection: Connection) -> None:
    drop_word_index(connection)
    create_word_index(connection)
    last = 0
    while True:
        some = connection.execute(
            select(runs).where(runs.c.number > last, runs.c.begun).order_by(runs.c.number).limit(_BITE)
        ).all()
        if not some:
            return
        for run in some:
            index_run(connection, run)
        last = some[-1].number


def _texts(connection: Connection, run: int) -> dict[int, str]:
    """The text of each position that is in the index."""
    rows = connection.execute(
        select(answers.c.position, answers.c.text)
        .where(answers.c.run == run, answers.c.text.is_not(None))
        .order_by(answers.c.attempt)
    )
    return {position: text for position, text in rows}


def _has_slot(connection: Connection, position: int) -> bool:
    return has_word_index(connection) and position + 1 < SLOTS


def _question(run: Row[Any]) -> str:
    return f"{run.question}\n{run.input}"


def _answered(run: Row[Any], text: str) -> str:
    return f"{_question(run)}\n{text}"
