"""What belongs to an owner: a number in the tables, preferences, and all of it handed over to another.

Knows: the tables that name an owner, and that the word index does too.
Refuses to know: who the owner is, what any preference means, transactions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from history.indexing import index_run, unindex
from history.rows import to_json
from history.schema import answers, batches, owners, preferences, runs


def owner_number(connection: Connection, name: str) -> int | None:
    return connection.execute(select(owners.c.number).where(owners.c.name == name)).scalar()


def owner_made(connection: Connection, name: str) -> int:
    known = owner_number(connection, name)
    if known is not None:
        return known
    return made_number(connection.execute(insert(owners).values(name=name)).inserted_primary_key)


def made_number(key: Any) -> int:
    return int(key[0])


def read_preferences(connection: Connection, owner: str) -> dict[str, object]:
    owner_is = owner_number(connection, owner)
    rows = connection.execute(
        select(preferences.c.name, preferences.c.value).where(preferences.c.owner == owner_is)
    )
    return {name: json.loads(value) for name, value in rows}


def write_preferences(connection: Connection, owner: str, values: Mapping[str, object]) -> None:
    owner_is = owner_made(connection, owner)
    connection.execute(
        delete(preferences).where(preferences.c.owner == owner_is, preferences.c.name.in_(list(values)))
    )
    rows = [
        {"owner": owner_is, "name": name, "value": to_json(value)}
        for name, value in values.items()
        if value is not None
    ]
    if rows:
        connection.execute(insert(preferences), rows)


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
