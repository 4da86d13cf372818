"""Pages that were fetched a short while ago, in a SQLite file of limited size.

Only what came whole is kept, and for an hour; a failure is never remembered. A cache that cannot be read or
written costs nothing but the time to fetch again.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

_SECONDS, _MOST_BYTES = 3_600.0, 64_000_000
_TABLE = (
    "CREATE TABLE IF NOT EXISTS pages "
    "(asked TEXT PRIMARY KEY, at REAL, url TEXT, kind TEXT, charset TEXT, body BLOB)"
)
_TOO_OLD = (
    "DELETE FROM pages WHERE at NOT BETWEEN ? AND ? OR asked IN (SELECT asked FROM "
    "(SELECT asked, SUM(LENGTH(body)) OVER (ORDER BY at DESC, asked) AS bytes FROM pages) WHERE bytes > ?)"
)


@dataclass(frozen=True)
class FetchedPage:
    """A page as it came."""

    url: str
    """Where it was found in the end."""
    kind: str
    """One of the media types that can be read."""
    charset: str
    """As its header tells; empty where it does not."""
    body: bytes


class PageCache:
    """`seconds` is how long a page counts, `most_bytes` what all of them may hold."""

    def __init__(
        self,
        path: Path,
        seconds: float = _SECONDS,
        most_bytes: int = _MOST_BYTES,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._path, self._seconds, self._most_bytes, self._now = path, seconds, most_bytes, now

    def get(self, asked: str) -> FetchedPage | None:
        now = self._now()
        kept = (
            "SELECT url, kind, charset, body FROM pages WHERE asked = ? AND at BETWEEN ? AND ?",
            (asked, now - self._seconds, now),
        )
        rows = self._run(kept)
        return FetchedPage(*rows[0]) if rows else None

    def put(self, asked: str, page: FetchedPage) -> None:
        now = self._now()
        self._run(
            ("REPLACE INTO pages VALUES (?, ?, ?, ?, ?, ?)", (asked, now, *astuple(page))),
            (_TOO_OLD, (now - self._seconds, now, self._most_bytes)),
        )

    def _run(self, *statements: tuple[str, tuple[object, ...]]) -> list[tuple[Any, ...]]:
        """The rows of the last."""
        rows: list[tuple[Any, ...]] = []
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(self._path, timeout=1.0)) as database, database:
                database.execute("PRAGMA synchronous = OFF")  # what a power cut breaks is fetched again
                database.execute(_TABLE)
                for statement, values in statements:
                    rows = database.execute(statement, values).fetchall()
        except (sqlite3.OperationalError, OSError):
            return []  # locked, full, or not to be written
        except sqlite3.DatabaseError:
            with suppress(OSError):
                self._path.unlink()  # no database any more
        return rows
