"""A person's preferences: names with JSON values.

Knows: their table.
Refuses to know: what any preference means, transactions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import Connection, delete, insert, select

from history.rows import to_json
from history.schema import preferences
from history.writing import owner_made, owner_number


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
