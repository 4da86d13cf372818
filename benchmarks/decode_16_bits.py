"""decode-16-bits: an answer of 0.4 B weights in bfloat16, over `generate` in the faster 16-bit type.

A step at this size is bound by reading the weights, so it shows how the processor multiplies one row.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.korean import QUESTIONS
from benchmarks.networks import Shape, save_random, spec_of
from benchmarks.raw import raw_generate
from benchmarks.rounds import Effort, Measured, Stopwatch, paired, processor_timed
from tests.engines.running_engine import open_engine

_SHAPE = Shape(
    "llama", hidden=1024, layers=24, heads=16, intermediate=2816, vocabulary=30080, dtype=torch.bfloat16
)


def measure(effort: Effort) -> Measured:
    """Tokens a second of processor time, a short question's prompt included."""
    tokens = max(2, effort.tokens // 8)
    shape = replace(_SHAPE, layers=max(1, min(24, effort.tokens // 8)))
    with tempfile.TemporaryDirectory() as place:
        folder = save_random(Path(place, "model"), shape)
        with open_engine({"one": spec_of("one", folder, shape)}) as running:
            prompt = running.answer("one", QUESTIONS[0], max_new_tokens=tokens).prompt
            seconds = {
                name: processor_timed(raw_generate(folder, [prompt], tokens, name))
                for name in ("bfloat16", "float16")
            }
            faster = min(seconds, key=lambda name: seconds[name]() + seconds[name]())
            raw = Stopwatch(seconds[faster])
            ours = Stopwatch(
                processor_timed(lambda: running.answer("one", QUESTIONS[0], max_new_tokens=tokens))
            )
            values = paired(raw, ours, effort.rounds)
    told = f"{tokens / ours.median:.1f} tokens/s against {tokens / raw.median:.1f} in {faster}"
    return Measured(values, notes=(told,))
