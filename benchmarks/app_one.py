"""app-one: what the engine costs on top of `model.generate`, with one model and the text streamed.

Knows: the two sides, and that a network this small is bound by its host, where overhead shows most.
Refuses to know: how either side works.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.korean import QUESTIONS
from benchmarks.networks import Shape, save_random, spec_of
from benchmarks.raw import raw_generate
from benchmarks.rounds import Effort, Measured, paired, timed
from tests.engines.running_engine import open_engine

HOST_BOUND = Shape("gpt_neox", hidden=64, layers=6, heads=4, intermediate=256)


def measure(effort: Effort) -> Measured:
    """Tokens a second of the engine, from the question to the ended answer, over those of generate."""
    tokens = effort.tokens
    with tempfile.TemporaryDirectory() as place:
        folder = save_random(Path(place, "model"), HOST_BOUND)
        with open_engine({"one": spec_of("one", folder, HOST_BOUND)}) as running:
            first = running.answer("one", QUESTIONS[0], max_new_tokens=tokens)
            raw = timed(raw_generate(folder, [first.prompt], tokens))
            ours = timed(lambda: running.answer("one", QUESTIONS[0], max_new_tokens=tokens))
            values = paired(raw, ours, effort.rounds)
    short = first.measures.tokens_out != tokens
    return Measured(values, broken=("The engine's answer ended early.",) if short else ())
