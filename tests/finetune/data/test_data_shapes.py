"""Every published shape of training data becomes the conversations it stands for, by content alone.

Run: python -m pytest tests/finetune/data
"""

from __future__ import annotations

import codecs
import hashlib
import json
from pathlib import Path

import pyarrow
import pyarrow.parquet
import pytest

from finetune.data import json_rows, read_examples
from finetune.data.shapes import TITLES
from prompts.conversation import Conversation, Turn
from tests.finetune.data.data_files import alpaca, array, asked, lines, read, talk, written

GA, NA = asked("가?", "나"), asked("다?", "라", "글")
ALPACA = (
    {"instruction": "가?", "input": "", "output": "나"},
    {"instruction": "다?", "input": "글", "output": "라"},
)
SHAREGPT = (
    {
        "id": "abc_0",
        "conversations": [
            {"from": "human", "value": "가?", "markdown": None, "text": None},
            {"from": "gpt", "value": "나", "markdown": None, "text": None},
            {"from": "human", "value": "다?", "markdown": None, "text": None},
            {"from": "gpt", "value": "라", "markdown": None, "text": None},
        ],
    },
    {"id": "abc_1", "conversations": [{"from": "user", "text": "가?"}, {"from": "bot", "markdown": "나"}]},
)
SHAREGPT_READ = [talk("가?", "나", "다?", "라"), GA]
MESSAGES = {
    "messages": [
        {"role": "system", "content": "짧게"},
        {"role": "user", "content": "가?"},
        {"role": "assistant", "content": "나"},
    ]
}
KULLM_V2 = {"id": "alpaca_0", "instruction": "다?", "input": "글", "output": "라"}
KOALPACA = {"instruction": "가?", "output": "나", "url": "https://example.org/1"}
EVALUATION = {
    "id": "user_oriented_task_0",
    "motivation_app": "Grammarly",
    "instruction": "다?",
    "instances": [{"input": "글", "output": "라"}, {"input": "", "output": "마"}],
}
KOCHATGPT = (
    {"prompt": "가?", "completion": "'나", "tokens": 3},
    {"prompt": "다?", "completion": "라", "tokens": 2},
)
TALK_TEXT = (
    "<<start conversation>>\n<사람>: 가?\n<챗봇>: 나\n<사람>: 다?\n<챗봇>: 라\n둘째 줄\n\n"
    "<사람>: 마?\n<챗봇>: 바\n"
)
TURNS = {
    "id": "fact-1",
    "topic": "facts",
    "turns": [{"question": "다?", "input": "글", "answer": "라", "banmal": "-"}],
}


@pytest.mark.parametrize(
    ("name", "content", "shape", "conversations"),
    [
        ("ko_alpaca_data.json", array(*ALPACA, indent=2), "alpaca", [GA, NA]),
        ("a.jsonl", lines(*ALPACA), "alpaca", [GA, NA]),
        ("a.jsonl", array(*ALPACA), "alpaca", [GA, NA]),
        ("a.txt", "\n" + lines(*ALPACA), "alpaca", [GA, NA]),
        ("a.csv", "instruction,input,output\n가?,,나\n다?,글,라\n", "alpaca", [GA, NA]),
        ("KoAlpaca_v1.1.jsonl", lines(KOALPACA), "koalpaca-1.1", [GA]),
        ("kullm-v2.jsonl", lines(KULLM_V2), "kullm-v2", [NA]),
        ("eval.jsonl", lines(EVALUATION), "kullm-evaluation", [NA, asked("다?", "마")]),
        ("ko_dataset_2.json", array(*SHAREGPT), "sharegpt", SHAREGPT_READ),
        ("chat.jsonl", lines(MESSAGES), "messages", [asked("가?", "나", system="짧게")]),
        ("kochatgpt_1_SFT.jsonl", array(*KOCHATGPT), "kochatgpt-sft", [GA, asked("다?", "라")]),
        (
            "kochatgpt_1_SFT_conversation.jsonl",
            TALK_TEXT,
            "kochatgpt-talk",
            [talk("가?", "나", "다?", "라\n둘째 줄"), asked("마?", "바")],
        ),
        ("a.csv", "질문,답변\n가?,나\n", "question-answer", [GA]),
        ("a.csv", '﻿질문 ,답변\n가?,"나\n둘, ""셋"""\n', "question-answer", [asked("가?", '나\n둘, "셋"')]),
        ("a.tsv", "Question\tAnswer\n가?\t나\n", "question-answer", [GA]),
        ("a.jsonl", lines({"명령어": "다?", "맥락": "글", "응답": "라"}), "question-answer", [NA]),
        ("a.jsonl", lines({"prompt": "가?", "response": 7}), "question-answer", [asked("가?", "7")]),
        ("demo.jsonl", lines(TURNS), "turns", [NA]),
    ],
)
def test_a_shape_is_known_by_its_content(
    tmp_path: Path, name: str, content: str, shape: str, conversations: list[Conversation]
) -> None:
    found = read(tmp_path, name, content)
    assert [row.conversation for row in found.rows] == conversations
    assert (found.files[0].shape, found.files[0].name, found.files[0].bad) == (shape, name, 0)
    assert shape in TITLES
    assert found.files[0].sha256 == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(("rows", "read_as"), [(ALPACA, [GA, NA]), (SHAREGPT[:1], SHAREGPT_READ[:1])])
