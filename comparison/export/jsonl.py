"""JSONL: a JSON object an answer, to the character what the history holds.

Knows: that settings and request become objects, and how half a character gets through UTF-8.
Refuses to know: where rows come from, and who reads them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from comparison.export.columns import JSON_COLUMNS
from comparison.export.whole_file import whole_file
from history.records import FLAT_COLUMNS, FlatBatch


def write_jsonl(batches: Iterable[FlatBatch], path: Path) -> int:
    """How many lines; the file is there whole or, with a NaraniError, not at all."""
    lines = 0
    with whole_file(path) as file:
        for batch in batches:
            for values in zip(*(batch[name] for name in FLAT_COLUMNS), strict=True):
                file.write(_line(values))
                lines += 1
    return lines


def _line(values: tuple[object, ...]) -> bytes:
    row = {name: _value(name, value) for name, value in zip(FLAT_COLUMNS, values, strict=True)}
    text = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace") + b"\n"  # half a character as JSON escapes it: \ud83d


def _value(name: str, value: object) -> object:
    if name not in JSON_COLUMNS or not isinstance(value, str):
        return value
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return found if isinstance(found, dict) else value
