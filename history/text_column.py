"""Text as a column: kept as it is, except for what no database takes.

Knows: which characters those are.
Refuses to know: tables.
"""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Dialect, String, Text
from sqlalchemy.types import TypeDecorator

_HALF_CHARACTER = re.compile("[\ud800-\udfff]")
_INSTEAD = "\ufffd"


class Kept(TypeDecorator[str]):
    """An answer is worth more than its refusal: half of a surrogate pair becomes U+FFFD, and so does NUL but
    in SQLite, which keeps it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        if not isinstance(value, str) or value.isascii() and "\0" not in value:
            return value
        whole = _HALF_CHARACTER.sub(_INSTEAD, value)
        return whole if dialect.name == "sqlite" else whole.replace("\0", _INSTEAD)


class KeptName(Kept):
    """The same for what is looked up: no longer than an index of any database takes."""

    impl = String  # type: ignore[assignment]  # as SQLAlchemy has it: any type may be below
    cache_ok = True
