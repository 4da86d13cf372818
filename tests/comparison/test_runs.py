"""Runs: side by side, stopped apart, stored before ended. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path

import pytest

from comparison.run import Run, RunColumn, start
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer, State
from errors import AS_WRITTEN, BadRequest, NaraniError
from prompts.conversation import Conversation
from tests.comparison.made_requests import requests_for
from tests.comparison.scripted_command import StartCommand
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)
LONG = GenerationSettings(max_new_tokens=10_000)


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    scripted = ScriptedEngine({"endless": ENDLESS, "breaks": Script.out_of_memory()})
    yield scripted
    scripted.close()


def asking(
    *models: str, question: str = "왜?", settings: GenerationSettings = LONG
) -> tuple[AnswerRequest, ...]:
    return requests_for(Conversation.ask(question), models, settings)


def texts(run: Run) -> list[str]:
    return [answer.view().text for answer in run.answers]


def test_answers_stand_in_the_order_picked_and_one_failure_is_one_columns(engine: ScriptedEngine) -> None:
    run = start(engine, asking("b", "breaks", "a"))
    assert run.wait(5) and run.ended
    assert [answer.model_id for answer in run.answers] == ["b", "breaks", "a"]
    assert [answer.view().state for answer in run.answers] == [State.DONE, State.FAILED, State.DONE]


def test_stopping_one_of_four_leaves_the_others(engine: ScriptedEngine) -> None:
    slow = ScriptedEngine(default=Script(pieces=("하나 ", "둘 ", "셋"), seconds_per_piece=0.05))
    run = start(slow, asking("a", "b", "c", "d"))
    alone = start(engine, asking("endless"))
    run.answers[2].ask_to_stop()
    alone.stop_all()
    assert run.wait(5) and alone.wait(5)
    slow.close()
    assert [a.view().state for a in run.answers] == [State.DONE, State.DONE, State.STOPPED, State.DONE]
    assert texts(run)[0] == texts(run)[3] == "하나 둘 셋"


def test_an_id_fits_an_address_and_is_new_each_time(engine: ScriptedEngine) -> None:
    ids = {start(engine, asking("a")).id for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{16}", run_id) for run_id in ids)


@pytest.mark.parametrize(
    ("requests", "says"),
    [
        ((), "No model was picked"),
        (asking("a", question=" \n"), "question is empty"),
        (asking("a", question="\ud83d"), "broken character"),
        (asking("a", "b", "a"), "'a' was picked twice"),
    ],
)
def test_what_cannot_be_asked_is_refused(
    engine: ScriptedEngine, requests: tuple[AnswerRequest, ...], says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        start(engine, requests)


def test_what_the_engine_refuses_at_once_fails_that_column_alone() -> None:
    class Refusing(ScriptedEngine):
        def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
            if request.model_id == "b":
                raise BadRequest(AS_WRITTEN, sentence="Not this one.")
            super().submit(request, live)

    engine = Refusing()
    run = start(engine, asking("a", "b"))
    assert run.wait(5)
    assert [answer.view().state for answer in run.answers] == [State.DONE, State.FAILED]
    answer = run.answers[1].view().answer
    assert answer is not None and answer.error == "Not this one."
    engine.close()


def test_an_answer_is_stored_before_its_column_counts_as_ended(engine: ScriptedEngine) -> None:
    """And the engine's thread does not wait for the storing."""
    may_store = threading.Event()
    ended_early: list[bool] = []
    stored: list[str] = []

    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        assert may_store.wait(5)
        ended_early.extend(live.ended for live in run.answers if live.model_id == answer.model_id)
        stored.append(answer.model_id)
        return answer

    run = start(engine, asking("a", "b"), keep)
    engine.close()
    assert not run.ended, "the engine's threads are gone while nothing is stored yet"
    assert run.answers[0].view().answer is None
    may_store.set()
    assert run.wait(5)
    assert (sorted(stored), ended_early) == (["a", "b"], [False, False])


def test_each_answer_is_stored_once_on_one_thread_that_ends(engine: ScriptedEngine) -> None:
    stored: list[tuple[Run, str, str]] = []

    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        stored.append((run, answer.model_id, threading.current_thread().name))
        return answer

    run = start(engine, asking("a", "breaks", "c"), keep)
    assert run.wait(5)
    assert sorted(model for _, model, _ in stored) == ["a", "breaks", "c"]
    assert {by for by, _, _ in stored} == {run}
    (name,) = {name for _, _, name in stored}
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join(5)
            assert not thread.is_alive()


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (OSError(28, "No space left on device", "/somewhere/narani.db"), "No space left on device"),
        (NaraniError(AS_WRITTEN, sentence="The history is read-only."), "The history is read-only."),
        (KeyError("x"), "KeyError"),
    ],
)
def test_an_answer_that_cannot_be_stored_is_still_there(
    engine: ScriptedEngine, problem: Exception, said: str
) -> None:
    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        if answer.model_id == "a":
            raise problem
        return answer

    run = start(engine, asking("a", "b"), keep)
    assert run.wait(5)
    first, second = (answer.view() for answer in run.answers)
    assert (first.not_kept, second.not_kept) == (said, None)
    assert first.state is State.DONE and first.answer is not None and first.answer.text == first.text != ""


def test_an_answer_that_cannot_even_be_handed_over_is_still_there(engine: ScriptedEngine) -> None:
    def keep(answer: Answer) -> Future[Answer]:
        raise RuntimeError("cannot schedule new futures after shutdown")

    live = LiveAnswer("a", keep=keep)
    engine.submit(asking("a")[0], live)
    assert live.wait(5)
    assert (live.view().state, live.view().not_kept) == (State.DONE, "RuntimeError")


ENDS_AT_ONCE = """
import sys
from pathlib import Path
from comparison.run import start
from engines.base import GenerationSettings
from tests.comparison.made_requests import requests_for
from tests.engines.scripted_engine import Script, ScriptedEngine
from prompts.conversation import Conversation

def keep(run, column, answer):
    with Path(sys.argv[1]).open("a", encoding="utf-8") as file:
        file.write(f"{answer.text}|")
    return answer

engine = ScriptedEngine(default=Script(pieces=("답",), seconds_per_piece=0.3))
start(engine, requests_for(Conversation.ask("왜?"), ["a", "b"], GenerationSettings()), keep)
"""


def test_a_process_that_ends_meanwhile_still_stores_what_was_answered(
    tmp_path: Path, start_command: StartCommand
) -> None:
    program, kept = tmp_path / "program.py", tmp_path / "kept"
    program.write_text(ENDS_AT_ONCE, encoding="utf-8")
    process = start_command(kept, program=program)
    assert process.communicate(timeout=20) == ("", "")
    assert kept.read_text(encoding="utf-8") == "답|답|"


def test_the_reasons_an_answer_ended_for_are_told_apart(engine: ScriptedEngine) -> None:
    run = start(engine, asking("endless", settings=GenerationSettings(max_new_tokens=3)))
    assert run.wait(5)
    answer = run.answers[0].view().answer
    assert answer is not None and (answer.finish_reason, answer.text) == (FinishReason.LENGTH, "가가가")


def test_an_answer_ends_as_it_was_stored_with_what_was_found_out_about_it(engine: ScriptedEngine) -> None:
    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        return replace(answer, extras={"search": len(answer.text)})

    run = start(engine, asking("a"), keep)
    assert run.wait(5)
    answer = run.answers[0].view().answer
    assert answer is not None and answer.extras == {"search": len(answer.text)}
