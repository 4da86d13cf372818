"""app-three: three models answering at once, over `model.generate` of one after another.

Knows: the two sides; at once may not cost more than in turn.
Refuses to know: how either side works.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.app_one import HOST_BOUND
from benchmarks.korean import QUESTIONS
from benchmarks.networks import save_random, spec_of
from benchmarks.raw import raw_generate
from benchmarks.rounds import Effort, Measured, paired, timed
from engines.base import Answer
from tests.engines.running_engine import RunningEngine, answer_of, open_engine

_NAMES = ("one", "two", "three")


def measure(effort: Effort) -> Measured:
    """All tokens over the time until the last answer has ended, over the same of generate."""
    tokens = effort.tokens
    with tempfile.TemporaryDirectory() as place:
        folders = {name: save_random(Path(place, name), HOST_BOUND, seed) for seed, name in enumerate(_NAMES)}
        specs = {name: spec_of(name, folder, HOST_BOUND) for name, folder in folders.items()}
        with open_engine(specs) as running:
            firsts = _at_once(running, tokens)
            raws = [raw_generate(folders[first.model_id], [first.prompt], tokens) for first in firsts]
            one_after_another = timed(lambda: [raw() for raw in raws])
            values = paired(one_after_another, timed(lambda: _at_once(running, tokens)), effort.rounds)
    short = [first.model_id for first in firsts if first.measures.tokens_out != tokens]
    return Measured(values, broken=tuple(f"The answer of model {name} ended early." for name in short))


def _at_once(running: RunningEngine, tokens: int) -> list[Answer]:
    return [
        answer_of(live)
        for live in [running.ask(name, QUESTIONS[0], max_new_tokens=tokens) for name in _NAMES]
    ]
