"""What every reader of data hands on: one record after the other, or the reason why it is none.

Knows: a record's place and columns, and the two ways a row can be bad.
Refuses to know: files, shapes, and what becomes of a bad row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from errors import Cause, NaraniError


@dataclass(frozen=True)
class Record:
    """One row as it stands in a file, its columns not yet understood."""

    at: str
    """Where: 'line 3', or 'row 3 (line 40)' where a row is no line."""
    columns: Mapping[str, object]
    fault: Cause | None = None
    """Why it could not be read; `columns` is empty then."""


class BadRow(NaraniError):
    """Why nothing can be learned from one row; said after its file and place."""


class EmptyAnswer(BadRow):
    """There is nothing to learn, but silence."""
