"""What all kinds of exports share: a file that is there whole or not at all, and rows gathered into runs.

Knows: what is said of a full disk, which rows are one run, and which attempts at an answer are worth a
place beside the newest.
Refuses to know: file formats, and where rows come from.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import BinaryIO

import whole_files
from errors import NaraniError
from errors.system_reason import system_reason
from history.records import FlatBatch
from prompts.thinking import thinking_and_answer

RunRows = list[dict[str, object]]
"""One run by position and attempt; the last at a position is the newest."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Write into it; at the end it takes the place of `path`, and after any failure nothing of it is left."""
    try:
        with whole_files.whole_file(path) as file:
            yield file
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(path: Path, error: OSError) -> NaraniError:
    return NaraniError("export-not-written", file=path.name, why=system_reason(error))


def thinking_apart(batch: FlatBatch) -> FlatBatch:
    """With a column more, `thinking`: what a model thought stands beside its answer, which is left alone in
    `text`."""
    parts = [
        thinking_and_answer(str(text or ""), str(prompt or ""))
        for text, prompt in zip(batch["text"], batch["prompt"], strict=True)
    ]
    texts = [text and part.answer for text, part in zip(batch["text"], parts, strict=True)]
    return {**batch, "text": texts, "thinking": [part.thinking for part in parts]}


def runs_of(batches: Iterable[FlatBatch], columns: Sequence[str]) -> Iterator[RunRows]:
    """`columns` are those to read, and `thinking`; run_id, position, attempt and text have to be among them.
    An earlier attempt that came to no text is left out: it failed or was interrupted, and was asked again
    for that."""
    for _, rows in groupby(_rows(batches, [*columns, "thinking"]), key=lambda row: row["run_id"]):
        ordered = sorted(rows, key=lambda row: (int(str(row["position"])), int(str(row["attempt"]))))
        yield [
            row
            for row, newest in zip(ordered, are_newest(ordered), strict=True)
            if newest or row["text"] or row["thinking"]
        ]


def are_newest(rows: RunRows) -> list[bool]:
    """For each row of a run whether it is the newest attempt at its position."""
    after = [row["position"] for row in rows[1:]]
    return [row["position"] != later for row, later in zip(rows, [*after, None], strict=True)]


def object_of(text: object) -> dict[str, object] | None:
    """The JSON object that a text is; None where it is none."""
    try:
        found = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def extras_of(text: object) -> dict[str, str]:
    """What other rooms added to an answer, each as JSON."""
    extras = object_of(text) if text else None
    return {name: json.dumps(value, ensure_ascii=False) for name, value in (extras or {}).items()}


def _rows(batches: Iterable[FlatBatch], columns: Sequence[str]) -> Iterator[dict[str, object]]:
    for batch in map(thinking_apart, batches):
        for values in zip(*(batch[name] for name in columns), strict=True):
            yield dict(zip(columns, values, strict=True))
