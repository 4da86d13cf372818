"""Batches in trouble: models that fail, a disk that is full, an engine that breaks.

Run: python -m pytest tests/comparison/test_batch_trouble.py
"""

from __future__ import annotations

from pathlib import Path

from comparison.batch.progress import BatchState
from engines.base import AnswerRequest, LiveAnswer
from errors import AS_WRITTEN, EngineDown, LoadError, NaraniError
from history.history import History
from history.records import StoredAnswer, StoredState
from tests.comparison.batch_house import (
    OWNER,
    Make,
    Watched,
    history,
    make,
    start,
    stored,
)
from tests.engines.scripted_engine import Script, ScriptedEngine

__all__ = ["history", "make"]


def test_one_model_fails_and_only_that_is_asked_again(history: History, make: Make) -> None:
    broken = Watched({"b": Script.out_of_memory()})
    job = start(make(broken), 3)
    assert job.wait(10)
    view = job.view()
    assert (view.state, view.done, view.failed) == (BatchState.DONE, 6, 3)
    assert {failure.model_id for failure in view.failures} == {"b"}
    assert "ran out of memory" in str(view.failures[0].cause)
    mended = Watched()
    jobs = make(mended)
    kept = jobs.go_on(OWNER, job.id)
    assert kept.wait(10)
    assert (kept.view().state, kept.view().failed, len(kept.view().failures)) == (BatchState.DONE, 3, 3)
    assert not mended.asked
    again = jobs.go_on(OWNER, job.id, retry_failed=True)
    assert again.wait(10)
    assert (again.view().done, again.view().failed) == (6, 0)
    assert {model for _, model in mended.asked} == {"b"} and set(mended.asked.values()) == {1}
    newest = stored(history, job.id)
    assert [newest[cell].attempt for cell in sorted(newest)] == [1, 2, 1, 2, 1, 2]


def test_a_retry_that_is_stopped_leaves_the_failure(history: History, make: Make) -> None:
    job = start(make(Watched(default=Script.out_of_memory())), 1, ["a"])
    assert job.wait(10)
    again = make(Watched(default=Script(("가",), 0.02, repeats=True))).go_on(OWNER, job.id, True)
    again.stop()
    assert again.wait(5)
    (answer,) = stored(history, job.id).values()
    assert answer.state is StoredState.FAILED and answer.attempt == 1


class Full(History):
    """A disk that takes the batch and no answer."""

    refused: frozenset[tuple[str, int]] = frozenset()

    def store(self, run_id: str, answer: StoredAnswer) -> None:
        self.refused |= {(run_id, answer.position)}
        raise NaraniError(AS_WRITTEN, sentence="The disk is full.")

    def unsaved(self, run_id: str, position: int) -> bool:
        return (run_id, position) in self.refused


def test_an_answer_that_cannot_be_stored_yet_does_not_end_the_batch(tmp_path: Path, make: Make) -> None:
    kept = Full(tmp_path)
    engine = Watched()
    jobs = make(engine, kept)
    job = start(jobs)
    assert job.wait(10)
    assert (job.view().state, job.view().done, job.view().unsaved) == (BatchState.DONE, 8, 8)
    on = jobs.go_on(OWNER, job.id)
    assert on.wait(10)
    assert len(engine.asked) == 8
    assert set(engine.asked.values()) == {1}, "what is only in memory yet is not asked again"
    kept.close()


class Bug(ScriptedEngine):
    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        raise RuntimeError("secret /path")


def test_whatever_breaks_a_batch_is_said_and_one_can_go_on(make: Make) -> None:
    job = start(make(Bug()))
    assert job.wait(10)
    view = job.view()
    assert view.state is BatchState.BROKEN
    assert "RuntimeError" in str(view.problem) and "secret" not in str(view.problem)
    on = make(Watched()).go_on(OWNER, job.id)
    assert on.wait(10) and on.view().state is BatchState.DONE


DOWN = "The engine could not be started (MemoryError)."


def test_an_engine_that_is_down_is_no_answer_and_all_is_asked_again(history: History, make: Make) -> None:
    job = start(make(Watched(default=Script(loading_failure=EngineDown(AS_WRITTEN, sentence=DOWN)))))
    assert job.wait(10)
    assert (job.view().state, job.view().done, str(job.view().problem)) == (BatchState.BROKEN, 0, DOWN)
    assert not stored(history, job.id)
    on = make(Watched()).go_on(OWNER, job.id)
    assert on.wait(10) and (on.view().state, on.view().failed) == (BatchState.DONE, 0)


def test_what_an_earlier_version_stored_of_it_is_asked_again(history: History, make: Make) -> None:
    job = start(make(Watched(default=Script(loading_failure=LoadError(AS_WRITTEN, sentence=DOWN)))))
    assert job.wait(10) and job.view().failed == 8
    on = make(Watched()).go_on(OWNER, job.id)
    assert on.wait(10) and (on.view().done, on.view().failed) == (8, 0)
