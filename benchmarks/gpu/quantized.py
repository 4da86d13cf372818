"""int8 and nf4 against the plain weights: bytes, speed, and how far the logits move.

Knows: that bitsandbytes saves memory and not time at one question, so that bytes and logits are held to
something and the speed is only told.
Refuses to know: how anything is quantized.
"""

from __future__ import annotations

import importlib.util

import torch

from benchmarks.gpu.bench import NEOX, Bench, Fact, Finding, Skipped, faults
from benchmarks.house import House, open_house
from benchmarks.korean import QUESTIONS, ordinary
from benchmarks.networks import korean_tokenizer

_MOST_BYTES = {"int8": 0.62, "nf4": 0.40}
"""Of the plain weights; embeddings and head stay in 16 bits, and weigh more in a small model."""


def quantized(bench: Bench) -> Finding:
    """The same model in three forms, one after another."""
    if importlib.util.find_spec("bitsandbytes") is None:
        raise Skipped("bitsandbytes is not installed here.")
    facts: list[Fact] = []
    wrong: list[str] = []
    plain_bytes, plain_logits = 0, torch.empty(0)
    with open_house(bench.only(NEOX), bench.scale.device) as house:
        for form in ("none", "int8", "nf4"):
            name = "bf16" if form == "none" else form
            weights, rate, logits = _measure(house, bench, form)
            facts += [Fact(f"{name} weights", weights, "bytes"), Fact(f"{name} speed", rate, "tokens/s")]
            if form == "none":
                plain_bytes, plain_logits = weights, logits
            else:
                facts += _distances(name, plain_logits, logits)
                wrong += _too_big(bench, form, weights, plain_bytes)
    return Finding(tuple(facts), tuple(wrong))


def _measure(house: House, bench: Bench, form: str) -> tuple[int, float, torch.Tensor]:
    house.answer(NEOX, QUESTIONS[3], tokens=2, quantization=form)
    answer = house.answer(NEOX, QUESTIONS[3], tokens=bench.scale.answer_tokens, quantization=form)
    weights = house.view().residents[0].weight_bytes
    logits = house.loop.call(lambda: _logits(house, form, bench.scale.device))
    house.release(NEOX, form)
    return weights, answer.measures.tokens_per_second or 0.0, logits


def _logits(house: House, form: str, device: str) -> torch.Tensor:
    network = house.networks[NEOX, form]()
    assert network is not None, "it answered just now"
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
