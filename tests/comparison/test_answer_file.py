"""The answer file: exact cells, whole rows, one writer, full disk. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import csv
import io
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from comparison.answer_rows import COLUMNS, AnswerRow, decode, encode, encode_cells
from comparison.terminal.answer_file import HEADER, AnswerFile
from engines.base import Measures
from errors import BadEntry, BadRequest, NaraniError
from tests.comparison.answers_read import read_answers

ROW = AnswerRow(
    question_id="1",
    question="질문?",
    input="",
    system="",
    model="m",
    text="답",
    finish_reason="eos",
    error="",
    prompt="### 질문: 질문?",
    revision="",
    quantization="none",
    format="koalpaca",
    settings='{"temperature": 0.0}',
    attempt=1,
    measures=Measures(5, 1, None, 0.25, 0.5, -0.5, 1e-07),
    started="2026-01-01T00:00:00.000+00:00",
    ended="2026-01-01T00:00:01.000+00:00",
)

HOSTILE = (
    '=HYPERLINK("http://attacker/")',
    "+1",
    "-0.5",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "'quoted",
    "''twice",
    'say "so"',
    '"',
    "줄\n바꿈\r\n과 홀로 선 \r 하나",
    "NUL \0 inside",
    "🦊👩‍👩‍👧 각 e\u0301 각",
    "\u202eturned\u202c",
    "가" * 1_000_000,
    "",
    "a,b;c\td",
    " leading and trailing ",
)


def rows_of(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "out.csv"


def written(path: Path, *rows: AnswerRow) -> None:
    file = AnswerFile(path)
    for row in rows:
        file.append(row)
    file.close()


def test_hostile_texts_come_back_and_none_is_a_formula(path: Path) -> None:
    rows = [replace(ROW, question=f"q{at}", text=text) for at, text in enumerate(HOSTILE)]
    written(path, *rows)
    assert read_answers(path) == rows
    numbers = {"attempt", "tokens_in", "tokens_out"} | {name for name in COLUMNS if "second" in name}
    for cells in rows_of(path.read_bytes())[1:]:
        texts = [cell for name, cell in zip(COLUMNS, cells, strict=True) if name not in numbers]
        assert not [cell for cell in texts if cell[:1] in set("=+-@\t\r＝＋－＠")]


def test_the_bytes_a_spreadsheet_sees(path: Path) -> None:
    written(path, ROW)
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbf")
    assert data.count(b"\r\n") == data.count(b"\n") == 2
    assert b',-0.5,1e-07,"",' in data, "numbers stay numbers, what was not measured is empty"
    assert '"답"'.encode() in data


@given(st.text(), st.text(), st.text())
def test_any_text_comes_back(question: str, text: str, prompt: str) -> None:
    row = replace(ROW, question=question, text=text, prompt=prompt)
    (cells,) = rows_of(encode(row))
    assert decode(cells) == row


def test_the_newest_row_of_a_question_and_model_counts(path: Path) -> None:
    failed = replace(ROW, finish_reason="failed", error="broken", text="")
    other = replace(ROW, question="second?")
    again = replace(ROW, attempt=2)
    written(path, failed, other, again)
    assert read_answers(path) == [again, other]


def test_a_file_begun_before_there_was_some_measure_goes_on_without_it(path: Path) -> None:
    lacking = [name for name in COLUMNS if name != "tokens_per_second"]
    path.write_bytes("\ufeff".encode() + encode_cells(lacking))
    written(path, ROW, replace(ROW, question="b"))
    known = replace(ROW, measures=replace(ROW.measures, tokens_per_second=None))
    assert read_answers(path) == [known, replace(known, question="b")]
    assert {len(cells) for cells in rows_of(path.read_bytes())} == {len(COLUMNS) - 1}


def test_a_row_torn_at_any_byte_is_cut_and_said(path: Path) -> None:
    first, second = replace(ROW, text='"첫\r\n줄"'), replace(ROW, question="b", text='둘\r\n"째')
    written(path, first, second)
    whole = path.read_bytes()
    start = len(whole) - len(encode(second))
    for end in range(start + 1, len(whole)):
        path.write_bytes(whole[:end])
        file = AnswerFile(path)
        file.append(second)
        file.close()
        assert path.read_bytes() == whole, f"torn after {end - start} bytes"
        assert "half written" in file.notes[0]


def test_a_torn_header_is_written_again(path: Path) -> None:
    for end in range(0, len(HEADER), 11):
        path.write_bytes(HEADER[:end])
        written(path, ROW)
        assert path.read_bytes() == HEADER + encode(ROW)


def test_a_whole_file_is_not_cut(path: Path) -> None:
    written(path, ROW)
    before = path.read_bytes()
    file = AnswerFile(path)
    file.close()
    assert (file.notes, list(file.rows.values()), path.read_bytes()) == ([], [ROW], before)


@pytest.mark.parametrize(
    ("content", "error", "says"),
    [
        (b"a,b\r\n1,2\r\n", BadRequest, "was not written by this command"),
        (b"\xef\xbb\xbf" + b"x" * 1000, BadRequest, "was not written by this command"),
        (HEADER.replace(b"\r\n", b"\n") + b"x" * 400, BadRequest, "was changed since"),
        (HEADER + b'"1","2"\r\n', BadEntry, "line 2"),
        (HEADER + encode(ROW) + encode(ROW).replace(b",1,5,", b",one,5,"), BadEntry, "line 3"),
        (HEADER + encode(ROW).replace("답".encode(), b"\xff\xfe"), BadEntry, "line 2"),
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(
    path: Path, content: bytes, error: type[NaraniError], says: str
) -> None:
    path.write_bytes(content)
    with pytest.raises(error, match=says) as caught:
        AnswerFile(path)
    assert str(path) not in str(caught.value)
    assert path.read_bytes() == content


def test_a_second_writer_is_refused_until_the_first_is_gone(path: Path) -> None:
    first = AnswerFile(path)
    with pytest.raises(BadRequest, match="another batch"):
        AnswerFile(path)
    first.close()
    AnswerFile(path).close()


def test_what_is_no_regular_file_is_refused_in_words(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (tmp_path, fifo, Path("/dev/full")):
        with pytest.raises(BadRequest, match=f"'{path.name}' cannot be written: it is not a regular file"):
            AnswerFile(path)


def test_a_missing_folder_is_named_as_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in ("no", "file"):
        with pytest.raises(BadRequest, match=r"^The folder of 'out\.csv' does not exist\. Make it first\.$"):
            AnswerFile(tmp_path / folder / "out.csv")


@contextmanager
def no_file_beyond(limit: int) -> Iterator[None]:
    """A full disk, made without a disk. Only around the writing: the test runner writes files too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_loses_no_row_and_leaves_no_half_one(path: Path) -> None:
    limit = len(HEADER) + 2 * len(encode(ROW)) + 50
    file = AnswerFile(path)
    with no_file_beyond(limit):
        file.append(ROW)
        file.append(replace(ROW, question="b"))
        with pytest.raises(NaraniError, match=r"out.csv could not be written: File too large") as caught:
            file.append(replace(ROW, question="c"))
    assert str(path) not in str(caught.value)
    assert [row.question for row in read_answers(path)] == ["질문?", "b"]
    assert path.stat().st_size < limit, "what was half written is taken back"
    file.append(replace(ROW, question="c"))
    file.close()
    assert len(read_answers(path)) == 3, "it goes on once there is room again"
