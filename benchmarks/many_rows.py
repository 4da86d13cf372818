"""rows-64: 64 questions of uneven lengths at once, over one padded `model.generate` of all of them.

`generate` is given what a script would give it: all prompts padded on the left to the longest, one pass for
all of them, and a step of 64 rows a token. Ours reads a few short prompts in one pass,
none of them padded, and lets them join.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.batching import LLAMA, together
from benchmarks.korean import QUESTIONS
from benchmarks.networks import save_random, spec_of
from benchmarks.raw import raw_generate
from benchmarks.rounds import Effort, Measured, Stopwatch, paired, processor_timed
from tests.engines.running_engine import open_engine

_ROWS = 64


def measure(effort: Effort) -> Measured:
    """Tokens a second of processor time of the engine, all 64 answers, over generate's."""
    tokens = max(2, effort.tokens // 4)
    questions = [f"{QUESTIONS[at % len(QUESTIONS)]} {at}" for at in range(min(_ROWS, effort.tokens))]
    with tempfile.TemporaryDirectory() as place:
        folder = save_random(Path(place, "model"), LLAMA)
        with open_engine({"one": spec_of("one", folder, LLAMA)}, rows=_ROWS) as running:
            firsts = together(running, questions, tokens)
            raw = Stopwatch(processor_timed(raw_generate(folder, [first.prompt for first in firsts], tokens)))
            ours = Stopwatch(processor_timed(lambda: together(running, questions, tokens)))
            values = paired(raw, ours, effort.rounds)
    short = sum(first.measures.tokens_out != tokens for first in firsts)
    return Measured(
        values,
        broken=(f"{short} answers ended early.",) if short else (),
        notes=(f"{ours.median:.2f} s against {raw.median:.2f} s",),
    )
