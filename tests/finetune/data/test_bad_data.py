"""Data that cannot be learned from is refused in one sentence that names file and line, or is left out.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

import text_files
from comparison.answer_rows import COLUMNS
from comparison.export.exported_questions import WIDE_COLUMNS
from errors import BadEntry, BadRequest, NaraniError
from finetune.data import json_rows, read_examples
from finetune.data.shapes import FieldColumns
from history.records import FLAT_COLUMNS
from tests.finetune.data.data_files import alpaca, array, lines, read, written

GOOD = {"instruction": "가?", "input": "", "output": "나"}
PREFERENCES = {"prompt": "가?", "chosen": "나", "rejected": "다"}
RANKED = {
    "prompt": "가?",
    "completion_0": "나",
    "completion_1": "다",
    "completion_2": "라",
    "ranking": [1, 0, 2],
}


def said(*speakers: str) -> dict[str, object]:
    return {"conversations": [{"from": speaker, "value": "말"} for speaker in speakers]}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "a is empty"),
        (b"\n \n", "nothing but empty lines"),
        (b"[]", "a holds no rows"),
        (b"question,answer\n", "a holds no rows"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xfe\x80", "neither UTF-8"),
        (b"\x1f\x8b\x08\0\0", r"is packed \(gzip\)"),
        (b"PK\x03\x04\0\0", r"is packed \(zip\)"),
        (b"PAR1\0\0\0\0PAR1", "damaged parquet"),
        (b'{"instruction": "\0"}\n', "line 1 holds a NUL"),
        ("그냥 글이에요.\n".encode(), "neither JSON nor a table"),
        (b"question\nwhat?\n", "neither JSON nor a table"),
        (b"a,b\n1,2\n", "not known as training data.*found: 'a', 'b'"),
        (lines({"text": "### 질문: 가?"}), "only a column 'text'.*take the form"),
        (lines(PREFERENCES), "preference data"),
        (array(RANKED), "preference data"),
        (lines({"prompt": "가?"}), "questions but none of answers.*found: 'prompt'"),
        (lines({**GOOD, "prompt": "x"}), "'instruction' and 'prompt' could both be the question"),
        (lines({"conversations": [], "messages": []}), "could both be the talk"),
        (
            ",".join(FLAT_COLUMNS) + "\n" + "x," * (len(FLAT_COLUMNS) - 1) + "x\n",
            "export of answers from Narani",
        ),
        (",".join(COLUMNS) + "\n" + "x," * (len(COLUMNS) - 1) + "x\n", "export of answers from Narani"),
        (",".join((*WIDE_COLUMNS, "demo")) + "\na,b,c,d,e,f\n", "export of answers from Narani"),
        (b"question,question,answer\na,b,c\n", "two columns have the same name"),
        (b'question,answer\n"open,\n\n', "broken CSV"),
        ('[{"instruction": "a", "output": "b"} {', "after row 1 there is neither a comma"),
        ('[{"instruction": "a", "output": "b"}', "after row 1 there is neither a comma"),
        ('[{"instruction": "a", "outp', r"row 1 \(line 1\) is not a JSON object, or the file breaks off"),
        ('[{"instruction": "a", "output": "b"},\n{"x": }]', r"line 2: row 2 \(line 2\) is not a JSON object"),
        ('[{"instruction": "a", "output": "b"}] x', "more text follows the array"),
        ("[" * 100_000, "is not a JSON object|nested too deeply"),
    ],
)
@pytest.mark.parametrize("skip_bad", [False, True])
def test_a_file_that_is_no_data_is_refused(
    tmp_path: Path, content: str | bytes, says: str, skip_bad: bool
) -> None:
    with pytest.raises(NaraniError, match=says) as caught:
        read(tmp_path, "a", content, skip_bad)
    sentence = str(caught.value)
    assert sentence.startswith("a") or "'a'" in sentence
    assert str(tmp_path) not in sentence and sentence.endswith(".") and "\n" not in sentence


BAD_ROWS = [
    ({"instruction": "가?", "output": " "}, "'output' is empty"),
    ({"instruction": "", "output": "나"}, "'instruction' is empty"),
    ({"instruction": None, "output": "나"}, "'instruction' is empty"),
    ({"instruction": ["가?"], "output": "나"}, "'instruction' is not text"),
    ({"instruction": "가?", "output": 1.5}, "'output' is not text"),
    ({"instruction": "가?", "output": True}, "'output' is not text"),
    ({"instruction": "가\ud83d?", "output": "나"}, "'instruction' holds half a character"),
    (
        said("human", "gpt"),
        r"holds 'conversations', but the file began with rows of another shape \(alpaca\)",
    ),
    ({"question": "가?", "answer": "나"}, "another shape"),
    ({"instruction": "가?", "answer": "나"}, "another shape"),
    ({"x": 1}, "holds 'x', but the file began"),
    ({}, "holds no columns"),
]


@pytest.mark.parametrize(("row", "says"), BAD_ROWS)
def test_a_bad_row_is_named_by_its_line(tmp_path: Path, row: dict[str, object], says: str) -> None:
    content = (
        lines(GOOD).encode()
        + b"\n"
        + re.sub(r"\n$", "", _escaped(row)).encode()
        + b"\n"
        + lines(GOOD).encode()
    )
    with pytest.raises(BadEntry, match=rf"^a\.jsonl, line 3: .*{says}") as caught:
        read(tmp_path, "a.jsonl", content)
    assert caught.value.facts["file"] == "a.jsonl"
    assert "--skip-bad" in str(caught.value)
    found = read(tmp_path, "a.jsonl", content, skip_bad=True)
    assert [example.source for example in found.rows] == ["a.jsonl, line 1", "a.jsonl, line 4"]
    assert found.files[0].bad == 1 and found.files[0].empty_answers == ("'output' is empty" in says)
    assert re.search(rf"1 bad row was left out: line 3: .*{says}", found.notes[-1])


def _escaped(row: dict[str, object]) -> str:
    import json

    return json.dumps(row)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (said("human", "alien"), "it is not known who speaks as 'alien'"),
        (said("human", "human", "gpt"), "the person speaks twice in a row"),
        (said("human", "gpt", "gpt"), "the model speaks twice in a row"),
        (said("human", "gpt", "system", "gpt"), "a system text stands in the middle"),
        (said("human"), "no question in it is answered"),
        (said("gpt"), "no question in it is answered"),
        (said("system"), "no question in it is answered"),
        ({"conversations": []}, "'conversations' is not a list of turns"),
        ({"conversations": "가?"}, "'conversations' is not a list of turns"),
        ({"conversations": ["가?"]}, "'conversations' is not a list of turns"),
        ({"conversations": [{"from": "human", "value": None}]}, "a turn has no text"),
        (
            {"conversations": [{"from": "human", "value": "가"}, {"from": "gpt", "value": ""}]},
            "an answer .* is empty",
        ),
        (
            {"conversations": [{"from": "human", "value": ""}, {"from": "gpt", "value": "나"}]},
            "a question .* is empty",
        ),
        ({"conversations": [{"value": "가"}]}, "a turn does not say who speaks"),
        ({**said("system", "human", "gpt"), "system": "또"}, "it has a system text in a column and another"),
    ],
)
def test_a_bad_talk_is_named(tmp_path: Path, row: dict[str, object], says: str) -> None:
    with pytest.raises(BadEntry, match=rf"^a\.json, row 2 \(line 1\): {says}"):
        read(tmp_path, "a.json", array(said("human", "gpt"), row))


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (lines(GOOD) + "{broken\n", "line 2: not a JSON object"),
        (lines(GOOD) + "[1]\n", "line 2: not a JSON object"),
        (array(GOOD, 5, GOOD), r"row 2 \(line 1\): not a JSON object"),
        ('question,answer\n"a\nb",c\nd\n', "line 4: cells: 1, column names: 2"),
        ("<사람>: 가?\n<챗봇>: 나\n\n<사람>: 다?\n", "line 4: no question in it is answered"),
        ("<<start conversation>>\n말\n<사람>: 가?\n<챗봇>: 나\n", "line 2: begins neither with"),
    ],
)
def test_what_cannot_even_be_cut_into_columns_is_named_too(tmp_path: Path, content: str, at: str) -> None:
    with pytest.raises(BadEntry, match=rf"^a, {at}"):
        read(tmp_path, "a", content)


def test_only_the_first_bad_rows_are_named_and_all_are_counted(tmp_path: Path) -> None:
    empty = {"instruction": "가?", "output": ""}
    found = read(tmp_path, "a.jsonl", lines(GOOD, *[empty] * 7), skip_bad=True)
    assert (found.files[0].bad, found.files[0].empty_answers, len(found.faults)) == (7, 7, 5)
    assert found.notes[0].startswith("a.jsonl: 7 bad rows were left out: line 2: 'output' is empty; line 3:")
    assert found.notes[0].endswith("; and 2 more.")
    with pytest.raises(BadEntry, match="a.jsonl: none of its rows can be used: line 1: 'output' is empty"):
        read(tmp_path, "a.jsonl", lines(empty), skip_bad=True)


@pytest.mark.parametrize(
    "content",
    [
        lines({"instruction": "가", "output": "나" * 2000}),
        array({"instruction": "가", "output": "나" * 5000}),
        "question,answer\n가," + "나" * 2000,
    ],
)
def test_an_endless_line_is_refused_before_it_fills_the_memory(
    tmp_path: Path, content: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (text_files, json_rows):
        monkeypatch.setattr(module, "MAX_LINE", 1000)
    monkeypatch.setattr(json_rows, "_PIECE", 64)
    with pytest.raises(BadEntry, match="is longer than 1,000 characters"):
        read(tmp_path, "a", content)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (lambda folder: str(folder), "is a folder. Name the files in it"),
        (lambda folder: f"{folder}*2", "is a folder"),
        (lambda folder: str(folder / "gone.jsonl"), "There is no file 'gone.jsonl'"),
        (lambda folder: str(folder / "gone"), "There is no file 'gone'"),
        (lambda folder: "owner/gone.jsonl", "There is no file 'gone.jsonl'"),
        (lambda folder: "/dev/null", "'null' is not a regular file"),
        (lambda folder: written(folder, "a.jsonl", lines(GOOD)) + "*0", "above 0 and at most 100"),
        (lambda folder: written(folder, "a.jsonl", lines(GOOD)) + "*1.2.3", "above 0 and at most 100"),
        (lambda folder: written(folder, "a.jsonl", lines(GOOD)) + "*101", "above 0 and at most 100"),
    ],
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: Callable[[Path], str], says: str) -> None:
    with pytest.raises(BadRequest, match=says) as caught:
        read_examples([name(tmp_path)])
    assert caught.value.category == "bad-request"


def test_no_data_and_the_same_data_twice(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl", lines(*alpaca(2)))
    with pytest.raises(BadRequest, match="No data is named"):
        read_examples([])
    with pytest.raises(BadRequest, match=r"'a.jsonl' is named twice. To count it twice"):
        read_examples([path, f"{tmp_path}/./a.jsonl*2"])


def test_no_two_uses_share_a_column_name() -> None:
    from finetune.data.shapes import NAMES

    every = [name for names in NAMES.values() for name in names]
    assert len(every) == len(set(every))
    assert set(NAMES) == {field.name for field in fields(FieldColumns)}
