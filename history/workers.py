"""What stands in the database as being worked on, and by which process.

Knows: how an answer becomes "interrupted" whose process is no more, and whose a batch is meanwhile.
Refuses to know: how it is told that a process is no more, transactions.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import ColumnElement, Connection, or_, select, update

from history.records import StoredState
from history.schema import answers, batches

Tells = Callable[[str | None], bool]
"""Whether the process of a name lives, or whether it is no more."""

_RUNNING = answers.c.state == str(StoredState.RUNNING)


def left_behind(connection: Connection, gone: Tells) -> list[str | None]:
    """The processes that are no more and whose answers still stand as running. Names are read before it is
    looked who lives: whoever wrote one had its lock by then."""
    names = connection.execute(select(answers.c.process).where(_RUNNING).distinct()).scalars().all()
    return [name for name in names if gone(name)]


def mark_interrupted(connection: Connection, gone: Tells) -> None:
    names = left_behind(connection, gone)
    if not names:
        return
    theirs: ColumnElement[bool] = answers.c.process.in_(names)
    if None in names:
        theirs = or_(theirs, answers.c.process.is_(None))
    connection.execute(update(answers).where(_RUNNING, theirs).values(state=str(StoredState.INTERRUPTED)))


def take_batch(connection: Connection, batch_id: str, process: str, lives: Tells) -> bool:
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
