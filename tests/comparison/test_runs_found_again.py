"""The runs of a process: found again, forgotten, stopped when nobody looks, asked again.

Run: python -m pytest tests/comparison/test_runs_found_again.py
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from comparison.run import Run, RunColumn
from comparison.runs import LiveRuns
from engines.base import Answer, AnswerRequest, GenerationSettings, State
from errors import BadRequest
from prompts.conversation import Conversation
from tests.comparison.made_requests import requests_for
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    scripted = ScriptedEngine({"endless": ENDLESS})
    yield scripted
    scripted.close()


def asking(*models: str, question: str = "왜?") -> tuple[AnswerRequest, ...]:
    return requests_for(Conversation.ask(question), models, GenerationSettings(max_new_tokens=10_000))


def test_an_ended_run_is_forgotten_a_while_after_the_last_look(engine: ScriptedEngine) -> None:
    now = [0.0]
    runs = LiveRuns(keep_seconds=10, clock=lambda: now[0])
    done, running = runs.start(engine, asking("a")), runs.start(engine, asking("endless"))
    assert done.wait(5)
    now[0] = 9
    assert runs.get(done.id) is done
    now[0] = 18
    assert runs.get(done.id) is done, "looked at 9 seconds ago"
    now[0] = 100
    assert runs.get(done.id) is None
    assert runs.get(running.id) is running, "what still runs is not forgotten"
    runs.stop_all()
    assert running.wait(5)


def test_the_oldest_ended_run_goes_when_there_are_too_many(engine: ScriptedEngine) -> None:
    runs = LiveRuns(limit=2, clock=iter(range(1000)).__next__)
    started = []
    for _ in range(4):
        started.append(runs.start(engine, asking("a")))
        assert started[-1].wait(5)
    assert [runs.get(run.id) is run for run in started] == [False, False, True, True]


def test_another_owners_run_is_not_found(engine: ScriptedEngine) -> None:
    runs = LiveRuns()
    run = runs.start(engine, asking("a"), owner="one")
    assert runs.get(run.id, "one") is run
    assert runs.get(run.id, "two") is None and runs.get(run.id) is None


def test_a_run_that_nobody_looks_at_is_stopped(engine: ScriptedEngine) -> None:
    now = [0.0]
    runs = LiveRuns(unwatched_seconds=10, clock=lambda: now[0])
    watched, alone = runs.start(engine, asking("endless")), runs.start(engine, asking("endless"))
    now[0] = 9
    assert runs.get(watched.id) is watched
    now[0] = 12
    runs.stop_unwatched()
    assert alone.wait(5) and alone.answers[0].view().state is State.STOPPED
    assert not watched.ended
    runs.stop_all()
    assert watched.wait(5)


def test_who_looks_on_is_counted_for_a_while(engine: ScriptedEngine) -> None:
    now = [0.0]
    runs = LiveRuns(clock=lambda: now[0])
    done, first, second = (runs.start(engine, asking(model)) for model in ("a", "endless", "endless"))
    assert done.wait(5) and runs.watched() == 2
    now[0] = 3
    assert runs.watched() == 0
    runs.get(second.id)
    assert runs.watched() == 1 and not first.ended
    runs.stop_all()


def test_the_watching_goes_on_by_itself_and_ends(engine: ScriptedEngine) -> None:
    runs = LiveRuns(unwatched_seconds=0.05)
    run = runs.start(engine, asking("endless"))
    assert run.wait(5), "nobody looked"
    for thread in threading.enumerate():
        if thread.name == "runs-watch":
            thread.join(5)
            assert not thread.is_alive()


def test_one_column_is_asked_again_while_the_others_stay(engine: ScriptedEngine) -> None:
    stored: list[tuple[int, int]] = []
    runs = LiveRuns()

    def keep(run: Run, column: RunColumn, answer: Answer) -> Answer:
        stored.append((column.position, column.attempt))
        return answer

    run = runs.start(engine, asking("a", "b"), keep)
    assert run.wait(5)
    first, other = run.columns
    begun: list[int] = []
    runs.ask_again(engine, run, 0, begun.append)
    assert run.wait(5) and begun == [2]
    assert run.columns[0] is not first and run.columns[1] is other
    assert sorted(stored) == [(0, 1), (0, 2), (1, 1)]
    assert run.columns[0].live.view().text == first.live.view().text, (
        "the same question with the same settings"
    )


def test_a_column_that_still_answers_is_not_asked_again(engine: ScriptedEngine) -> None:
    runs = LiveRuns()
    run = runs.start(engine, asking("endless"))
    with pytest.raises(BadRequest, match="still answering"):
        runs.ask_again(engine, run, 0, lambda attempt: None)
    runs.stop_all()


def test_runs_are_safe_to_use_from_many_threads(engine: ScriptedEngine) -> None:
    runs = LiveRuns(limit=5)
    found: list[bool] = []

    def use() -> None:
        for _ in range(20):
            run = runs.start(engine, asking("a"))
            found.append(runs.get(run.id) in (run, None))
            run.wait(5)

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [True] * 160
