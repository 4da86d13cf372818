"""`python -m finetune pairs`: what people found better becomes pairs that a training reads.

Run: python -m pytest tests/finetune/test_pairs_command.py
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engines.base import FinishReason
from finetune.cli import main
from finetune.data import read_labeled, read_pairs
from history.history import History
from history.records import BAD, GOOD, THIS_MACHINE, MarkChange, RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation, Turn
from tests.history.history_house import answered, asked, keep, opened

THREE = ("가", "나", "다")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def history(home: Path) -> Iterator[History]:
    made = opened(home)
    yield made
    made.close()


def better(history: History, head: RunHead, position: int) -> None:
    history.mark(THIS_MACHINE, head.id, position, MarkChange(better=True))


def made(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[dict[str, object]], str]:
    """The pairs, and what was said of them."""
    assert main(["pairs", *arguments]) == 0
    shown = capsys.readouterr()
    return [json.loads(line) for line in shown.out.splitlines()], shown.err


def head_of(*conversations: Conversation, question: str = "?") -> RunHead:
    head = asked(question, THREE[: len(conversations)], owner=THIS_MACHINE)
    requests = zip(head.requests, conversations, strict=True)
    return replace(head, requests=tuple(replace(request, conversation=one) for request, one in requests))


def test_the_better_answer_stands_against_each_that_stood_beside_it(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    head = keep(history, asked("수도는?", THREE, owner=THIS_MACHINE, input="한국"), "하나", "둘", "셋")
    keep(history, asked("표시 없음", owner=THIS_MACHINE), "하나", "둘")
    better(history, head, 1)
    rows, told = made(capsys, "--from-history")
    assert rows == [
        {"prompt": "수도는?", "input": "한국", "chosen": "둘", "rejected": rejected}
        for rejected in ("하나", "셋")
    ]
    assert told == "pairs: 2, questions: 1\n"


def test_what_is_no_pair_is_left_out_and_counted(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # the second gives the same pair once more
        better(history, keep(history, asked("수도는?", owner=THIS_MACHINE), "하나", "둘"), 0)
    better(history, keep(history, asked("같은가?", owner=THIS_MACHINE), "같다.", " 같다.\n"), 0)
    mixed = asked("셋?", (*THREE, "라"), owner=THIS_MACHINE)
    history.begin(mixed)
    history.store(mixed.id, answered(mixed, 0, "좋은 답"))
    history.store(mixed.id, answered(mixed, 1, "실패", state=StoredState.FAILED))
    history.store(mixed.id, answered(mixed, 2, "멈춤", state=StoredState.STOPPED))
    history.store(mixed.id, cut(mixed, 3))
    better(history, mixed, 0)
    cut_one = asked("끊긴 답?", owner=THIS_MACHINE)
    history.begin(cut_one)
    history.store(cut_one.id, cut(cut_one, 0))
    history.store(cut_one.id, answered(cut_one, 1, "온전한 답"))
    better(history, cut_one, 0)
    rows, told = made(capsys, "--from-history")
    assert rows == [{"prompt": "수도는?", "chosen": "하나", "rejected": "둘"}]
    assert "pairs: 1, questions: 1\nleft out: 4 (one of the two failed, was stopped or was cut)" in told
    assert "left out: 1 (both say the same)" in told
    assert "left out: 1 (the same pair was there already)" in told


def cut(head: RunHead, position: int) -> StoredAnswer:
    stored = answered(head, position, "끊긴 답")
    assert stored.answer is not None
    return replace(stored, answer=replace(stored.answer, finish_reason=FinishReason.LENGTH))


def test_answers_after_different_conversations_are_no_pair(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    same, other = (Conversation((Turn("처음?", answer=said), Turn("다음?"))) for said in ("예.", "아니요."))
    head = keep(history, head_of(same, same, other), "하나", "둘", "셋")
    better(history, head, 0)
    rows, told = made(capsys, "--from-history")
    assert len(rows) == 1 and "left out: 1 (they follow different conversations)" in told


def test_an_answer_asked_again_changes_no_pair(history: History, capsys: pytest.CaptureFixture[str]) -> None:
    head = keep(history, asked("수도는?", THREE, owner=THIS_MACHINE), "하나", "둘", "셋")
    better(history, head, 0)
    for position in (0, 1):
        history.begin_attempt(head.id, position, 2, head.requests[position])
        history.store(head.id, answered(head, position, "나중", attempt=2))
    rows, _ = made(capsys, "--from-history")
    assert [(row["chosen"], row["rejected"]) for row in rows] == [("하나", "둘"), ("하나", "셋")]


def test_somebody_else_s_marks_are_no_pairs_of_this_machine(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    head = keep(history, asked(), "하나", "둘")
    history.mark("me", head.id, 0, MarkChange(better=True, rating=GOOD))
    history.mark("me", head.id, 1, MarkChange(rating=BAD))
    assert main(["pairs", "--from-history", "--thumbs"]) == 2
    assert "No answer marked as good or bad" in capsys.readouterr().err
    assert main(["pairs", "--from-history"]) == 2
    assert "No pair of a better and a worse answer was found" in capsys.readouterr().err


def rate(history: History, head: RunHead, *ratings: str) -> None:
    for position, rating in enumerate(ratings):
        if rating:
            history.mark(head.owner, head.id, position, MarkChange(rating=rating))


def test_each_good_answer_stands_against_each_bad_one_to_the_same_question(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    head = keep(history, asked("수도는?", (*THREE, "라"), owner=THIS_MACHINE), "하나", "둘", "셋", "넷")
    rate(history, head, GOOD, BAD, "", BAD)
    better(history, head, 0)
    only = keep(history, asked("좋은 답만?", THREE[:2], owner=THIS_MACHINE), "하나", "둘")
    rate(history, only, GOOD, GOOD)
    contrary = keep(history, asked("거꾸로?", THREE[:2], owner=THIS_MACHINE), "하나", "둘")
    rate(history, contrary, BAD, GOOD)
    better(history, contrary, 0)
    rows, told = made(capsys, "--from-history")
    assert [(row["prompt"], row["chosen"], row["rejected"]) for row in rows] == [
        *(("수도는?", "하나", rejected) for rejected in ("둘", "셋", "넷")),
        ("거꾸로?", "하나", "둘"),
    ]
    assert told == "pairs: 4, questions: 2\nleft out: 1 (the other way round they were a pair already)\n"


def test_good_and_bad_answers_are_thumbs_that_a_training_reads(
    history: History, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = Conversation((Turn("처음?", "글", "예."), Turn("다음?")), "너는 돕는다.")
    rate(history, keep(history, head_of(talk, talk), "하나", "둘"), GOOD, BAD)
    head = asked("수도는?", THREE, owner=THIS_MACHINE, input="한국")
    history.begin(head)
    history.store(head.id, answered(head, 0, "서울"))
    history.store(head.id, answered(head, 1, "끊긴", state=StoredState.STOPPED))
    history.store(head.id, answered(head, 2, "서울\n"))
    rate(history, head, GOOD, BAD, BAD)
    better(history, keep(history, asked("표시만?", owner=THIS_MACHINE), "하나", "둘"), 0)
    assert main(["pairs", "--from-history", "--thumbs", "--out", "thumbs.jsonl"]) == 0
    assert capsys.readouterr().out == (
        "thumbs: 3, questions: 2\n"
        "left out: 1 (it was stopped or was cut)\n"
        "left out: 1 (the same answer to the same question was there already)\n"
    )
    read = read_labeled(["thumbs.jsonl"]).rows
    assert [(one.answer, one.good) for one in read] == [("하나", True), ("둘", False), ("서울", True)]
    assert read[2].conversation == head.requests[0].conversation
    assert [turn.answer for turn in read[0].conversation.turns] == ["예.", None]
    assert main(["pairs", "thumbs.jsonl", "--thumbs"]) == 2


def test_a_training_reads_the_file_with_its_conversations(
    history: History, home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = Conversation((Turn("혼자?", "읽을거리"),), "너는 돕는다.")
    talk = Conversation((Turn("처음?", "글", "예."), Turn("다음?", "또")), "너는 돕는다.")
    for conversation in (alone, talk):
        better(history, keep(history, head_of(conversation, conversation), "하나\n둘", "  셋"), 1)
    assert main(["pairs", "--from-history", "--out", "pairs.jsonl"]) == 0
    assert capsys.readouterr().out == "pairs: 2, questions: 2\n"
    one, several = read_pairs(["pairs.jsonl"]).rows
    assert one.conversation == alone
    told = Conversation((Turn("처음?\n\n글", answer="예."), Turn("다음?\n\n또")), "너는 돕는다.")
    assert several.conversation == told
    assert {(pair.chosen, pair.rejected) for pair in (one, several)} == {("  셋", "하나\n둘")}


ROWS = [
    {"question": "가?", "answer_a": "하나", "answer_b": "둘", "better": "b"},
    {"question": "가?", "answer_a": "하나", "answer_b": "둘", "better": "tie"},
    {"question": "나?", "answer_a": "셋", "answer_b": "넷", "better": "A", "system": "돕는다."},
]


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_file_of_two_answers_and_which_is_better(
    home: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if kind == "jsonl":
        text = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
    else:
        names = ["질문", "answer_a", "answer_b", "better", "system"]
        cells = [list(row.values()) + [""] * (5 - len(row)) for row in ROWS]
        text = "\n".join(",".join(line) for line in [names, *cells])
    (home / f"judged.{kind}").write_text(text, encoding="utf-8")
    rows, told = made(capsys, f"judged.{kind}")
    assert rows == [
        {"prompt": "가?", "chosen": "둘", "rejected": "하나"},
        {"prompt": "나?", "system": "돕는다.", "chosen": "셋", "rejected": "넷"},
    ]
    assert told == "pairs: 2, questions: 2\nleft out: 1 (neither was found better)\n"


@pytest.mark.parametrize(
    ("row", "says"),
    [
        (
            {"question": "가?", "answer_a": "하나", "better": "a"},
            "line 2: a row needs the columns",
        ),
        ({**ROWS[0], "question": " "}, "judged.jsonl, line 2: a row needs"),
        ({**ROWS[0], "better": "both"}, "judged.jsonl, line 2: 'both' does not tell which answer is better."),
    ],
)
def test_a_row_that_tells_no_comparison_is_named(
    home: Path, row: dict[str, str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [json.dumps(each) for each in (ROWS[0], row)]
    (home / "judged.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert main(["pairs", "judged.jsonl", "--out", "pairs.jsonl"]) == 2
    assert says in capsys.readouterr().err and not (home / "pairs.jsonl").exists()


@pytest.mark.parametrize(
    ("arguments", "says"), [((), "add --from-history"), (("nowhere.jsonl",), "nowhere.jsonl")]
)
def test_nothing_to_read_is_said(
    home: Path, arguments: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["pairs", *arguments]) == 2
    assert says in capsys.readouterr().err
