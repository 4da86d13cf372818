"""Marks on answers: one better a question, good or bad and a note each, of the attempt that was read, the
owner's alone, kept for good and found by.

Run: python -m pytest tests/history/test_marks.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from errors import BadRequest
from history.history import History
from history.records import (
    BAD,
    BETTER,
    GOOD,
    LONGEST_NOTE,
    MARK,
    HistoryFilter,
    MarkChange,
    Marked,
    Marks,
    RunHead,
    StoredState,
    mark_of,
)
from tests.history.history_house import answered, asked, found, keep, opened

THREE = ("가", "나", "다")


def marks(history: History, head: RunHead) -> list[str]:
    """Of the newest attempts, by position."""
    stored = history.get(head.owner, head.id)
    assert stored is not None
    return [mark_of(each.answer.extras).values if each.answer else "" for each in stored.answers]


def better(history: History, head: RunHead, position: int, better: bool = True) -> Marks:
    return history.mark(head.owner, head.id, position, MarkChange(better=better))


def test_a_mark_moves_and_is_taken_away(history: History) -> None:
    head = keep(history, asked(models=THREE), "하나", "둘", "셋")
    assert better(history, head, 1).keys() == {(1, 1)}
    assert marks(history, head) == ["", BETTER, ""]
    better(history, head, 2)
    assert marks(history, head) == ["", "", BETTER]
    better(history, head, 0, False)
    assert marks(history, head) == ["", "", BETTER]
    assert better(history, head, 2, False) == {}
    assert marks(history, head) == ["", "", ""]


def test_what_else_an_answer_holds_stays(history: History) -> None:
    head = keep(history, asked(), extras={"search": {"sources": ["하늘"]}})
    better(history, head, 0)
    better(history, head, 1)
    stored = history.get("me", head.id)
    assert (
        stored is not None and stored.answers[0].answer is not None and stored.answers[1].answer is not None
    )
    assert stored.answers[0].answer.extras == {"search": {"sources": ["하늘"]}}
    extras = dict(stored.answers[1].answer.extras)
    mark = mark_of(extras)
    assert mark.over == ((0, 1),) and mark.by == "me" and mark.at.startswith("20")
    assert extras == {"search": {"sources": ["하늘"]}, MARK: mark.as_json()}


def test_an_answer_stored_again_with_its_score_keeps_the_mark_it_was_given_meanwhile(
    history: History,
) -> None:
    head = keep(history, asked(), "가")
    better(history, head, 0)
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
            history.mark(stranger, head.id, 0, MarkChange(rating=GOOD))
    assert marks(history, head) == ["", ""]


def test_only_a_whole_answer_is_marked(history: History) -> None:
    head = asked(models=THREE)
    history.begin(head)
    history.store(head.id, answered(head, 0, state=StoredState.FAILED))
    history.store(head.id, answered(head, 1, state=StoredState.STOPPED))
    for position in (0, 1, 2, 3):
        with pytest.raises(BadRequest):
            better(history, head, position)
    deleted = keep(history, asked())
    history.delete("me", [deleted.id])
    with pytest.raises(BadRequest):
        better(history, deleted, 0)


def test_an_answer_asked_again_takes_no_mark_over_and_loses_none(history: History) -> None:
    head = keep(history, asked(), "처음", "다른 답")
    better(history, head, 0)
    history.begin_attempt(head.id, 0, 2, head.requests[0])
    history.store(head.id, answered(head, 0, "두 번째", attempt=2))
    assert marks(history, head) == ["", ""]
    (flat,) = history.flat("me")
    held = [mark_of(json.loads(str(extras or "{}"))).values for extras in flat["extras"]]
    assert list(zip(flat["text"], held, strict=True)) == [("처음", BETTER), ("두 번째", ""), ("다른 답", "")]
    assert flat["mark"] == [BETTER, None, None]
    left = better(history, head, 1)
    assert left.keys() == {(1, 1)}, "of all attempts only one is the better one"
    assert mark_of({MARK: left[1, 1]}).over == ((0, 2),)


def test_a_mark_is_there_when_the_history_is_opened_again(tmp_path: Path) -> None:
    first = opened(tmp_path)
    head = keep(first, asked())
    better(first, head, 1)
    first.close()
    again = opened(tmp_path)
    assert marks(again, head) == ["", BETTER]
    again.close()


def rated(history: History, head: RunHead, position: int, rating: str = "", note: str = "") -> None:
    history.mark(head.owner, head.id, position, MarkChange(rating=rating, note=note))


def test_good_and_bad_and_a_note_stand_beside_better_and_are_taken_back_one_by_one(history: History) -> None:
    head = keep(history, asked(models=THREE), "하나", "둘", "셋")
    better(history, head, 0)
    rated(history, head, 0, GOOD, "  근거가 있다\n")
    rated(history, head, 1, BAD)
    assert marks(history, head) == ["better, good", "bad", ""]
    better(history, head, 1)
    assert marks(history, head) == ["good", "better, bad", ""]
    history.mark("me", head.id, 0, MarkChange(rating=BAD))
    (flat,) = history.flat("me")
    assert (flat["mark"], flat["note"]) == (["bad", "better, bad", None], ["근거가 있다", None, None])
    history.mark("me", head.id, 0, MarkChange(rating=""))
    (flat,) = history.flat("me")
    assert (flat["mark"], flat["note"]) == ([None, "better, bad", None], ["근거가 있다", None, None])
    assert history.mark("me", head.id, 0, MarkChange(note=" ")).keys() == {(1, 1)}
    better(history, head, 1, False)
    assert history.mark("me", head.id, 1, MarkChange(rating="")) == {}
    (flat,) = history.flat("me")
    assert flat["mark"] == flat["note"] == flat["extras"] == [None, None, None]


def test_an_attempt_that_is_not_the_newest_is_marked_itself(history: History) -> None:
    head = keep(history, asked(), "처음", "다른 답")
    history.begin_attempt(head.id, 0, 2, head.requests[0])
    history.store(head.id, answered(head, 0, "두 번째", attempt=2))
    history.mark("me", head.id, 0, MarkChange(rating=BAD, note="짧다"), 1)
    history.mark("me", head.id, 0, MarkChange(better=True))
    (flat,) = history.flat("me")
    assert flat["mark"] == [BAD, BETTER, None] and flat["note"] == ["짧다", None, None]
    with pytest.raises(BadRequest):
        history.mark("me", head.id, 0, MarkChange(rating=GOOD), 3)


def test_a_stopped_answer_is_good_or_bad_and_never_the_better_one(history: History) -> None:
    head = asked()
    history.begin(head)
    history.store(head.id, answered(head, 0, "멈춘 답", state=StoredState.STOPPED))
    rated(history, head, 0, BAD)
    with pytest.raises(BadRequest):
        better(history, head, 0)
    with pytest.raises(BadRequest):
        rated(history, head, 1, GOOD)
    assert marks(history, head) == [BAD, ""]


@pytest.mark.parametrize("note", ["가" * (LONGEST_NOTE + 7), '"mark":{"value":"better"}', "\ud83d 반쪽 \0"])
def test_any_note_is_kept_and_marks_nothing_by_its_words(history: History, note: str) -> None:
    head = keep(history, asked())
    rated(history, head, 0, note=note)
    (flat,) = history.flat("me")
    assert str(flat["note"][0])[:3] in (note[:3], "\ufffd 반") and len(str(flat["note"][0])) <= LONGEST_NOTE
    assert flat["mark"] == [None, None] and marks(history, head) == ["", ""]
    assert found(history, HistoryFilter(marks=(Marked.NOTED,))) == [head.id]
    assert found(history, HistoryFilter(marks=(Marked.BETTER,))) == []


def test_runs_are_found_by_their_marks_together_with_the_other_filters(history: History) -> None:
    none, one, both, failed = (asked(question, minutes=at) for at, question in enumerate("가나다라"))
    for head in (none, one, both):
        keep(history, head)
    history.begin(failed)
    for position in (0, 1):
        history.store(failed.id, answered(failed, position, "", state=StoredState.FAILED))
    rated(history, one, 1, BAD, "메모")
    better(history, both, 0)
    rated(history, both, 0, GOOD)

    def by(*marked: Marked, models: tuple[str, ...] = (), words: str = "") -> list[str]:
        return found(history, HistoryFilter(marks=marked, models=models, words=words))

    assert by(Marked.UNRATED) == [none.id], "of what failed nothing can be marked"
    assert by(Marked.BETTER) == by(Marked.GOOD) == [both.id]
    assert by(Marked.BAD) == by(Marked.NOTED) == [one.id]
    assert by(Marked.GOOD, Marked.BAD) == [both.id, one.id]
    assert by(Marked.UNRATED, Marked.NOTED) == [one.id, none.id]
    assert by(Marked.BETTER, models=("가",)) == [both.id] and by(Marked.BETTER, models=("나",)) == []
    assert by(Marked.GOOD, Marked.BAD, words="나") == [one.id]
    history.begin_attempt(one.id, 1, 2, one.requests[1])
    history.store(one.id, answered(one, 1, "다시", attempt=2))
    assert by(Marked.BAD) == [] and by(Marked.UNRATED) == [one.id, none.id], "what is shown is not marked"
