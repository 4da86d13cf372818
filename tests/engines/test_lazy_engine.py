"""An engine that is built by the first question: once, elsewhere, and again after a failure.

Run: python -m pytest tests/engines/test_lazy_engine.py
"""

from __future__ import annotations

import threading

from engines.base import AnswerRequest, Engine, FinishReason, LiveAnswer
from engines.lazy import LazyEngine
from engines.scripted import ScriptedEngine
from errors import BadRequest, NaraniError
from prompts.conversation import Conversation


def ask(engine: Engine) -> LiveAnswer:
    live = LiveAnswer("a")
    engine.submit(AnswerRequest("a", Conversation.ask("수도는?")), live)
    return live


def test_many_first_questions_build_one_engine_away_from_the_asking_thread() -> None:
    builders: list[str] = []
    go_on = threading.Event()

    def build() -> Engine:
        builders.append(threading.current_thread().name)
        go_on.wait(10)
        return ScriptedEngine()

    engine = LazyEngine(build)
    lives = [ask(engine) for _ in range(5)]
    assert not go_on.is_set() and not any(live.ended for live in lives)
    go_on.set()
    assert all(live.wait(10) for live in lives)
    assert all(live.view().answer is not None for live in lives)
    assert len(builders) == 1 and threading.current_thread().name not in builders
    engine.close()


def test_an_engine_that_cannot_be_built_fails_the_answer_and_is_tried_again() -> None:
    problems: list[Exception] = [BadRequest("NARANI_DEVICE: 'cuda:9' is not here."), KeyError("/a/path")]

    def build() -> Engine:
        if problems:
            raise problems.pop(0)
        return ScriptedEngine()

    engine = LazyEngine(build)
    said = []
    for _ in range(3):
        live = ask(engine)
        assert live.wait(10)
        answer = live.view().answer
        assert answer is not None
        said.append(answer.error)
    assert said[0] == "NARANI_DEVICE: 'cuda:9' is not here."
    assert said[1] is not None and "KeyError" in said[1] and "path" not in said[1]
    assert said[2] is None
    engine.close()


def test_closing_an_engine_that_was_never_asked_builds_nothing() -> None:
    def build() -> Engine:
        raise NaraniError("built though nobody asked")

    LazyEngine(build).close()


def test_a_question_stopped_while_the_engine_is_built_does_not_start() -> None:
    go_on = threading.Event()

    def build() -> Engine:
        go_on.wait(10)
        return ScriptedEngine()

    engine = LazyEngine(build)
    live = ask(engine)
    live.ask_to_stop()
    go_on.set()
    assert live.wait(10)
    answer = live.view().answer
    assert answer is not None and answer.finish_reason is FinishReason.STOPPED
    engine.close()
