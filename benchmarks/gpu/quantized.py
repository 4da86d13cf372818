"""int8 and nf4 against the plain weights: bytes, speed, and how far the logits move.

int8 is our own and has to be faster than the plain weights. nf4 of bitsandbytes saves memory and not time at
one question, so its speed is only told.
"""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass

import torch

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, faults
from benchmarks.korean import QUESTIONS, ordinary
from benchmarks.networks import korean_tokenizer
from tests.engines.running_engine import RunningEngine, open_engine

_MOST_BYTES = {"int8": 0.62, "nf4": 0.40}
"""Of the plain weights; embeddings and head stay in 16 bits, and weigh more in a small model."""
_LEAST_SPEED, _MOST_MOVED, _LEAST_ALIKE = 1.5, 0.044, 0.95
"""int8 over bf16, each by the step it is given; of its logits what LLM.int8 of bitsandbytes reaches."""


@dataclass(frozen=True)
class _Form:
    """What was measured of the model in one form."""

    weights: int
    rate: float
    step: str
    logits: torch.Tensor


def quantized(bench: Bench) -> Finding:
    """The same model in three forms, one after another; without bitsandbytes in two."""
    others = ("int8", "nf4") if importlib.util.find_spec("bitsandbytes") else ("int8",)
    with open_engine(bench.only(NEOX), bench.scale.device) as running:
        plain = _measure(running, bench, "none")
        forms = {name: _measure(running, bench, name) for name in others}
    facts = _told("bf16", plain)
    wrong: tuple[str, ...] = ()
    for name, form in forms.items():
        moved, alike = _distances(plain.logits, form.logits)
        facts += [
            *_told(name, form),
            Fact(f"{name} speed over bf16", form.rate / plain.rate),
            Fact(f"{name} logits, distance from bf16 over their size", moved),
            Fact(f"{name} same likeliest token", alike),
        ]
        wrong += _too_big(bench, name, form.weights, plain.weights)
        if name == "int8":
            wrong += faults((moved <= _MOST_MOVED, "int8 moves the logits too far."))
            wrong += faults((alike >= _LEAST_ALIKE, "int8 has another likeliest token too often."))
            is_fast = form.rate >= _LEAST_SPEED * plain.rate or not bench.scale.is_card
            wrong += faults((is_fast, f"int8 is less than {_LEAST_SPEED:g} times as fast as bf16."))
    return Finding(tuple(facts), wrong)


def _measure(running: RunningEngine, bench: Bench, name: str) -> _Form:
    running.answer(NEOX, QUESTIONS[3], max_new_tokens=2, quantization=name)
    answer = running.answer(NEOX, QUESTIONS[3], max_new_tokens=bench.scale.answer_tokens, quantization=name)
    weights = running.view().residents[0].weight_bytes
    logits = running.loop.call(lambda: _logits(running, name, bench.scale.device))
    running.release(NEOX, name)
    measures = answer.measures
    return _Form(weights, measures.tokens_per_second or 0.0, measures.step or "unknown", logits)


def _told(name: str, form: _Form) -> list[Fact]:
    return [
        Fact(f"{name} weights", form.weights, "bytes"),
        Fact(f"{name} speed by {form.step}", form.rate, "tokens/s"),
    ]


def _logits(running: RunningEngine, form: str, device: str) -> torch.Tensor:
    network = running.network(NEOX, form)
    ids = korean_tokenizer().encode(ordinary(), add_special_tokens=False)[:64]
    logits: torch.Tensor = network(torch.tensor([ids], device=device), use_cache=False).logits[0]
    return logits.float().cpu()


def _distances(plain: torch.Tensor, moved: torch.Tensor) -> tuple[float, float]:
    """How far the logits are, and how often the likeliest token is the same."""
    distance = (moved - plain).pow(2).mean().sqrt() / plain.pow(2).mean().sqrt()
    return float(distance), float((moved.argmax(-1) == plain.argmax(-1)).float().mean())


def _too_big(bench: Bench, form: str, weights: int, plain: int) -> tuple[str, ...]:
    if not bench.scale.is_card:
        return faults((weights < plain, f"{form} is not smaller."))
    return faults((weights <= plain * _MOST_BYTES[form], f"{form} takes {weights} of {plain} bytes."))
