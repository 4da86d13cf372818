"""An id is not permission: another's runs are as if they were not.

Run: python -m pytest tests/history
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from history.history import History
from history.records import BatchHead, HistoryFilter, RunHead
from tests.history.history_house import NOON, asked, found, keep, texts

LOOKS: dict[str, Callable[[History, str, str], Any]] = {
    "get": lambda history, who, run: history.get(who, run),
    "thread": lambda history, who, run: history.thread(who, run),
    "page": lambda history, who, run: history.page(who).runs,
    "words": lambda history, who, run: history.page(who, HistoryFilter(words="하늘")).runs,
    "punctuation": lambda history, who, run: history.page(who, HistoryFilter(words="?")).runs,
    "models": lambda history, who, run: history.models(who),
    "batches": lambda history, who, run: history.batches(who),
    "batch": lambda history, who, run: history.batch(who, "batch"),
    "batch_runs": lambda history, who, run: list(history.batch_runs(who, "batch")),
    "flat": lambda history, who, run: list(history.flat(who)),
    "flat of ids": lambda history, who, run: list(history.flat(who, [run])),
    "preferences": lambda history, who, run: history.preferences(who),
    "delete": lambda history, who, run: history.delete(who, [run]),
}


@pytest.fixture
def mine(history: History) -> RunHead:
    head = asked(batch="batch")
    history.begin_batch(BatchHead("batch", "me", NOON, "묶음", ("가", "나")), [head])
    history.prefer("me", seed=1)
    return keep(history, head)


@pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)
@pytest.mark.parametrize("known", [False, True], ids=["stranger", "neighbor"])
def test_nobody_else_sees_it(
    history: History, mine: RunHead, look: Callable[[History, str, str], Any], known: bool
) -> None:
    assert look(history, "me", mine.id)
    if look is not LOOKS["delete"] and known:
        history.prefer("you", x=None)  # makes them known, and sets nothing
    assert not look(history, "you", mine.id)


def test_nobody_else_deletes_or_restores(history: History, mine: RunHead) -> None:
    keep(history, asked("내 것", owner="you"))
    assert history.delete("you", [mine.id]) == 0 and found(history) == [mine.id]
    assert history.delete("me", [mine.id]) == 1 and history.restore("you", [mine.id]) == 0
    assert found(history) == []


def test_nobody_begins_anothers_run_anew(history: History, mine: RunHead) -> None:
    history.begin(replace(asked("바꿔치기"), id=mine.id, owner="you"))
    kept = history.get("me", mine.id)
    assert kept is not None and kept.head == mine and texts(history, mine) == ["빛이 흩어져서요."] * 2
    assert found(history, HistoryFilter(words="하늘")) == [mine.id]
    assert history.get("you", mine.id) is None


def test_a_conversation_does_not_go_on_into_anothers(history: History, mine: RunHead) -> None:
    theirs = keep(history, asked("이어서", owner="you", previous=mine.id))
    assert [run.head.id for run in history.thread("you", theirs.id)] == [theirs.id]


@pytest.mark.parametrize("owner", ["", "me' OR 1=1 --", "%", "ME", "me ", "나", "x" * 150])
def test_a_name_is_only_itself(history: History, mine: RunHead, owner: str) -> None:
    assert found(history, owner=owner) == []
    head = keep(history, asked(owner=owner))
    assert found(history, owner=owner) == [head.id] and found(history) == [mine.id]


def test_what_one_owner_has_becomes_another_s_whole_and_once(history: History, mine: RunHead) -> None:
    history.begin_batch(BatchHead("other", "me", NOON, "묶음", ("가",)), [asked("묶인 질문", batch="other")])
    hidden = keep(history, asked("지운 질문"))
    history.delete("me", [hidden.id])
    own = keep(history, asked("바다는 왜 파란가요?", owner="machine"))
    history.prefer("me", seed=1, language="en", theme="dark")
    history.prefer("machine", language="ko")
    for _ in range(2):
        history.hand_over("me", "machine")
    for look in (each for name, each in LOOKS.items() if name != "delete"):
        assert not look(history, "me", mine.id)
        assert look(history, "machine", mine.id)
    assert [run.head.id for run in history.page("machine").runs] == [own.id, mine.id]
    assert [run.head.id for run in history.page("machine", HistoryFilter(words="하늘")).runs] == [mine.id]
    assert [run.head.id for run in history.page("machine", HistoryFilter(words="파란가요")).runs] == [
        own.id,
        mine.id,
    ]
    assert {batch.head.id for batch in history.batches("machine")} == {"batch", "other"}
    assert history.preferences("machine") == {"seed": 1, "language": "ko", "theme": "dark"}
    assert history.restore("machine", [hidden.id]) == 1
    assert history.delete("machine", [mine.id, own.id, hidden.id]) == 3


def test_an_owner_of_nothing_yet_takes_everything_over(history: History, mine: RunHead) -> None:
    history.hand_over("nobody", "machine")
    history.hand_over("me", "machine")
    assert found(history, owner="machine") == [mine.id] and found(history) == []
    assert history.preferences("machine") == {"seed": 1}
    keep(history, asked("새 질문", owner="me"))
    assert len(found(history)) == 1, "whoever comes by that name later is somebody else"
