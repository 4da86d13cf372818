"""The question sets that ship, and the other sources of a batch. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import os
import time
import unicodedata
from pathlib import Path

import pytest

from comparison.batch.results import holds
from comparison.question_sets import SETS, expected_answers, read_set
from comparison.question_source import PREVIEW_ROWS, QuestionSource, preview, without_repeats
from comparison.questions import Question, columns_of, read_questions
from comparison.uploads import Uploads
from errors import BadEntry, BadRequest


def test_every_file_is_a_set_and_every_set_a_file() -> None:
    folder = Path(__file__).parents[2] / "comparison" / "question_sets"
    assert sorted(path.stem for path in folder.glob("*.jsonl")) == sorted(SETS)


@pytest.mark.parametrize("set_id", SETS)
def test_a_set_is_whole(set_id: str) -> None:
    questions = read_set(set_id).questions
    assert 20 <= len(questions) <= 40
    texts = [text for one in questions for text in (one.id, one.text, one.input)]
    assert all(unicodedata.is_normalized("NFC", text) and text == text.strip() for text in texts)
    assert len({one.id for one in questions}) == len(questions)
    assert len({" ".join(one.text.split()) for one in questions}) == len(questions)
    assert all(one.id.startswith(f"{set_id}-") for one in questions)
    assert all(one.text.endswith((".", "?")) and len(one.text) >= 10 for one in questions)


def test_no_question_stands_in_two_sets() -> None:
    every = [one for set_id in SETS for one in read_set(set_id).questions]
    assert len(without_repeats(every)) == len(every)


def test_reasoning_has_inputs_and_expected_answers() -> None:
    found = read_set("reasoning")
    assert sum(bool(one.input) for one in found.questions) >= 5
    assert len(found.expected) >= 30
    assert all(expected.strip() for expected in found.expected.values())
    assert expected_answers()[found.questions[0].text, found.questions[0].input] == "55"


def test_a_question_does_not_give_a_number_that_is_expected_away() -> None:
    found = read_set("reasoning")
    numbers = [one for one in found.questions if found.expected.get(one.id, "").isdigit()]
    given_away = [one.id for one in numbers if holds(f"{one.text} {one.input}", found.expected[one.id])]
    assert given_away == ["reasoning-27"], "the one that lets choose among years"


@pytest.mark.parametrize(
    ("text", "expected", "is_held"),
    [
        ("답은 25,200원입니다.", "25200", True),
        ("답은 25200원", "25200", True),
        ("120개", "12", False),
        ("12.5개", "12", False),
        ("12.", "12", True),
        ("오후 15시", "5시", False),
        ("오후 5 시에", "5시", True),
        ("8시 40분 열차", "8시 40분", True),
        ("정답: 고양이", "고양이", True),
        ("\u1100\u1169양이", "고양이", True),
        ("", "55", False),
    ],
)
def test_when_an_answer_holds_what_is_expected(text: str, expected: str, is_held: bool) -> None:
    assert holds(text, expected) is is_held


def test_columns_to_choose_from(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("물음,설명,id\n가?,나,1\n", encoding="utf-8")
    (tmp_path / "a.jsonl").write_text('{"q": "가?"}\n{"q": "나?", "about": "글"}\n', encoding="utf-8")
    (tmp_path / "a.txt").write_text("가?\n", encoding="utf-8")
    assert columns_of(tmp_path / "a.csv") == ("물음", "설명", "id")
    assert columns_of(tmp_path / "a.jsonl") == ("q", "about")
    assert columns_of(tmp_path / "a.txt") == ()
    with pytest.raises(BadRequest, match="not a .jsonl"):
        columns_of(tmp_path / "a.md")


@pytest.mark.parametrize(
    ("column", "input_column", "question"),
    [
        (None, None, Question("7", "가?", "나")),
        (None, "", Question("7", "가?")),
        ("설명", "question", Question("7", "다", "가?")),
    ],
)
def test_the_column_of_the_inputs_may_be_named_or_left_out(
    tmp_path: Path, column: str | None, input_column: str | None, question: Question
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,question,input,설명\n7,가?,나,다\n", encoding="utf-8")
    assert read_questions(path, column, input_column).questions == (question,)


def test_a_preview_counts_what_would_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("".join(f"{at % 250}번은?\n" for at in range(300)), encoding="cp949")
    found = preview(QuestionSource("a", file=str(path)))
    assert (found.count, found.repeated, found.encoding) == (250, 50, "cp949")
    assert len(found.first) == PREVIEW_ROWS and found.first[0].text == "0번은?"


def test_pasted_lines_and_sets_are_sources_too() -> None:
    assert [one.text for one in QuestionSource("", lines=" 가?\n\n나? \r\n").read().questions] == [
        "가?",
        "나?",
    ]
    assert QuestionSource("", set_id="writing").read().questions == read_set("writing").questions
    with pytest.raises(BadRequest, match="no question"):
        QuestionSource("", lines=" \n ").read()


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("질문 1.csv", "질문 1.csv"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\a.jsonl", "a.jsonl"),
        ("...csv", "csv_"),
        ("a/..", "_"),
        ("a\0<b>.txt", "a__b_.txt"),
        ("가" * 300 + ".txt", "가" * 60 + ".txt"),
    ],
)
def test_an_upload_gets_a_safe_name_in_a_folder_of_its_own(tmp_path: Path, name: str, kept: str) -> None:
    uploads = Uploads(tmp_path / "uploads")
    path = uploads.keep(name, "가?\n".encode())
    assert path.name == kept and path.parent.parent == tmp_path / "uploads"
    assert path.read_text(encoding="utf-8") == "가?\n"
    assert uploads.keep(name, b"x") != path
    uploads.drop(path)
    assert not path.parent.exists()


def test_uploads_that_were_forgotten_go_and_nothing_else_is_dropped(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path / "uploads")
    old, other = uploads.keep("a.txt", b"x"), tmp_path / "mine" / "b" / "c.txt"
    other.parent.mkdir(parents=True)
    other.write_text("x")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(old.parent, (long_ago, long_ago))
    new = uploads.keep("b.txt", b"x")
    uploads.drop(other)
    assert not old.exists() and new.exists() and other.exists()


def test_a_disk_that_takes_no_upload_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "uploads").write_text("a file where a folder should be")
    with pytest.raises(BadRequest, match="could not be written down"):
        Uploads(tmp_path / "uploads").keep("a.txt", b"x")


def test_a_broken_upload_names_its_lines(tmp_path: Path) -> None:
    path = Uploads(tmp_path).keep("내 질문.csv", "question\n가?\n나,다\n".encode())
    with pytest.raises(BadEntry, match="내 질문.csv, line 3"):
        QuestionSource("", file=str(path)).read()
