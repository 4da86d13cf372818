"""An export is there whole or not at all, takes no memory, and writes over nothing.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest

from comparison.export.making import ExportKind, ReadFlat, export_name, make_export
from dashboard.texts import read_texts
from errors import AS_WRITTEN, NaraniError
from history.records import FlatBatch
from tests.comparison.export.flat_house import batch, in_pieces, row
from tests.comparison.export.reading_back import read_jsonl, read_long_csv
from tests.history.history_house import asked, keep, opened

ROOT = Path(__file__).parents[3]
WORDS = read_texts("ko").report
NOW = datetime(2026, 11, 21, 9, 30, 59)
KINDS = pytest.mark.parametrize("kind", ExportKind)


def flat() -> Iterator[FlatBatch]:
    return in_pieces([row(run_id=f"{at}", text="글" * 100) for at in range(1000)], 100)


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """A disk that is full: the system refuses every byte beyond."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (ExportKind.WIDE, "narani-20261121-0930-wide.csv"),
        (ExportKind.LONG, "narani-20261121-0930-long.csv"),
        (ExportKind.JSONL, "narani-20261121-0930.jsonl"),
        (ExportKind.MARKDOWN, "narani-20261121-0930.md"),
    ],
)
def test_a_name_says_when_and_what(kind: ExportKind, name: str) -> None:
    assert export_name(kind, NOW) == name


@KINDS
def test_the_folder_is_made_and_holds_only_the_file(kind: ExportKind, tmp_path: Path) -> None:
    path = make_export(kind, flat, tmp_path / "new" / "exports", NOW, WORDS)
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_size > 100_000


@KINDS
def test_a_full_disk_is_one_sentence_and_leaves_nothing(kind: ExportKind, tmp_path: Path) -> None:
    with files_of_at_most(100_000), pytest.raises(NaraniError) as caught:
        make_export(kind, flat, tmp_path, NOW, WORDS)
    assert "could not be written: File too large. Nothing of it was left" in str(caught.value)
    assert str(tmp_path) not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@KINDS
def test_rows_that_break_off_leave_nothing(kind: ExportKind, tmp_path: Path) -> None:
    def breaking() -> Iterator[FlatBatch]:
        yield from flat()
        raise NaraniError(AS_WRITTEN, sentence="The history cannot be read now.")

    with pytest.raises(NaraniError, match="cannot be read now"):
        make_export(kind, breaking, tmp_path, NOW, WORDS)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    from comparison.export.csv_files import write_long_csv

    path = tmp_path / "long.csv"
    path.write_text("before")
    with files_of_at_most(100_000), pytest.raises(NaraniError):
        write_long_csv(flat, path)
    assert path.read_text() == "before" and list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "exports").write_text("a file")
    with pytest.raises(NaraniError, match="could not be written: File exists"):
        make_export(ExportKind.LONG, flat, tmp_path / "exports", NOW, WORDS)


def test_two_people_in_one_minute_get_two_files(tmp_path: Path) -> None:
    def flat_of(number: int) -> ReadFlat:
        return lambda: iter([batch([row(text=str(number))])])

    def make(number: int) -> Path:
        return make_export(ExportKind.LONG, flat_of(number), tmp_path, NOW, WORDS)

    with ThreadPoolExecutor(8) as people:
        paths = list(people.map(make, range(24)))
    assert [next(read_long_csv(path))["text"] for path in paths] == [str(number) for number in range(24)]


GROWTH = """
import resource, sys, tempfile
from pathlib import Path
from comparison.export.making import *
from dashboard.texts import read_texts
from tests.comparison.export.flat_house import batch, row

rows = [row(run_id=str(at // 2), position=at % 2, text=f"{at}글" * 120) for at in range(1000)]
some = batch(rows)
def fresh(count):
    for _ in range(count):
        yield some | {"text": [text + "." for text in some["text"]]}
def peak(batches):
    for kind in ExportKind:
        with tempfile.TemporaryDirectory() as folder:
            make_export(kind, lambda: fresh(batches), Path(folder), datetime.now(), read_texts("ko").report)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
small = peak(5)
print(peak(50) - small)
"""


def test_ten_times_the_rows_take_no_more_memory() -> None:
    """50,000 rows are 50 MB or more in each file."""
    done = subprocess.run(
        [sys.executable, "-c", GROWTH], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert int(done.stdout) < 15, "MB"


def test_what_the_history_holds_comes_out_of_it(tmp_path: Path) -> None:
    history = opened(tmp_path / "home")
    run = keep(history, asked("=하늘?", ("가", "나")), "=1+1", "빛\0")
    rows = partial(history.flat, run.owner, [run.id])
    long, lines, wide = (
        make_export(kind, rows, tmp_path, NOW, WORDS)
        for kind in (ExportKind.LONG, ExportKind.JSONL, ExportKind.WIDE)
    )
    stored = [
        dict(zip(some, cells, strict=True)) for some in rows() for cells in zip(*some.values(), strict=True)
    ]
    history.close()
    assert list(read_long_csv(long)) == stored
    assert [line["text"] for line in read_jsonl(lines)] == ["=1+1", "빛\0"]
    assert wide.read_text(encoding="utf-8-sig").endswith(',"\'=하늘?","","","\'=1+1","빛\0"\n')
