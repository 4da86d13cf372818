"""Deleting hides, undoing shows, and after a while everything is gone.

Run: python -m pytest tests/history
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from errors import NaraniError
from history.history import History
from history.records import BatchHead, HistoryFilter
from tests.history.history_house import NOON, answered, asked, found, is_sound, keep, opened, texts


class Hands:
    """A clock that is turned by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def history(tmp_path: Path, hands: Hands) -> Iterator[History]:
    made = opened(tmp_path, clock=hands)
    yield made
    made.close()


def count(home: Path, table: str) -> int:
    with closing(sqlite3.connect(home / "narani.db")) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_deleted_is_hidden_everywhere_and_undone_exactly(history: History) -> None:
    kept, head = keep(history, asked("남는 것")), keep(history, asked("지울 것", models=("다",)))
    before = history.get("me", head.id)
    assert history.delete("me", [head.id, "nothing", head.id]) == 1
    assert history.delete("me", [head.id]) == 0
    assert history.get("me", head.id) is None and history.thread("me", head.id) == ()
    assert found(history) == [kept.id] and found(history, HistoryFilter(words="지울")) == []
    assert history.models("me") == ("가", "나")
    assert [batch["run_id"] for batch in history.flat("me")] == [[kept.id] * 2]
    assert list(history.flat("me", [head.id])) == []
    assert history.restore("me", [head.id, kept.id]) == 1
    assert history.get("me", head.id) == before and found(history, HistoryFilter(words="지울")) == [head.id]


def test_after_a_while_it_is_gone_for_good(history: History, hands: Hands, tmp_path: Path) -> None:
    kept, head = keep(history, asked("남는 은행")), keep(history, asked("지울 은행"), "금리", "이자")
    history.delete("me", [head.id])
    hands.now += 599
    history.begin(asked("사이에"))
    assert count(tmp_path, "runs") == 3
    hands.now += 61
    history.begin(asked("나중에"))
    assert count(tmp_path, "runs") == 3 and count(tmp_path, "answers") == 6
    assert history.restore("me", [head.id]) == 0
    assert (
        found(history, HistoryFilter(words="은행")) == [kept.id]
        and found(history, HistoryFilter(words="금리")) == []
    )
    with closing(sqlite3.connect(tmp_path / "narani.db")) as connection:
        left = connection.execute("SELECT count(*) FROM words WHERE words MATCH '금리 OR 이자'").fetchone()
    assert left == (0,), "its words are gone too"
    assert is_sound(tmp_path)


def test_it_is_gone_at_the_next_opening_too(tmp_path: Path) -> None:
    first = opened(tmp_path, undo_seconds=0)
    heads = [keep(first, asked(f"지울 것 {count}", models=("가",))) for count in range(230)]
    assert first.delete("me", [head.id for head in heads]) == 230
    first.close()
    opened(tmp_path, undo_seconds=0).close()
    assert count(tmp_path, "runs") == count(tmp_path, "answers") == 0


def test_an_answer_of_a_deleted_run_is_kept_while_it_can_be_undone(history: History, hands: Hands) -> None:
    head = asked(models=("가",))
    history.begin(head)
    history.delete("me", [head.id])
    history.store(head.id, answered(head, 0, "그래도 왔다"))
    history.restore("me", [head.id])
    assert texts(history, head) == ["그래도 왔다"]


def test_an_answer_for_a_run_that_is_gone_is_refused_and_holds_up_nothing(history: History) -> None:
    head = asked()
    with pytest.raises(NaraniError, match="deleted"):
        history.store(head.id, answered(head))
    assert history.status().unsaved == 0 and history.status().problem is None
    other = keep(history, asked())
    assert texts(history, other) == ["빛이 흩어져서요."] * 2


def test_a_batch_without_its_questions_is_gone(history: History, hands: Hands, tmp_path: Path) -> None:
    heads = [asked(f"{n}번", batch="batch") for n in range(2)]
    history.begin_batch(BatchHead("batch", "me", NOON, "묶음", ("가", "나")), heads)
    history.delete("me", [heads[0].id])
    (batch,) = history.batches("me")
    assert (batch.questions, batch.wanted) == (1, 2)
    history.delete("me", [heads[1].id])
    assert history.batches("me") == () and history.batch("me", "batch") is None
    hands.now += 1000
    history.begin(asked())
    assert count(tmp_path, "batches") == 0
