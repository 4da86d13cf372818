"""The long CSV gives back what went in, and no spreadsheet runs a cell of it.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from comparison.csv_cells import rearm
from comparison.export.columns import DECIMAL, WHOLE
from comparison.export.long_csv import write_long_csv
from comparison.export.reading import read_long_csv
from errors import NaraniError
from history.records import FLAT_COLUMNS
from tests.comparison.export.flat_house import HOSTILE, batch, in_pieces, row

TEXTS = [name for name in FLAT_COLUMNS if name not in WHOLE | DECIMAL]
ROWS = [
    *(row(run_id=f"run-{at}", question=text, text=text, prompt=text) for at, text in enumerate(HOSTILE)),
    row(run_id="-dash", state="interrupted", finish_reason=None, error="=멈춤", ended=None, peak_bytes=None),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "long.csv"
    assert write_long_csv(in_pieces(ROWS, 5), path) == len(ROWS)
    return path


def cells_of(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, strict=True))


def as_text(rows: list[dict[str, Any]], name: str) -> list[str]:
    return ["" if row[name] is None else str(row[name]) for row in rows]


def test_python_reads_the_same_table(path: Path) -> None:
    header, *cells = cells_of(path)
    assert tuple(header) == FLAT_COLUMNS
    for name, column in zip(header, zip(*cells, strict=True), strict=True):
        if name in TEXTS:
            assert [rearm(cell) for cell in column] == as_text(ROWS, name)
        else:
            assert [float(cell) if cell else None for cell in column] == [row[name] for row in ROWS]


def test_pandas_reads_the_same_table(path: Path) -> None:
    table = pandas.read_csv(
        path, encoding="utf-8-sig", dtype=dict.fromkeys(TEXTS, str), keep_default_na=False
    )
    assert tuple(table.columns) == FLAT_COLUMNS
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
    write_long_csv([batch([row(**cells)])], path)
    written = path.read_bytes()
    assert written.startswith(b'\xef\xbb\xbf"run_id","batch",')
    assert written.count(b"\n") == written.count(b"\r\n") == 2 and written.endswith(b"\r\n")
    line = written.decode().splitlines()[1]
    assert line.startswith('"run-1",,,"2026-11-21T09:30:00.123456+00:00",1,"하늘은 왜 파란가요?","","",0,1,')
    assert ',"\'=1","eos",,"",,"none",' in line
    assert ",,7,,-0.5,1.5," in line


def test_no_rows_are_a_header(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    assert write_long_csv([], path) == 0
    assert len(cells_of(path)) == 1
    assert list(read_long_csv(path)) == []


def test_half_a_character_is_a_question_mark(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    write_long_csv([batch([row(text="가\ud83d나")])], path)
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
    write_long_csv(in_pieces(rows, 3), path)
    assert list(read_long_csv(path)) == rows


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "", "is empty"),
        (lambda text: "question,answer\r\n가,나\r\n", "not a long CSV that Narani exported"),
        (lambda text: text.replace('"batch",', "", 1), "not a long CSV that Narani exported"),
        (lambda text: text[: len(text) // 2], "line 2: not a row of an export"),
        (lambda text: text.replace(",7,", ",일곱,"), "line 4: not a row of an export"),
        (lambda text: text.replace(",7,", ",7,8,"), "line 4: not a row of an export"),
    ],
)
def test_a_file_that_is_not_ours_is_refused(tmp_path: Path, change: Any, says: str) -> None:
    path = tmp_path / "long.csv"
    write_long_csv([batch([row()])], path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    with pytest.raises(NaraniError, match=says) as caught:
        list(read_long_csv(path))
    assert str(tmp_path) not in str(caught.value)
