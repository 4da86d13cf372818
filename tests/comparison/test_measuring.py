"""Models measured one after another: never two at once, nothing stored, stopped, failed, and not twice.

Run: python -m pytest tests/comparison/test_measuring.py
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from comparison.measuring import LiveMeasurings, Measuring
from engines.base import AnswerRequest, FinishReason, GenerationSettings, LiveAnswer
from errors import AS_WRITTEN, OutOfMemory
from prompts.conversation import Conversation
from tests.comparison.made_requests import requests_for
from tests.engines.scripted_engine import Script, ScriptedEngine

LONG = GenerationSettings(max_new_tokens=10_000)
SCRIPTS = {
    "endless": Script(pieces=("가",), repeats=True, seconds_per_piece=0.01),
    "breaks": Script.out_of_memory(),
}


class WatchedEngine(ScriptedEngine):
    """Writes down who was asked, and who still answered then."""

    def __init__(self) -> None:
        super().__init__(SCRIPTS, default=Script(pieces=("하나 ", "둘 ", "셋"), seconds_per_piece=0.01))
        self.asked: list[AnswerRequest] = []
        self.lives: list[LiveAnswer] = []
        self.beside: list[str] = []

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        self.beside += [each.model_id for each in self.lives if not each.ended]
        self.asked.append(request)
        self.lives.append(live)
        if request.model_id == "refused":
            raise OutOfMemory(AS_WRITTEN, sentence="There is no room.")
        super().submit(request, live)


@pytest.fixture
def engine() -> Iterator[WatchedEngine]:
    made = WatchedEngine()
    yield made
    made.close()


def asking(*models: str) -> dict[int, AnswerRequest]:
    return dict(enumerate(requests_for(Conversation.ask("왜?"), models, LONG)))


def started(measurings: LiveMeasurings, *models: str, run_id: str = "run") -> Measuring:
    measurings.start("나", run_id, asking(*models))
    return found(measurings, run_id)


def found(measurings: LiveMeasurings, run_id: str = "run") -> Measuring:
    measuring = measurings.get(run_id, "나")
    assert measuring is not None
    return measuring


def until(true: Callable[[], bool]) -> None:
    for _ in range(1000):
        if true():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it did not come")


def test_one_is_asked_when_the_one_before_has_ended_and_nothing_is_stored(engine: WatchedEngine) -> None:
    measuring = started(LiveMeasurings(engine), "c", "a", "b")
    until(lambda: measuring.over)
    assert engine.asked == list(asking("c", "a", "b").values()) and engine.beside == []
    assert [live.keep for live in engine.lives] == [None, None, None]
    assert list(measuring.answers) == [0, 1, 2] and measuring.ended
    for answer in measuring.answers.values():
        assert answer.finish_reason is FinishReason.EOS
        assert answer.measures.tokens_per_second and answer.measures.own_seconds_to_first_text is not None


def test_two_runs_measured_at_once_do_not_share_the_machine(engine: WatchedEngine) -> None:
    measurings = LiveMeasurings(engine)
    both = [started(measurings, "a", "b", "c", run_id=name) for name in ("one", "two")]
    until(lambda: all(each.over for each in both))
    assert len(engine.asked) == 6 and engine.beside == []


@pytest.mark.parametrize("bad", ["breaks", "refused"])
def test_what_fails_says_why_and_the_others_go_on(engine: WatchedEngine, bad: str) -> None:
    measuring = started(LiveMeasurings(engine), "a", bad, "b")
    until(lambda: measuring.over)
    assert [answer.cause is None for answer in measuring.answers.values()] == [True, False, True]
    assert not measuring.stopped


def test_stopped_it_asks_nobody_more_and_keeps_what_was_measured(engine: WatchedEngine) -> None:
    measuring = started(LiveMeasurings(engine), "a", "endless", "b")
    until(lambda: len(engine.asked) == 2)
    measuring.stop()
    assert measuring.ended
    until(lambda: measuring.over)
    measuring.stop()
    assert measuring.stopped and list(measuring.answers) == [0]
    assert [each.model_id for each in engine.asked] == ["a", "endless"]


def test_one_run_is_not_measured_twice_at_once_and_anew_once_it_ended(engine: WatchedEngine) -> None:
    measurings = LiveMeasurings(engine)
    first = started(measurings, "endless", "a")
    assert started(measurings, "endless", "a") is first
    until(lambda: len(engine.asked) == 1)
    first.stop()
    second = started(measurings, "a", "b")
    assert second is not first
    until(lambda: second.over)
    assert [each.model_id for each in engine.asked] == ["endless", "a", "b"] and engine.beside == []


def test_it_is_its_owners_alone(engine: WatchedEngine) -> None:
    measurings = LiveMeasurings(engine)
    measuring = started(measurings, "endless")
    assert measurings.get("run", "남") is None
    measuring.stop()
    measurings.start("남", "run", asking("a"))
    assert measurings.get("run", "남") is None and found(measurings) is measuring
    measurings.hand_over("나", "이 컴퓨터")
    assert measurings.get("run", "이 컴퓨터") is measuring


def test_what_nobody_looks_at_is_stopped(engine: WatchedEngine) -> None:
    measurings = LiveMeasurings(engine, unwatched_seconds=0.0)
    measuring = started(measurings, "endless", "a")
    until(lambda: measuring.over)
    assert measuring.stopped and [each.model_id for each in engine.asked] == ["endless"]


def test_only_so_many_are_kept(engine: WatchedEngine) -> None:
    measurings = LiveMeasurings(engine, limit=2)
    for run_id in "abc":
        measuring = started(measurings, "a", run_id=run_id)
        until(lambda measuring=measuring: measuring.over)  # type: ignore[misc]
    assert [measurings.get(run_id, "나") is None for run_id in "abc"] == [True, False, False]
