"""Batches: written down at once, counted as they go, hidden from the list until asked.

Run: python -m pytest tests/history
"""

from __future__ import annotations

from pathlib import Path

import pytest

from errors import NaraniError
from history.history import History
from history.records import BatchHead, HistoryFilter, RunHead, StoredAnswer, StoredState
from tests.history.history_house import NOON, answered, asked, found, keep, opened, states

HEAD = BatchHead("batch", "me", NOON, "서른 질문", ("가", "나"))


@pytest.fixture
def heads(history: History) -> list[RunHead]:
    planned = [asked(f"{count}번 질문", batch="batch") for count in range(3)]
    history.begin_batch(HEAD, planned)
    return planned


def counts(history: History) -> tuple[int, int, int, int]:
    batch = history.batch("me", "batch")
    assert batch is not None and batch.head == HEAD
    return batch.questions, batch.wanted, batch.done, batch.failed


def test_it_is_counted_as_it_goes(history: History, heads: list[RunHead]) -> None:
    assert counts(history) == (3, 6, 0, 0)
    keep(history, heads[0])
    assert counts(history) == (3, 6, 2, 0)
    history.begin(heads[1])
    history.store(heads[1].id, answered(heads[1], 0, state=StoredState.FAILED))
    assert counts(history) == (3, 6, 3, 1)
    history.begin_attempt(heads[1].id, 0, 2, heads[1].requests[0])
    assert counts(history) == (3, 6, 2, 0)
    history.store(heads[1].id, answered(heads[1], 0, attempt=2, state=StoredState.STOPPED))
    assert counts(history) == (3, 6, 3, 0)


def test_its_runs_come_in_order_without_what_was_not_begun(history: History, heads: list[RunHead]) -> None:
    keep(history, heads[2])
    runs = list(history.batch_runs("me", "batch"))
    assert [run.head for run in runs] == heads
    assert [len(run.answers) for run in runs] == [0, 0, 2]


def test_a_question_is_in_the_list_once_it_is_asked(history: History, heads: list[RunHead]) -> None:
    alone = keep(history, asked("혼자"))
    assert found(history) == [alone.id] and found(history, HistoryFilter(words="질문")) == []
    history.begin(heads[1])
    assert found(history) == [alone.id, heads[1].id]
    assert (
        found(history, HistoryFilter(batches=True))
        == found(history, HistoryFilter(words="질문"))
        == [heads[1].id]
    )
    assert found(history, HistoryFilter(batches=False)) == [alone.id]
    assert found(history, HistoryFilter(models=("가",), states=(StoredState.RUNNING,))) == [heads[1].id]


def test_the_first_answer_alone_puts_a_question_into_the_list(history: History, heads: list[RunHead]) -> None:
    history.store(heads[1].id, answered(heads[1], 1, "한라산입니다"))
    assert found(history) == found(history, HistoryFilter(words="질문")) == [heads[1].id]
    assert found(history, HistoryFilter(words="한라산")) == [heads[1].id]
    assert [len(run.answers) for run in history.batch_runs("me", "batch")] == [0, 1, 0]


def test_the_newest_batch_is_first(history: History, heads: list[RunHead]) -> None:
    history.begin_batch(BatchHead("later", "me", NOON, "나중", ("가",)), [asked(batch="later")])
    assert [batch.head.id for batch in history.batches("me")] == ["later", "batch"]


def test_an_interrupted_question_is_begun_again(
    history: History, heads: list[RunHead], tmp_path: Path
) -> None:
    history.begin(heads[0])
    history.store(heads[0].id, answered(heads[0], 1))
    history.close()
    again = opened(tmp_path)
    assert states(again, heads[0]) == [StoredState.INTERRUPTED, StoredState.DONE]
    assert counts(again) == (3, 6, 1, 0)
    again.begin(heads[0])
    assert states(again, heads[0]) == [StoredState.RUNNING, StoredState.DONE]
    again.close()


def test_a_batch_with_a_known_id_is_refused_whole(history: History, heads: list[RunHead]) -> None:
    with pytest.raises(NaraniError):
        history.begin_batch(HEAD, [asked(batch="batch")])
    assert counts(history) == (3, 6, 0, 0)


def test_its_stamp_is_another_whenever_its_answers_are(history: History, heads: list[RunHead]) -> None:
    """As many answers done are not the same answers: one may be asked again, or a question deleted."""
    seen: dict[tuple[int, ...], list[tuple[str, list[StoredAnswer]]]] = {}

    def look() -> None:
        batch = history.batch("me", "batch")
        assert batch is not None
        now = [(run.head.id, run.answers) for run in history.batch_runs("me", "batch")]
        shown = [(head, [answer for answer in answers if answer.answer]) for head, answers in now]
        assert seen.setdefault(batch.stamp, shown) == shown

    look()
    for head in heads:
        keep(history, head)
        look()
    for attempt in (2, 3):
        history.begin_attempt(heads[0].id, 0, attempt, heads[0].requests[0])
        look()
        history.store(heads[0].id, answered(heads[0], 0, f"{attempt}번째", attempt=attempt))
        look()
    for head in heads[1:]:
        history.delete("me", [head.id])
        look()
        history.restore("me", [head.id])
        look()
    assert len(seen) == 1 + len(heads) + 4 + 2
