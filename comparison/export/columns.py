"""The columns of an exported file, and how one knows that a file is an export of ours.

Knows: which columns hold numbers or moments, and the first columns of each kind of file.
Refuses to know: how files are written and read.
"""

from __future__ import annotations

from collections.abc import Iterable

from comparison.answer_rows import COLUMNS as ANSWER_COLUMNS
from history.records import FLAT_COLUMNS
from old_keys import new_keys

WHOLE = frozenset({"turn", "position", "attempt", "tokens_in", "tokens_out", "peak_bytes"})
DECIMAL = frozenset(
    {
        "load_seconds",
        "seconds_to_first_text",
        "answering_seconds",
        "tokens_per_second",
        "characters_per_second",
    }
)
MAYBE_ABSENT = frozenset({"batch", "previous", "finish_reason", "error", "revision", "started", "ended"})
"""Text columns in which an empty cell means that there is nothing: CSV cannot tell it from an empty text."""

JSON_COLUMNS = frozenset({"settings", "request"})

WIDE_COLUMNS = ("run_id", "created", "question", "input", "system")
"""A column a model follows."""


def is_long(names: Iterable[str]) -> bool:
    return new_keys(names) == FLAT_COLUMNS


def is_ours(names: Iterable[str]) -> bool:
    """Whether a file with these columns was written here, so that the cells of a CSV are disarmed. The names
    decide and not the bytes: a spreadsheet that saves it again writes the same names with other quotes."""
    found = new_keys(names)
    return found in (FLAT_COLUMNS, ANSWER_COLUMNS) or found[: len(WIDE_COLUMNS)] == WIDE_COLUMNS
