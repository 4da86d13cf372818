"""One owner's history, batches and preferences made another's.

Knows: the tables that name an owner, and that the word index does too.
Refuses to know: why, transactions.
"""

from __future__ import annotations

from sqlalchemy import Connection, delete, select, update

from history.indexing import index_run, unindex
from history.schema import answers, batches, owners, preferences, runs
from history.writing import owner_number


def hand_over(connection: Connection, before: str, into: str) -> None:
    """The new owner's own preferences stand; those they have not are taken over."""
    old, new = owner_number(connection, before), owner_number(connection, into)
    if old is None:
        return
    if new is None:
        connection.execute(update(owners).where(owners.c.number == old).values(name=into))
        return
    for (number,) in connection.execute(select(runs.c.number).where(runs.c.owner == old)).all():
        _hand_over_run(connection, number, new)
    connection.execute(update(batches).where(batches.c.owner == old).values(owner=new))
    own = select(preferences.c.name).where(preferences.c.owner == new)
    connection.execute(
        update(preferences)
        .where(preferences.c.owner == old, preferences.c.name.not_in(own))
        .values(owner=new)
    )
    connection.execute(delete(preferences).where(preferences.c.owner == old))
    connection.execute(delete(owners).where(owners.c.number == old))


def _hand_over_run(connection: Connection, number: int, new: int) -> None:
    """The documents of the word index are named after the owner."""
    run = connection.execute(select(runs).where(runs.c.number == number)).one()
    unindex(connection, run)
    connection.execute(update(runs).where(runs.c.number == number).values(owner=new))
    connection.execute(update(answers).where(answers.c.run == number).values(owner=new))
    index_run(connection, connection.execute(select(runs).where(runs.c.number == number)).one())
