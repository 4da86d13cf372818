"""batching: eight questions to one model at once, over the same eight one after another.

Knows: the two sides, and that every answer has to be the one it is alone.
Refuses to know: how questions are batched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.korean import QUESTIONS
from benchmarks.networks import Shape, save_random, spec_of
from benchmarks.rounds import Effort, Measured, paired, timed
from engines.base import Answer
from tests.engines.running_engine import RunningEngine, answer_of, open_engine

NEOX = Shape("gpt_neox", hidden=512, layers=6, heads=8, intermediate=2048)
LLAMA = Shape("llama", hidden=512, layers=6, heads=8, intermediate=1408)


def measure_neox(effort: Effort) -> Measured:
    return _measure(NEOX, effort)


def measure_llama(effort: Effort) -> Measured:
    return _measure(LLAMA, effort)


def _measure(shape: Shape, effort: Effort) -> Measured:
    """How many times faster the eight are together."""
    tokens = max(2, effort.tokens // 2)
    with tempfile.TemporaryDirectory() as place:
        folder = save_random(Path(place, "model"), shape)
        with open_engine({"one": spec_of("one", folder, shape)}) as running:
            alone = _one_after_another(running, tokens)
            at_once = [answer.text for answer in together(running, QUESTIONS, tokens)]
            values = paired(
                timed(lambda: _one_after_another(running, tokens)),
                timed(lambda: together(running, QUESTIONS, tokens)),
                effort.rounds,
            )
    same = sum(a == b for a, b in zip(alone, at_once, strict=True))
    whole = all(len(text) == tokens for text in alone)
    broken = (
        ()
        if same == len(QUESTIONS) and whole
        else (f"Only {same} of {len(QUESTIONS)} answers are the same.",)
    )
    return Measured(values, broken, notes=(f"identical answers: {same} of {len(QUESTIONS)}",))


def _one_after_another(running: RunningEngine, tokens: int) -> list[str]:
    return [running.answer("one", question, max_new_tokens=tokens).text for question in QUESTIONS]


def together(running: RunningEngine, questions: Iterable[str], tokens: int) -> list[Answer]:
    lives = [running.ask("one", question, max_new_tokens=tokens) for question in questions]
    return [answer_of(live) for live in lives]
