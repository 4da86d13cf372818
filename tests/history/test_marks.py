"""Marks on answers: one better a question, of the attempt that was read, the owner's alone, kept for good.

Run: python -m pytest tests/history/test_marks.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from errors import BadRequest
from history.history import History
from history.records import BETTER, MARK, RunHead, StoredState, mark_in
from tests.history.history_house import answered, asked, keep, opened

THREE = ("가", "나", "다")


def marks(history: History, head: RunHead) -> list[str]:
    """Of the newest attempts, by position."""
    stored = history.get(head.owner, head.id)
    assert stored is not None
    return [mark_in(each.answer.extras) if each.answer else "" for each in stored.answers]


def test_a_mark_moves_and_is_taken_away(history: History) -> None:
    head = keep(history, asked(models=THREE), "하나", "둘", "셋")
    assert history.mark("me", head.id, 1, True).keys() == {(1, 1)}
    assert marks(history, head) == ["", BETTER, ""]
    history.mark("me", head.id, 2, True)
    assert marks(history, head) == ["", "", BETTER]
    history.mark("me", head.id, 0, False)
    assert marks(history, head) == ["", "", BETTER]
    assert history.mark("me", head.id, 2, False) == {}
    assert marks(history, head) == ["", "", ""]


def test_what_else_an_answer_holds_stays(history: History) -> None:
    head = keep(history, asked(), extras={"search": {"sources": ["하늘"]}})
    history.mark("me", head.id, 0, True)
    history.mark("me", head.id, 1, True)
    stored = history.get("me", head.id)
    assert (
        stored is not None and stored.answers[0].answer is not None and stored.answers[1].answer is not None
    )
    assert stored.answers[0].answer.extras == {"search": {"sources": ["하늘"]}}
    mark = {"value": "better", "note": "", "over": [[0, 1]]}
    assert stored.answers[1].answer.extras == {"search": {"sources": ["하늘"]}, MARK: mark}


def test_an_answer_stored_again_with_its_score_keeps_the_mark_it_was_given_meanwhile(
    history: History,
) -> None:
    head = keep(history, asked(), "가")
    history.mark("me", head.id, 0, True)
    history.store(head.id, answered(head, 0, "가", extras={"scores": {"judge": 1.5}}))
    stored = history.get("me", head.id)
    assert stored is not None and stored.answers[0].answer is not None
    assert stored.answers[0].answer.extras["scores"] == {"judge": 1.5}
    assert marks(history, head)[0] == BETTER


def test_another_owner_s_answer_is_not_marked(history: History) -> None:
    head = keep(history, asked())
    keep(history, asked(owner="you"))
    for stranger in ("you", "nobody"):
        with pytest.raises(BadRequest):
            history.mark(stranger, head.id, 0, True)
    assert marks(history, head) == ["", ""]


def test_only_a_whole_answer_is_marked(history: History) -> None:
    head = asked(models=THREE)
    history.begin(head)
    history.store(head.id, answered(head, 0, state=StoredState.FAILED))
    history.store(head.id, answered(head, 1, state=StoredState.STOPPED))
    for position in (0, 1, 2, 3):
        with pytest.raises(BadRequest):
            history.mark("me", head.id, position, True)
    deleted = keep(history, asked())
    history.delete("me", [deleted.id])
    with pytest.raises(BadRequest):
        history.mark("me", deleted.id, 0, True)


def test_an_answer_asked_again_takes_no_mark_over_and_loses_none(history: History) -> None:
    head = keep(history, asked(), "처음", "다른 답")
    history.mark("me", head.id, 0, True)
    history.begin_attempt(head.id, 0, 2, head.requests[0])
    history.store(head.id, answered(head, 0, "두 번째", attempt=2))
    assert marks(history, head) == ["", ""]
    (flat,) = history.flat("me")
    held = [mark_in(json.loads(str(extras or "{}"))) for extras in flat["extras"]]
    assert list(zip(flat["text"], held, strict=True)) == [("처음", BETTER), ("두 번째", ""), ("다른 답", "")]
    assert history.mark("me", head.id, 1, True) == {
        (1, 1): {"value": BETTER, "note": "", "over": [[0, 2]]}
    }, "of all attempts only one is the better one"


def test_a_mark_is_there_when_the_history_is_opened_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    head = keep(first, asked())
    first.mark("me", head.id, 1, True)
    first.close()
    again = opened(tmp_path)
    assert marks(again, head) == ["", BETTER]
    again.close()
