"""Question files as people have them, good and bad. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

import text_files
from comparison.questions import Question, read_questions
from errors import BadEntry, BadRequest, NaraniError

CSV = "id,질문,맥락\n가1,한글은 누가?,세종\n,둘째?,\n"
CSV_QUESTIONS = (Question("가1", "한글은 누가?", "세종"), Question("2", "둘째?"))


def read(tmp_path: Path, name: str, content: str | bytes, column: str | None = None) -> tuple[Question, ...]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_questions(path, column).questions


@pytest.mark.parametrize(
    ("name", "content", "questions"),
    [
        (
            "a.txt",
            "첫째?\n\n  둘째?  \r\n셋째?",
            [Question("1", "첫째?"), Question("2", "둘째?"), Question("3", "셋째?")],
        ),
        (
            "a.jsonl",
            '{"question": "가?"}\n\n{"question": "나?", "input": "글", "system": "말"}\n',
            [Question("1", "가?"), Question("2", "나?", "글", "말")],
        ),
        (
            "a.jsonl",
            '{"instruction": "가?", "context": null, "id": 7, "output": ["x"]}',
            [Question("7", "가?")],
        ),
        (
            "a.jsonl",
            '{"prompt": "두\\n줄"}\n{"질문": "다?", "맥락": "글"}',
            [Question("1", "두\n줄"), Question("2", "다?", "글")],
        ),
        ("a.csv", CSV, list(CSV_QUESTIONS)),
        ("a.csv", "지시문\t입력\t시스템\n가?\t글\t말\n", [Question("1", "가?", "글", "말")]),
        ("a.csv", "명령어,Context\n가?,글\n", [Question("1", "가?", "글")]),
        (
            "a.CSV",
            'question,n\n"두\n줄, ""쉼표""",1\n,\n끝?,2\n',
            [Question("1", '두\n줄, "쉼표"'), Question("2", "끝?")],
        ),
    ],
)
def test_kinds_of_files(tmp_path: Path, name: str, content: str, questions: list[Question]) -> None:
    assert list(read(tmp_path, name, content)) == questions


@pytest.mark.parametrize(
    ("encoding", "mark", "named", "noted"),
    [
        ("utf-8", b"", "utf-8", ""),
        ("utf-8", codecs.BOM_UTF8, "utf-8", ""),
        ("cp949", b"", "cp949", "CP949"),
        ("utf-16-le", codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
    ],
)
def test_encodings_are_recognized_and_said(
    tmp_path: Path, encoding: str, mark: bytes, named: str, noted: str
) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(mark + CSV.encode(encoding))
    file = read_questions(path)
    assert (file.questions, file.encoding) == (CSV_QUESTIONS, named)
    assert [note for note in file.notes if "read as" in note or "UTF-16" in note] == (
        [file.notes[0]] if noted else []
    )
    assert noted in " ".join(file.notes)


def test_a_column_may_be_named(tmp_path: Path) -> None:
    assert read(tmp_path, "a.csv", "question,물음\n아니,이것?\n", "물음") == (Question("1", "이것?"),)


def test_a_column_that_was_chosen_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("instruction\n가?\n", encoding="utf-8")
    assert read_questions(path).notes == ("Questions are read from the column 'instruction'.",)


@pytest.mark.parametrize(
    ("name", "content", "column", "says"),
    [
        ("a.txt", b"", None, "a.txt is empty"),
        ("a.txt", b"\n\n", None, "holds no questions"),
        ("a.csv", b"question\n", None, "holds no questions"),
        ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe\x80", None, "neither UTF-8"),
        ("a.txt", "가?\n나\0?\n".encode(), None, "line 2 holds a NUL"),
        ("a.txt", codecs.BOM_UTF16_LE + "가나".encode("utf-16-le")[:-1], None, "damaged"),
        ("a.md", b"x", None, "not a .jsonl, .csv or .txt"),
        ("a.jsonl", b'{"question": "a"}\n{"question": ', None, "a.jsonl, line 2: not a JSON object"),
        ("a.jsonl", b'["a"]', None, "line 1: not a JSON object"),
        ("a.jsonl", b"[" * 100_000, None, "line 1: not a JSON object"),
        ("a.jsonl", b"1" * 5000, None, "line 1: not a JSON object"),
        (
            "a.jsonl",
            b'{"question": "a"}\n{"question": " "}\n{"q": 1}',
            None,
            "line 2: 'question' is empty; line 3: no column",
        ),
        ("a.jsonl", b'{"question": ["a"]}', None, "line 1: 'question' is not text"),
        ("a.jsonl", b'{"question": "a", "input": 1.5}', None, "line 1: 'input' is not text"),
        ("a.jsonl", rb'{"question": "\ud83d"}', None, "line 1: 'question' holds half a character"),
        ("a.csv", b"a,b\n1,2\n", None, "no column 'question' or .* the columns are 'a', 'b'"),
        ("a.csv", b"a,b\n1,2\n", "c", "no column 'c'; the columns are 'a', 'b'"),
        ("a.csv", b"a\n" + b"1\n" * 9, None, "line 2, 3, 4, 5, 6 and 4 more: no column"),
        ("a.csv", b"question,b\nx,1\ny\n", None, "line 3: cells: 1, column names: 2"),
        ("a.csv", b"question,question\nx,1\n", None, "same name"),
        ("a.csv", b'question\n"open\n\n', None, "broken CSV"),
    ],
)
def test_what_cannot_be_read_is_named(
    tmp_path: Path, name: str, content: bytes, column: str | None, says: str
) -> None:
    with pytest.raises(NaraniError, match=says) as caught:
        read(tmp_path, name, content, column)
    assert str(tmp_path) not in str(caught.value)


def test_a_folder_and_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="is a folder"):
        read_questions(tmp_path)
    with pytest.raises(BadRequest, match="'gone.csv' cannot be read: No such file"):
        read_questions(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", ["a.txt", "a.jsonl", "a.csv"])
def test_an_endless_line_is_refused_before_it_is_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_files, "MAX_LINE", 1000)
    with pytest.raises(BadEntry, match="line 1 is longer than 1,000 characters"):
        read(tmp_path, name, "가" * 1001)
