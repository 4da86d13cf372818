"""Pictures without names hold nothing that tells a model, stay as shuffled, and keep what marks need.

Run: python -m pytest tests/comparison/test_hidden_names.py
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from comparison.attempts import TurnAttempts
from comparison.hidden_names import attempts_as_shown, without_names
from comparison.turns import ColumnPicture, TurnPicture, picture_of_stored
from engines.base import Answer, FinishReason, GenerationSettings, Measures
from errors import AS_WRITTEN, Cause
from history.records import MARK, AnswerMark, StoredRun, StoredState
from prompts.conversation import Conversation, Turn
from tests.history.history_house import answered, asked

MODELS = tuple(f"모델-{name}" for name in "가나다라마")
FAILURE = Cause(AS_WRITTEN, category="odd", sentence="모델-가 failed.")


def turn(run_id: str = "run", models: tuple[str, ...] = MODELS, **fields: Any) -> TurnPicture:
    head = replace(asked(models=models), id=run_id)
    answers = tuple(answered(head, at, f"답 {at}", **fields) for at in range(len(models)))
    return picture_of_stored(StoredRun(head, 1, answers))


def names(turn: TurnPicture) -> list[str]:
    return [column.request.model_id for column in turn.columns]


def order(turn: TurnPicture) -> list[int]:
    return [column.position for column in turn.columns]


def test_letters_stand_in_order_and_the_answers_behind_them_do_not() -> None:
    orders = set()
    for number in range(20):
        named = turn(f"run-{number}")
        (hidden,) = without_names([named], named)
        assert names(hidden) == list("ABCDE") and hidden.names_hidden
        assert [column.text for column in hidden.columns] == [f"답 {at}" for at in order(hidden)]
        assert without_names([named], named) == (hidden,), "it stays as it was shuffled"
        orders.add(tuple(order(hidden)))
    assert len(orders) > 15, "another run is shuffled otherwise"


def test_the_same_letter_is_the_same_model_in_all_turns_of_a_page() -> None:
    first, last = turn("first", (*MODELS[::-1], "모델-바")), turn("last")
    before, now = without_names([first, last], last)
    models = {column.request.model_id: MODELS[column.position] for column in now.columns}
    for column in before.columns[:5]:
        assert MODELS[::-1][column.position] == models[column.request.model_id]
    assert names(before) == list("ABCDEF") and before.columns[-1].position == 5


def test_one_model_twice_is_two_letters() -> None:
    twice = turn(models=("모델-가", "모델-나", "모델-가"))
    (hidden,) = without_names([twice], twice)
    assert names(hidden) == ["A", "B", "C"] and sorted(order(hidden)) == [0, 1, 2]


@pytest.mark.parametrize("state", [StoredState.DONE, StoredState.FAILED])
def test_nothing_in_it_tells_a_model(state: StoredState) -> None:
    lent = Conversation((Turn("처음?", answer="예.", answered_by="모델-가"), Turn("다음?")))
    tells: dict[str, Any] = {
        "measures": Measures(3, 4, 1.5, 0.5, tokens_per_second=12345.5),
        "prompt": "### 모델-가",
        "format_id": "모델-형식",
        "revision": "모델-리비전",
        "quantization": "모델-nf4",
        "cause": FAILURE if state is StoredState.FAILED else None,
        "extras": {
            "reward": {"모델-점수": 1.5},
            "search": {"kept": 1},
            MARK: AnswerMark(rating="good").as_json(),
        },
    }
    named = turn(state=state, **tells)
    named = replace(
        named, columns=tuple(replace(each, request=_telling(each, lent)) for each in named.columns)
    )
    (hidden,) = without_names([named], named)
    shown = repr(replace(hidden, run_id=""))
    assert "모델" not in shown and "12345" not in shown and "0.875" not in shown
    for column in hidden.columns:
        assert column.answer is None or column.mark.rating == "good" and column.answer.extras["search"]
    earlier = {column.position: [column] for column in named.columns}
    found = attempts_as_shown(TurnAttempts(hidden, earlier)).earlier
    assert "모델" not in repr(found)
    assert {at: one.request.model_id for at, (one,) in found.items()} == {
        column.position: column.request.model_id for column in hidden.columns
    }


def _telling(column: ColumnPicture, conversation: Conversation) -> Any:
    settings = GenerationSettings(temperature=0.875)
    extras = {"reward": {"model": "모델-점수"}}
    return replace(
        column.request,
        conversation=conversation,
        settings=settings,
        format_id="모델-형식",
        quantization="모델-nf4",
        extras=extras,
    )


def test_a_text_that_came_before_a_failure_is_shown_without_why() -> None:
    named = turn(state=StoredState.FAILED, cause=FAILURE)
    (hidden,) = without_names([named], named)
    answers = [column.answer for column in hidden.columns]
    assert all(isinstance(each, Answer) and each.finish_reason is FinishReason.FAILED for each in answers)
    assert "모델" not in repr(hidden)
