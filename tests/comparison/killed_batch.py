"""A batch at work in a process of its own, to be killed: prints its id, then a line for each answer on disk.

Run: PYTHONPATH=. python tests/comparison/killed_batch.py FOLDER
Knows: a slow scripted engine. Refuses to know: how it ends.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from comparison.asking import ANY_QUESTION
from comparison.batch.jobs import BatchJobs
from comparison.questions import Question
from engines.base import AnswerRequest
from history.history import History
from tests.engines.scripted_engine import Script, ScriptedEngine

OWNER, QUESTIONS, MODELS = "owner", 10, ("a", "b")


def questions() -> list[Question]:
    return [Question(str(at), f"질문 {at}번은?") for at in range(QUESTIONS)]


def tell(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    engine = ScriptedEngine(default=Script(seconds_per_piece=0.03))
    jobs = BatchJobs(engine, History(Path(sys.argv[1])), rows_per_model=1)
    job = jobs.start(OWNER, "batch", questions(), [AnswerRequest(each, ANY_QUESTION) for each in MODELS])
    tell(job.id)
    told = 0
    while not job.ended:
        while told < job.view().done:
            told += 1
            tell(told)
        time.sleep(0.01)
