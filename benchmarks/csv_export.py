"""csv-export: the long CSV with every promise of it, over Python's csv.writer with none.

Knows: both sides, that the memory does not grow with the rows, and that the file reads back the same.
Refuses to know: the history; rows are made of the Korean text that ships.
"""

from __future__ import annotations

import csv
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pyarrow as pa

from benchmarks.korean import ordinary
from benchmarks.rounds import Effort, Measured, Seconds, Stopwatch, paired
from comparison.export.csv_files import write_long_csv
from history.records import FLAT_COLUMNS, FlatBatch
from settings import format_bytes
from tests.comparison.export.reading_back import read_long_csv

_ROWS = 100_000
_ROWS_A_BATCH = 2000
_MOST_GROWTH = 64 * 10**6
_MOMENT = "2026-11-21T09:30:00.123456+00:00"
_SETTINGS = {
    "temperature": 0.7,
    "top_p": 0.9,
    "top_k": 0,
    "max_new_tokens": 512,
    "seed": 0,
    "stop_strings": [],
}


def measure(effort: Effort) -> Measured:
    """Our time for 100,000 answers over that of csv.writer. Both start from the same batches in memory,
    write a new file and end when it is on the disk. Ours looks at every text for a formula, quotes it, writes
    the mark for Hangul, and renames; csv.writer writes the cells as they are and quotes what it must."""
    batches = list(_batches(_ROWS * effort.tokens // Effort().tokens))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "answers.csv"
        ours = Stopwatch(_fresh(path, lambda: write_long_csv(lambda: batches, path)))
        theirs = Stopwatch(_fresh(path, lambda: _plainly(batches, path)))
        values = paired(ours, theirs, effort.rounds)
        broken, notes = _kept(batches, path)
    size = f"{ours.median:.2f} s against {theirs.median:.2f} s"
    return Measured(values, tuple(broken), (size, *notes))


def _fresh(path: Path, write: Callable[[], object]) -> Seconds:
    """Into no file: one that is replaced stays until then, and the room for two is slower to come by."""

    def seconds() -> float:
        path.unlink(missing_ok=True)
        started = time.perf_counter()
        write()
        return time.perf_counter() - started

    return seconds


def _plainly(batches: list[FlatBatch], path: Path) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(FLAT_COLUMNS)
        for batch in batches:
            writer.writerows(zip(*batch.values(), strict=True))
        file.flush()
        os.fsync(file.fileno())


def _kept(batches: list[FlatBatch], path: Path) -> tuple[list[str], list[str]]:
    """What holds however fast it is: memory that does not grow with the file, and the same rows back."""
    path.unlink()
    process, seen = psutil.Process(), [0]
    before = process.memory_info().rss

    def watched() -> Iterator[FlatBatch]:
        for batch in batches:
            yield batch
            seen.append(process.memory_info().rss)

    rows = write_long_csv(watched, path)
    growth = max(0, max(seen) - before)
    written = path.stat().st_size
    broken = [] if growth < _MOST_GROWTH else [f"the memory grew by {format_bytes(growth)}"]
    first = [dict(zip(FLAT_COLUMNS, cells, strict=True)) for cells in zip(*batches[0].values(), strict=True)]
    if [row for row, _ in zip(read_long_csv(path), first, strict=False)] != first:
        broken.append("the rows read back are not those written")
    arrow = format_bytes(pa.default_memory_pool().max_memory())
    grew = f"memory grew by {format_bytes(growth)} while {rows:,} rows, {format_bytes(written)}, were written"
    return broken, [f"{grew}; at most {arrow} of it columns at a time"]


def _batches(rows: int) -> Iterator[FlatBatch]:
    text = ordinary().replace("\n", " ")
    for start in range(0, rows, _ROWS_A_BATCH):
        made = [_row(number, text) for number in range(start, min(rows, start + _ROWS_A_BATCH))]
        yield {name: [row.get(name) for row in made] for name in FLAT_COLUMNS}


def _row(number: int, text: str) -> dict[str, object]:
    question = text[number % 3000 :][:40]
    turn = {"question": question, "input": "", "answer": None}
    request = {"model_id": "demo-chat", "conversation": {"turns": [turn]}, "settings": _SETTINGS}
    return {
        "run_id": f"{number // 4:016d}",
        "created": _MOMENT,
        "turn": 1,
        "question": question,
        "input": "",
        "system": "",
        "position": number % 4,
        "attempt": 1,
        "model": "demo-chat",
        "state": "done",
        "text": text[number % 5000 :][:300],
        "finish_reason": "eos",
        "prompt": f"### 질문: {question}\n\n### 답변:",
        "revision": f"{number:040x}",
        "quantization": "none",
        "format": "koalpaca",
        "settings": json.dumps(_SETTINGS),
        "tokens_in": 20,
        "tokens_out": 150 + number % 50,
        "seconds_to_first_text": 0.125 + number / 1e6,
        "answering_seconds": 1.5 + number / 1e6,
        "tokens_per_second": 33.5 + number / 1e5,
        "characters_per_second": 44.5 + number / 1e5,
        "peak_bytes": 123_456_789,
        "step": "fused-graph",
        "started": _MOMENT,
        "ended": _MOMENT,
        "request": json.dumps(request, ensure_ascii=False),
    }
