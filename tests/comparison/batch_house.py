"""What the tests of batches stand on: an engine that counts what it is asked, a history, jobs that end.

Run: python -m pytest tests/comparison
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from comparison.asking import ANY_QUESTION
from comparison.batch.job import BatchJob
from comparison.batch.jobs import BatchJobs
from comparison.questions import Question
from engines.base import AnswerRequest, GenerationSettings, LiveAnswer
from history.history import History
from history.records import StoredAnswer
from tests.engines.scripted_engine import Script, ScriptedEngine

OWNER = "owner"
SLOW = Script(pieces=("천", "천", "히"), seconds_per_piece=0.02)


class Watched(ScriptedEngine):
    """Counts how often each cell is asked."""

    def __init__(self, *scripts: object, **more: object) -> None:
        super().__init__(*scripts, **more)  # type: ignore[arg-type]
        self.asked: Counter[tuple[str, str]] = Counter()
        self.settings: set[tuple[str, GenerationSettings, str | None]] = set()

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        self.asked[request.conversation.turns[-1].question, request.model_id] += 1
        self.settings.add((request.model_id, request.settings, request.quantization))
        super().submit(request, live)


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    kept = History(tmp_path)
    yield kept
    kept.close()


Make = Callable[..., BatchJobs]


@pytest.fixture
def make(history: History) -> Iterator[Make]:
    """Jobs on an engine; all stopped when the test ends."""
    made: list[tuple[BatchJobs, ScriptedEngine]] = []

    def jobs(engine: ScriptedEngine, kept: History = history, rows: int = 2, limit: int = 100) -> BatchJobs:
        made.append((BatchJobs(engine, kept, rows, limit), engine))
        return made[-1][0]

    yield jobs
    for each, engine in made:
        each.stop_all()
        engine.close()


def questions(count: int) -> list[Question]:
    return [Question(str(at), f"{at}번은 무엇인가요?") for at in range(count)]


def start(
    jobs: BatchJobs,
    count: int = 4,
    models: Sequence[str] = ("a", "b"),
    batch_id: str | None = None,
    quantizations: Mapping[str, str] = {},
) -> BatchJob:
    asked = [AnswerRequest(id, ANY_QUESTION, quantization=quantizations.get(id)) for id in models]
    return jobs.start(OWNER, "이름", questions(count), asked, batch_id)


def until(true: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def stored(history: History, batch_id: str) -> dict[tuple[str, str], StoredAnswer]:
    return {
        (run.head.requests[answer.position].conversation.turns[-1].question, answer.answer.model_id): answer
        for run in history.batch_runs(OWNER, batch_id)
        for answer in run.answers
        if answer.answer is not None
    }