def test_parquet_is_read_as_the_same_rows(
    tmp_path: Path, rows: list[object], read_as: list[Conversation]
) -> None:
    path = tmp_path / "train-00000-of-00001.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), path)
    found = read_examples([str(path)])
    assert [row.conversation for row in found.rows] == read_as
    assert found.files[0].sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert found.rows[0].source == "train-00000-of-00001.parquet, row 1"


@pytest.mark.parametrize(
    ("encoding", "mark", "noted"),
    [
        ("utf-8", codecs.BOM_UTF8, ""),
        ("utf-16-le", codecs.BOM_UTF16_LE, "UTF-16"),
        ("utf-16-be", codecs.BOM_UTF16_BE, "UTF-16"),
        ("cp949", b"", "CP949"),
    ],
)
@pytest.mark.parametrize("content", [array(*ALPACA), lines(*ALPACA), "질문,답변,맥락\n가?,나,\n다?,라,글\n"])
def test_every_encoding_gives_the_same_rows(
    tmp_path: Path, encoding: str, mark: bytes, noted: str, content: str
) -> None:
    found = read(tmp_path, "a", mark + content.encode(encoding))
    assert [row.conversation for row in found.rows] == [GA, NA]
    assert noted in " ".join(found.notes) and bool(noted) == bool(found.notes)
    assert found.files[0].sha256 == hashlib.sha256((tmp_path / "a").read_bytes()).hexdigest()


def test_what_is_taken_away_is_counted(tmp_path: Path) -> None:
    rows = [
        {"conversations": [{"from": "gpt", "value": "앞"}, *SHAREGPT[1]["conversations"]]},
        {"conversations": [*SHAREGPT[1]["conversations"], {"from": "human", "value": "뒤?"}], "note": 1},
    ]
    found = read(tmp_path, "a.jsonl", lines(*rows))
    assert [row.conversation for row in found.rows] == [GA, GA]
    assert "1 conversations begin with an answer" in found.notes[0]
    assert "1 conversations end with a question" in found.notes[1]
    assert "nothing is made of the columns 'note'" in found.notes[2]


def test_only_a_quote_that_is_never_closed_is_stray(tmp_path: Path) -> None:
    answers = ["'나", "'나'라고 해요", "나's"]
    rows = [{"prompt": "가?", "completion": answer, "tokens": 1} for answer in answers]
    found = read(tmp_path, "a.json", array(*rows))
    assert [row.conversation.turns[0].answer for row in found.rows] == ["나", "'나'라고 해요", "나's"]
    assert found.notes == ("a.json: a stray ' at the beginning of 1 answers was taken away.",)


def test_a_long_array_is_read_a_piece_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [*alpaca(300), {"instruction": "긴?", "output": "답" * 5000}, *alpaca(3)]
    whole = [asked(str(row["instruction"]), str(row["output"])) for row in rows]
    for piece in (1, 7, 100, 2**16):
        monkeypatch.setattr(json_rows, "_PIECE", piece)
        found = read(tmp_path, "a.json", array(*rows, indent=1))
        assert [row.conversation for row in found.rows] == whole
    content = (tmp_path / "a.json").read_text(encoding="utf-8")
    line = content[: content.index('{\n  "instruction": "긴')].count("\n") + 1
    assert found.rows[300].source == f"a.json, row 301 (line {line})"


def test_rows_may_lack_an_input_and_their_order_stays(tmp_path: Path) -> None:
    first, second = (
        written(tmp_path, "b.jsonl", lines(*ALPACA, KOALPACA)),
        written(tmp_path, "a.json", array(MESSAGES)),
    )
    found = read_examples([first, second])
    assert [row.source for row in found.rows] == [
        "b.jsonl, line 1",
        "b.jsonl, line 2",
        "b.jsonl, line 3",
        "a.json, row 1 (line 1)",
    ]
    assert [file.shape for file in found.files] == ["alpaca", "messages"]


def test_the_set_that_ships_is_read_whole() -> None:
    path = Path(__file__).parents[3] / "model_registry" / "demo" / "questions.jsonl"
    found = read_examples([str(path)])
    rows = [json.loads(line)["turns"] for line in path.read_text(encoding="utf-8").splitlines()]
    turns = [tuple(Turn(one["question"], one["input"], one["answer"]) for one in row) for row in rows]
    assert [row.conversation.turns for row in found.rows] == turns
