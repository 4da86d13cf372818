"""int8 and nf4 against the plain weights: bytes, speed, and how far the logits move.

Knows: that bitsandbytes saves memory and not time at one question, so that bytes and logits are held to
something and the speed is only told.
Refuses to know: how anything is quantized.
"""

from __future__ import annotations

import importlib.util

import torch

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, Skipped, faults
from benchmarks.korean import QUESTIONS, ordinary
from benchmarks.networks import korean_tokenizer
from errors import AS_WRITTEN
from tests.engines.running_engine import RunningEngine, open_engine

_MOST_BYTES = {"int8": 0.62, "nf4": 0.40}
"""Of the plain weights; embeddings and head stay in 16 bits, and weigh more in a small model."""


def quantized(bench: Bench) -> Finding:
    """The same model in three forms, one after another."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise Skipped(AS_WRITTEN, sentence="bitsandbytes is not installed here.")
    facts: list[Fact] = []
    wrong: list[str] = []
    plain_bytes, plain_logits = 0, torch.empty(0)
    with open_engine(bench.only(NEOX), bench.scale.device) as running:
        for form in ("none", "int8", "nf4"):
            name = "bf16" if form == "none" else form
            weights, rate, logits = _measure(running, bench, form)
            facts += [Fact(f"{name} weights", weights, "bytes"), Fact(f"{name} speed", rate, "tokens/s")]
            if form == "none":
                plain_bytes, plain_logits = weights, logits
            else:
                facts += _distances(name, plain_logits, logits)
                wrong += _too_big(bench, form, weights, plain_bytes)
    return Finding(tuple(facts), tuple(wrong))


def _measure(running: RunningEngine, bench: Bench, form: str) -> tuple[int, float, torch.Tensor]:
    running.answer(NEOX, QUESTIONS[3], max_new_tokens=2, quantization=form)
    answer = running.answer(NEOX, QUESTIONS[3], max_new_tokens=bench.scale.answer_tokens, quantization=form)
    weights = running.view().residents[0].weight_bytes
    logits = running.loop.call(lambda: _logits(running, form, bench.scale.device))
    running.release(NEOX, form)
    return weights, answer.measures.tokens_per_second or 0.0, logits


def _logits(running: RunningEngine, form: str, device: str) -> torch.Tensor:
    network = running.network(NEOX, form)
    ids = korean_tokenizer().encode(ordinary(), add_special_tokens=False)[:64]
    logits: torch.Tensor = network(torch.tensor([ids], device=device), use_cache=False).logits[0]
    return logits.float().cpu()


def _distances(name: str, plain: torch.Tensor, moved: torch.Tensor) -> list[Fact]:
    distance = (moved - plain).pow(2).mean().sqrt() / plain.pow(2).mean().sqrt()
    agree = (moved.argmax(-1) == plain.argmax(-1)).float().mean()
    return [
        Fact(f"{name} logits, distance from bf16 over their size", float(distance)),
        Fact(f"{name} same likeliest token", float(agree)),
    ]


def _too_big(bench: Bench, form: str, weights: int, plain: int) -> tuple[str, ...]:
    if not bench.scale.is_card:
        return faults((weights < plain, f"{form} is not smaller."))
    return faults((weights <= plain * _MOST_BYTES[form], f"{form} takes {weights} of {plain} bytes."))
