"""An exported file is a question file too: each question once, as it was asked.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

from comparison.answer_rows import COLUMNS, encode_cells
from comparison.export.making import ExportKind, make_export
from comparison.questions import Question, read_questions
from comparison.terminal.answer_file import HEADER
from errors import BadEntry
from tests.comparison.export.flat_house import in_pieces, row
from tests.comparison.export.test_export_files import NOW

ASKED = (("=1+1은?", "", ""), ("'따옴표'는?\r둘째 줄", "＝맥락", "-말투"), ("NUL\0은?", "", ""))
QUESTIONS = tuple(Question(str(at), *asked) for at, asked in enumerate(ASKED, start=1))


def rows() -> list[dict[str, Any]]:
    return [
        row(run_id=f"{turn}{at}", question=question, input=input, system=system, model=model, text="\0답")
        for turn in range(2)
        for at, (question, input, system) in enumerate(ASKED)
        for model in ("가", "나")
    ]


def exported(kind: ExportKind, folder: Path, made: list[dict[str, Any]]) -> Path:
    return make_export(kind, lambda: in_pieces(made, 3), folder, NOW, {})


@pytest.mark.parametrize("kind", [ExportKind.WIDE, ExportKind.LONG, ExportKind.JSONL])
def test_questions_come_back_once_and_armed(kind: ExportKind, tmp_path: Path) -> None:
    file = read_questions(exported(kind, tmp_path, rows()))
    assert file.questions == QUESTIONS
    assert file.notes == ()


@pytest.mark.parametrize("kind", [ExportKind.LONG, ExportKind.JSONL])
def test_a_question_within_a_conversation_is_left_out_and_that_is_said(
    kind: ExportKind, tmp_path: Path
) -> None:
    going_on = [row(run_id="z", previous="y", question="그건 왜요?", model=model) for model in ("가", "나")]
    file = read_questions(exported(kind, tmp_path, [*rows(), *going_on]))
    assert file.questions == QUESTIONS
    assert file.notes == ("Questions that go on with a conversation were left out: 1.",)


def test_answers_may_be_asked_as_questions(tmp_path: Path) -> None:
    path = exported(ExportKind.LONG, tmp_path, [row(text="=하나"), row(position=1, text="둘")])
    assert [question.text for question in read_questions(path, "text").questions] == ["=하나", "둘"]


def test_a_file_that_a_spreadsheet_saved_again_is_still_ours(tmp_path: Path) -> None:
    path = exported(ExportKind.LONG, tmp_path, rows())
    with path.open(encoding="utf-8-sig", newline="") as file:
        cells = list(csv.reader(file))
    with path.open("w", encoding="utf-16", newline="") as file:
        csv.writer(file).writerows(cells)
    assert read_questions(path).questions == QUESTIONS


def test_the_answer_file_of_a_batch_is_ours_too(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    line = ["1", "=1+1은?"] + [""] * (len(COLUMNS) - 2)
    path.write_bytes(HEADER + encode_cells(line) * 2)
    assert read_questions(path).questions == (Question("1", "=1+1은?"),)


def test_a_file_of_someone_else_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "own.csv"
    path.write_text("question\r\n'한글'이란?\r\n'한글'이란?\r\n", encoding="utf-8")
    assert [question.text for question in read_questions(path).questions] == ["'한글'이란?"] * 2
    path.write_text("question\r\nNUL\0\r\n", encoding="utf-8")
    with pytest.raises(BadEntry, match="line 2 holds a NUL"):
        read_questions(path)
