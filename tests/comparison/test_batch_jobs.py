"""Batches that belong to the process: asked once, stored, stopped, gone on with after kill -9.

Run: python -m pytest tests/comparison/test_batch_jobs.py
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from comparison.asking import ANY_QUESTION
from comparison.batch.job import BatchJob
from comparison.batch.progress import BatchState
from comparison.questions import Question
from engines.base import AnswerRequest, FinishReason
from errors import BadRequest
from history.history import History
from history.records import StoredState
from tests.comparison import killed_batch
from tests.comparison.batch_house import (
    OWNER,
    SLOW,
    Make,
    Watched,
    history,
    make,
    questions,
    start,
    stored,
    until,
)
from tests.comparison.scripted_command import StartCommand
from tests.engines.scripted_engine import Script

__all__ = ["history", "make"]


def test_every_question_is_asked_once_of_every_model_and_stored(history: History, make: Make) -> None:
    engine = Watched()
    job = start(make(engine), 5, quantizations={"a": "int8"})
    assert job.wait(10)
    view = job.view()
    assert (view.state, view.wanted, view.done, view.failed) == (BatchState.DONE, 10, 10, 0)
    assert set(engine.asked.values()) == {1} and len(engine.asked) == 10
    answers = stored(history, job.id)
    assert len(answers) == 10
    assert answers["3번은 무엇인가요?", "b"].state is StoredState.DONE
    assert {(model, quantization) for model, _, quantization in engine.settings} == {
        ("a", "int8"),
        ("b", None),
    }
    in_history = history.batch(OWNER, job.id)
    assert in_history is not None
    assert (in_history.questions, in_history.wanted, in_history.done) == (5, 10, 10)
    assert (in_history.head.name, in_history.head.models) == ("이름", ("a", "b"))


def test_a_slow_model_is_told_from_a_fast_one_and_decides_how_long_it_takes(make: Make) -> None:
    waits = threading.Event()

    def slowly(_: object) -> Iterator[str]:
        waits.wait(20)
        yield "천천히"

    engine = Watched({"slow": Script(slowly), "fast": Script(("금방",))})
    job = start(make(engine), 36, ["fast", "slow"])
    until(lambda: job.view().done == 36)
    view = job.view()
    assert [(each.model_id, each.done, each.wanted) for each in view.models] == [
        ("fast", 36, 36),
        ("slow", 0, 36),
    ]
    assert view.state is BatchState.RUNNING and view.models[0].seconds_left == 0
    assert view.seconds_left is view.models[1].seconds_left is None
    waits.set()
    assert job.wait(20)
    assert (job.view().done, job.view().models) == (72, ())


def test_a_question_that_stands_there_twice_is_asked_once(make: Make) -> None:
    engine = Watched()
    twice = [*questions(2), *questions(2), Question("x", "0번은 무엇인가요?", "입력")]
    job = make(engine).start(OWNER, "", twice, [AnswerRequest("a", ANY_QUESTION)])
    assert job.wait(10)
    assert job.view().wanted == 3


def test_a_button_pressed_twice_starts_one_batch(history: History, make: Make) -> None:
    jobs = make(Watched(default=SLOW))
    assert start(jobs, batch_id="draft") is start(jobs, batch_id="draft")
    assert len(history.batches(OWNER)) == 1


@pytest.mark.parametrize(("count", "models", "says"), [(0, ["a"], "no question"), (1, [], "No model")])
def test_what_cannot_be_asked_is_refused_and_nothing_is_written(
    history: History, make: Make, count: int, models: list[str], says: str
) -> None:
    with pytest.raises(BadRequest, match=says):
        start(make(Watched()), count, models)
    assert history.batches(OWNER) == ()


def test_stopped_and_gone_on_with_what_was_answered_is_not_asked_again(history: History, make: Make) -> None:
    engine = Watched(default=SLOW)
    jobs = make(engine, rows=1)
    job = start(jobs, 8)
    until(lambda: job.view().done >= 3)
    job.stop()
    assert job.view().state in (BatchState.STOPPING, BatchState.STOPPED)
    assert job.wait(5)
    assert job.view().state is BatchState.STOPPED
    before = stored(history, job.id)
    assert 3 <= len(before) == job.view().done < 16
    on = jobs.go_on(OWNER, job.id)
    assert on is not job and on.wait(10)
    assert on.view().state is BatchState.DONE and on.view().done == 16
    after = stored(history, job.id)
    assert len(after) == 16
    assert {cell: after[cell] for cell in before} == before
    assert all(engine.asked[cell] == 1 for cell in before)


def test_going_on_with_a_batch_at_work_is_the_same_job(make: Make) -> None:
    jobs = make(Watched(default=SLOW), rows=1)
    job = start(jobs)
    assert jobs.go_on(OWNER, job.id) is job
    found: list[BatchJob] = []
    job.stop()
    job.wait(5)
    together = [threading.Thread(target=lambda: found.append(jobs.go_on(OWNER, job.id))) for _ in range(8)]
    for thread in together:
        thread.start()
    for thread in together:
        thread.join()
    assert len({id(each) for each in found}) == 1


def test_nobody_else_sees_it(make: Make) -> None:
    jobs = make(Watched(default=SLOW))
    job = start(jobs)
    assert jobs.get("other", job.id) is None and jobs.view("other", job.id) is None
    with pytest.raises(BadRequest, match="not in your history"):
        jobs.go_on("other", job.id)
    assert jobs.get(OWNER, job.id) is job and jobs.view(OWNER, job.id) is not None


def test_a_new_process_finds_it_in_the_history(make: Make) -> None:
    job = start(make(Watched(default=Script.out_of_memory())), 2)
    assert job.wait(10)
    view = make(Watched()).view(OWNER, job.id)
    assert view is not None
    assert (view.state, view.wanted, view.done, view.failed) == (BatchState.DONE, 4, 4, 4)


def test_ended_jobs_are_forgotten_and_one_at_work_never(make: Make) -> None:
    jobs = make(Watched({"slow": SLOW}), limit=2)
    at_work = start(jobs, 40, ["slow"])
    for _ in range(5):
        assert start(jobs, 1, ["a"]).wait(10)
    start(jobs, 1, ["a"]).wait(10)
    assert len(jobs._jobs) <= 3
    assert jobs.get(OWNER, at_work.id) is at_work


def test_a_batch_that_another_process_works_on_says_so_and_is_gone_on_with_when_that_is_killed(
    tmp_path: Path, start_command: StartCommand, make: Make
) -> None:
    history = History(tmp_path / "home")
    engine = Watched()
    jobs = make(engine, history)
    process = start_command(tmp_path / "home", program=Path(killed_batch.__file__))
    assert process.stdout is not None
    batch_id = process.stdout.readline().strip()
    assert process.stdout.readline() == "1\n", process.communicate()[1]
    view = jobs.view(OWNER, batch_id)
    assert view is not None and view.state is BatchState.ELSEWHERE and view.state.at_work
    with pytest.raises(BadRequest, match="Another Narani"):
        jobs.go_on(OWNER, batch_id)
    assert not engine.asked
    process.kill()
    process.wait()
    view = jobs.view(OWNER, batch_id)
    assert view is not None and view.state is BatchState.INTERRUPTED
    job = jobs.go_on(OWNER, batch_id)
    assert job.wait(10) and job.view().state is BatchState.DONE
    history.close()


def test_a_batch_that_ended_here_may_be_gone_on_with_elsewhere(tmp_path: Path, make: Make) -> None:
    here, there = History(tmp_path), History(tmp_path)
    job = start(make(Watched(default=SLOW), here), 20)
    at_work = make(Watched(), there)
    with pytest.raises(BadRequest, match="Another Narani"):
        at_work.go_on(OWNER, job.id)
    job.stop()
    assert job.wait(10)
    on = at_work.go_on(OWNER, job.id)
    assert on.wait(10) and on.view().state is BatchState.DONE
    here.close()
    there.close()


def test_killed_and_gone_on_with_in_a_new_process(
    tmp_path: Path, start_command: StartCommand, make: Make
) -> None:
    process = start_command(tmp_path / "home", program=Path(killed_batch.__file__))
    assert process.stdout is not None
    batch_id = process.stdout.readline().strip()
    told = [process.stdout.readline() for _ in range(4)]
    process.kill()
    process.wait()
    assert told[-1] == "4\n", process.communicate()[1]
    history = History(tmp_path / "home")
    engine = Watched()
    jobs = make(engine, history)
    view = jobs.view(OWNER, batch_id)
    assert view is not None and view.state is BatchState.INTERRUPTED
    before = stored(history, batch_id)
    assert 4 <= len(before) == view.done < view.wanted == 20
    on = jobs.go_on(OWNER, batch_id)
    assert on.wait(10)
    assert on.view().state is BatchState.DONE
    after = stored(history, batch_id)
    assert len(after) == 20 and {cell: after[cell] for cell in before} == before
    assert not set(engine.asked) & set(before) and sum(engine.asked.values()) == 20 - len(before)
    assert {answer.answer.finish_reason for answer in after.values() if answer.answer} == {FinishReason.EOS}
    history.close()
