"""A following question: who sees what of the conversation so far, and whose answers it is told they are.

Run: python -m pytest tests/comparison/test_following_on.py
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from comparison.going_on import going_on, going_on_from
from comparison.run import start
from comparison.turns import TurnPicture, picture_of_run, who_left
from engines.base import AnswerRequest
from errors import BadRequest
from history.rows import request_json, request_of
from prompts.conversation import Conversation, Turn
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    """Each model answers with its name and the question."""
    say = Script(lambda request: [f"{request.model_id}: {request.conversation.turns[-1].question}"])
    scripted = ScriptedEngine({"endless": ENDLESS, "breaks": Script.out_of_memory()}, default=say)
    yield scripted
    scripted.close()


def turn(engine: ScriptedEngine, shown: Mapping[str, Conversation]) -> TurnPicture:
    run = start(engine, [AnswerRequest(model_id, seen) for model_id, seen in shown.items()])
    assert run.wait(5)
    return picture_of_run(run)


def first(engine: ScriptedEngine, *models: str) -> TurnPicture:
    return turn(engine, dict.fromkeys(models, Conversation.ask("하나", "글", "말")))


def said(conversation: Conversation) -> list[tuple[str, str | None, str]]:
    return [(each.question, each.answer, each.answered_by) for each in conversation.turns]


def test_each_model_sees_its_own_earlier_answer(engine: ScriptedEngine) -> None:
    shown = going_on([first(engine, "a", "b")], ["b", "a"], Turn("둘", "글2"), system="다른 말")
    assert list(shown) == ["b", "a"]
    for model_id, seen in shown.items():
        assert seen.turns[0] == Turn("하나", "글", f"{model_id}: 하나")
        assert seen.turns[1:] == (Turn("둘", "글2"),) and seen.system == "다른 말"


def test_who_joins_late_takes_over_the_first_columns_conversation(engine: ScriptedEngine) -> None:
    one = first(engine, "a", "b")
    two = turn(engine, going_on([one], ["a", "b"], Turn("둘")))
    late = going_on([one, two], ["late"], Turn("셋"))["late"]
    assert said(late) == [("하나", "a: 하나", "a"), ("둘", "a: 둘", "a"), ("셋", None, "")]
    late = going_on([one, two], ["late"], Turn("셋"), lender=1)["late"]
    assert said(late) == [("하나", "b: 하나", "b"), ("둘", "b: 둘", "b"), ("셋", None, "")], "the baseline's"


def test_who_comes_back_sees_its_own_answers_and_takes_over_only_what_it_missed(
    engine: ScriptedEngine,
) -> None:
    one = first(engine, "a", "b")
    two = turn(engine, going_on([one], ["a"], Turn("둘")))
    three = turn(engine, going_on([one, two], ["c", "a"], Turn("셋"), lender=0))
    back = going_on([one, two, three], ["b"], Turn("넷"), lender=1)["b"]
    assert said(back) == [
        ("하나", "b: 하나", ""),
        ("둘", "a: 둘", "a"),
        ("셋", "a: 셋", "a"),
        ("넷", None, ""),
    ]
    from_a_late_one = going_on([one, two, three], ["d"], Turn("넷"), lender=0)["d"]
    assert [whose for *_, whose in said(from_a_late_one)] == ["a", "a", "c", ""], (
        "who said it, not who passed it on"
    )


def test_nothing_is_taken_over_from_a_column_that_failed(engine: ScriptedEngine) -> None:
    one = first(engine, "breaks", "b")
    shown = going_on([one], ["late", "breaks", "b"], Turn("둘"), lender=0)
    assert said(shown["late"])[0] == ("하나", "b: 하나", "b")
    assert said(shown["breaks"]) == [("둘", None, "")], "a turn without an answer is left out"
    none = going_on([first(engine, "breaks")], ["late"], Turn("둘"))
    assert said(none["late"]) == [("둘", None, "")]


def test_nobody_goes_on_from_a_turn_that_still_runs(engine: ScriptedEngine) -> None:
    run = start(engine, [AnswerRequest("endless", Conversation.ask("왜?"))])
    with pytest.raises(BadRequest, match="still answering"):
        going_on([picture_of_run(run)], ["endless"], Turn("또?"))
    run.stop_all()
    assert run.wait(5)


def test_a_stored_request_keeps_whose_answers_were_taken_over(engine: ScriptedEngine) -> None:
    request = AnswerRequest("late", going_on([first(engine, "a")], ["late"], Turn("둘"))["late"])
    assert request_of(request_json(request)) == request
    before = request_json(request).replace(',"answered_by":"a"', "").replace(',"answered_by":""', "")
    assert [each.answered_by for each in request_of(before).conversation.turns] == ["", ""], "an older one"


def test_who_left_is_known(engine: ScriptedEngine) -> None:
    one = first(engine, "a", "b", "c")
    two = turn(engine, going_on([one], ["d", "b"], Turn("둘")))
    assert who_left(one, two) == ("a", "c") and who_left(one, one) == ()


def test_one_answer_becomes_everybodys_and_stays_its_models_own(engine: ScriptedEngine) -> None:
    one = first(engine, "a", "b")
    two = turn(engine, going_on([one], ["a", "b", "late"], Turn("둘"), lender=1))
    shown = going_on_from(two.columns[2], ["a", "b", "late", "new"], Turn("셋", "글3"), "다른 말")
    for model_id, seen in shown.items():
        assert [text for _, text, _ in said(seen)] == ["b: 하나", "late: 둘", None]
        assert seen.turns[-1] == Turn("셋", "글3") and seen.system == "다른 말"
        assert seen == request_of(request_json(AnswerRequest(model_id, seen))).conversation, "stored as it is"
    whose = {model_id: [by for *_, by in said(seen)] for model_id, seen in shown.items()}
    assert whose == {
        "a": ["b", "late", ""],
        "b": ["", "late", ""],
        "late": ["b", "", ""],
        "new": ["b", "late", ""],
    }
    three = turn(engine, shown)
    after = going_on([one, two, three], ["a", "new"], Turn("넷"))
    assert [by for *_, by in said(after["a"])] == ["b", "late", "", ""], "it goes on with what it was shown"


def test_what_has_no_text_is_not_gone_on_from(engine: ScriptedEngine) -> None:
    for column in first(engine, "breaks", "a").columns[:1]:
        with pytest.raises(BadRequest, match="not sent"):
            going_on_from(column, ["a"], Turn("둘"))
