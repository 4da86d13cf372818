"""Attempts at one answer: those before the newest are in the history, and one can go on from any.

Run: python -m pytest tests/comparison/test_attempts.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from comparison.asking import AskingService, HowToAnswer, SentQuestion
from comparison.attempts import attempts_of
from comparison.going_on import PickedAnswer
from comparison.run import Run
from comparison.runs import LiveRuns
from comparison.turns import TurnPicture, conversation
from errors import BadRequest
from history.history import History
from history.records import BETTER, MarkChange, mark_of
from model_registry.spec import GenerationDefaults
from tests.engines.scripted_engine import Script, ScriptedEngine

OWNER = "owner"
FIRST = SentQuestion("왜?", "", ("a", "b"), HowToAnswer())


class AskedAgain:
    """A question to two models, of which the first is asked three times and says another number each time."""

    def __init__(self, home: Path) -> None:
        counted = iter(range(1, 100))
        count = Script(lambda request: (f"{request.model_id}{next(counted)}",))
        self.engine = ScriptedEngine({"b": Script(pieces=("나",)), "broken": Script.out_of_memory()}, count)
        self.history, self.runs = History(home), LiveRuns()
        self.asking = AskingService(self.engine, lambda _: GenerationDefaults(), self.history, self.runs)

    def asked(self) -> Run:
        run = self.asking.ask(OWNER, FIRST)
        for _ in range(2):
            assert run.wait(5)
            self.asking.ask_again(OWNER, run.id, 0)
        assert run.wait(5)
        return run

    def turn(self, run_id: str) -> TurnPicture:
        (turn,) = conversation(self.runs, self.history, OWNER, run_id, 1)
        return turn

    def close(self) -> None:
        self.engine.close()
        self.history.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[AskedAgain]:
    made = AskedAgain(tmp_path)
    yield made
    made.close()


def test_attempts_before_the_newest_are_found_with_their_figures_and_marks(house: AskedAgain) -> None:
    run = house.asked()
    house.asking.mark(OWNER, run.id, 0, 3, MarkChange(better=True))
    house.asking.ask_again(OWNER, run.id, 0)
    assert run.wait(5)
    for process in (house.runs, LiveRuns()):
        (turn,) = conversation(process, house.history, OWNER, run.id, 1)
        there = attempts_of(house.history, OWNER, turn)
        found = there.earlier
        assert [(each.attempt, each.text) for each in found[0]] == [(1, "a1"), (2, "a2"), (3, "a3")]
        assert all(each.ended and each.measures.tokens_out == 1 for each in found[0]) and list(found) == [0]
        assert [mark_of(each.answer.extras).values for each in found[0] if each.answer] == ["", "", BETTER]
        assert turn.columns[0].text == there.to_begin_with(0).text == "a4"
    assert attempts_of(house.history, "another", turn).earlier == {}


def test_nothing_is_read_of_a_run_that_was_asked_once(
    house: AskedAgain, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = house.asking.ask(OWNER, FIRST)
    assert run.wait(5)
    turn = house.turn(run.id)
    monkeypatch.setattr(house.history, "get", lambda *_: pytest.fail("it was read"))
    assert attempts_of(house.history, OWNER, turn).at(0) == [turn.columns[0]]


@pytest.mark.parametrize("attempt", [1, 3])
@pytest.mark.parametrize("in_memory", [True, False])
def test_all_go_on_from_the_very_attempt_that_was_picked(
    house: AskedAgain, attempt: int, in_memory: bool
) -> None:
    run = house.asked()
    if not in_memory:
        house.runs._kept.clear()
    picked = PickedAnswer(run.id, 0, attempt)
    sent = SentQuestion("그래서?", "", ("a", "b", "c"), HowToAnswer(), picked=picked)
    following = house.asking.ask(OWNER, sent, [house.turn(run.id)])
    assert following.wait(5) and following.previous == run.id
    stored = house.history.get(OWNER, following.id)
    assert stored is not None
    for requests in (following.requests, stored.head.requests):
        before = [request.conversation.turns[0] for request in requests]
        assert {turn.answer for turn in before} == {f"a{attempt}"}
        assert [turn.answered_by for turn in before] == ["", "a", "a"]


def test_a_turn_knows_which_attempt_the_next_question_went_on_with(house: AskedAgain) -> None:
    run = house.asked()
    house.asking.ask_again(OWNER, run.id, 1)
    assert run.wait(5)
    turn = house.turn(run.id)

    def after(models: tuple[str, ...], picked: PickedAnswer | None = None) -> tuple[str, list[bool]]:
        sent = SentQuestion("그래서?", "", models, HowToAnswer(), goes_on=True, picked=picked)
        following = house.asking.ask(OWNER, sent, [turn])
        assert following.wait(5)
        there = attempts_of(house.history, OWNER, turn, house.turn(following.id))
        assert there.to_begin_with(1).attempt == 2, "the newest of those that say the same"
        return there.to_begin_with(0).text, [there.is_everybodys(position) for position in (0, 1)]

    assert after(("a", "b")) == ("a3", [False, False])
    assert after(("a", "b"), PickedAnswer(run.id, 0, 2)) == ("a2", [True, False])
    assert after(("a", "c"), PickedAnswer(run.id, 1, 1)) == ("a3", [False, True])
    assert after(("a",), PickedAnswer(run.id, 0, 1)) == ("a1", [False, False]), "alone it is nobody else's"


def test_what_is_no_longer_there_is_not_gone_on_from(house: AskedAgain) -> None:
    run = house.asked()
    for gone in (
        PickedAnswer(run.id, 0, 9),
        PickedAnswer(run.id, 7, 1),
        PickedAnswer("nowhere", 0, 1),
    ):
        with pytest.raises(BadRequest, match="not sent"):
            house.asking.ask(OWNER, SentQuestion("그래서?", "", ("a",), HowToAnswer(), picked=gone))
    assert len(house.history.page(OWNER).runs) == 1, "nothing was asked"
