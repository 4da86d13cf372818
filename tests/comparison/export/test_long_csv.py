"""The long CSV gives back what went in, and no spreadsheet runs a cell of it.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comparison.csv_cells import rearm
from comparison.export.csv_files import write_long_csv
from tests.comparison.export.flat_house import HOSTILE, batch, in_pieces, row
from tests.comparison.export.reading_back import LONG_COLUMNS, NUMBERS, read_long_csv

TEXTS = [name for name in LONG_COLUMNS if name not in NUMBERS]
ROWS = [
    *(row(run_id=f"run-{at}", question=text, text=text, prompt=text) for at, text in enumerate(HOSTILE)),
    row(run_id="-dash", state="interrupted", finish_reason=None, error="=멈춤", ended=None, peak_bytes=None),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "long.csv"
    assert write_long_csv(lambda: in_pieces(ROWS, 5), path) == len(ROWS)
    return path


def cells_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


def as_text(rows: list[dict[str, Any]], name: str) -> list[str]:
    return ["" if row[name] is None else str(row[name]) for row in rows]


def test_python_reads_the_same_table(path: Path) -> None:
    header, *cells = cells_of(path)
    assert tuple(header) == LONG_COLUMNS
    for name, column in zip(header, zip(*cells, strict=True), strict=True):
        if name in TEXTS:
            assert [rearm(cell) for cell in column] == as_text(ROWS, name)
        else:
            assert [float(cell) if cell else None for cell in column] == [row[name] for row in ROWS]


def test_pandas_reads_the_same_table(path: Path) -> None:
    table = pandas.read_csv(
        path, encoding="utf-8-sig", dtype=dict.fromkeys(TEXTS, str), keep_default_na=False
    )
    assert tuple(table.columns) == LONG_COLUMNS
    for name in TEXTS:
        assert [rearm(cell) for cell in table[name]] == as_text(ROWS, name)
    assert list(table["tokens_out"]) == [row["tokens_out"] for row in ROWS]
    assert list(table["tokens_per_second"]) == [row["tokens_per_second"] for row in ROWS]


def test_our_own_reader_gives_the_rows_back(path: Path) -> None:
    assert list(read_long_csv(path)) == ROWS


def test_no_text_begins_a_formula(path: Path) -> None:
    _, *cells = cells_of(path)
    dangerous = set("=+-@\t\r＝＋－＠")
    assert not [cell[:20] for line in cells for cell in line if cell[:1] in dangerous]


def test_the_bytes_are_those_of_a_spreadsheet(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    cells = {"text": "=1", "prompt": "", "revision": None, "tokens_in": None, "seconds_to_first_text": -0.5}
    write_long_csv(lambda: [batch([row(**cells)])], path)
    written = path.read_bytes()
    assert written.startswith(b'\xef\xbb\xbf"run_id","batch",')
    assert written.count(b"\n") == written.count(b"\r\n") == 2 and written.endswith(b"\r\n")
    line = written.decode().splitlines()[1]
    assert line.startswith('"run-1",,,"2026-11-21T09:30:00.123456+00:00",1,"하늘은 왜 파란가요?","","",0,1,')
    assert ',"\'=1",,,"eos",,"",,"none",' in line
    assert ",,7,,-0.5,1.5," in line


def test_no_rows_are_a_header(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    assert write_long_csv(list, path) == 0
    assert len(cells_of(path)) == 1
    assert list(read_long_csv(path)) == []


def test_half_a_character_is_a_question_mark(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    write_long_csv(lambda: [batch([row(text="가\ud83d나")])], path)
    assert next(read_long_csv(path))["text"] == "가?나"


WORDS = st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("'=+-@\t\r\n＝＋－＠\",\0"))


MADE = {
    "question": WORDS,
    "text": WORDS,
    "error": st.none() | WORDS.filter(bool),
    "tokens_out": st.none() | st.integers(-(2**63), 2**63 - 1),
    "tokens_per_second": st.none() | st.floats(allow_nan=False, allow_infinity=False),
}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(made=st.lists(st.fixed_dictionaries(MADE), max_size=4))
def test_any_rows_come_back(tmp_path: Path, made: list[dict[str, object]]) -> None:
    path = tmp_path / "long.csv"
    rows = [row(**cells) for cells in made]
    write_long_csv(lambda: in_pieces(rows, 3), path)
    assert list(read_long_csv(path)) == rows


EXTRAS: list[dict[str, Any] | None] = [
    {"search": {"sources": ["=하늘"]}},
    None,
    {"judging": -1},
    {"search": None, "votes": []},
]


def test_what_other_rooms_added_is_a_column_for_each_name(path: Path) -> None:
    rows = [row(run_id=f"{at}", extras=json.dumps(one) if one else None) for at, one in enumerate(EXTRAS)]
    assert write_long_csv(lambda: in_pieces(rows, 1), path) == 4
    header, *cells = cells_of(path)
    assert header[len(LONG_COLUMNS) :] == ["extras.search", "extras.judging", "extras.votes"]
    assert [line[len(LONG_COLUMNS) :] for line in cells] == [
        ['{"sources": ["=하늘"]}', "", ""],
        ["", "", ""],
        ["", "'-1", ""],
        ["null", "", "[]"],
    ]
