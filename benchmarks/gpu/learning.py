"""Learning on a card: how much of what it can multiply a step uses, and what a 4-bit base saves.

Knows: the multiplications of a step by its method, and the rate at which this very device multiplies.
Refuses to know: how a step is computed; a training's own loop makes it.
"""

from __future__ import annotations

import importlib.util
import time
from dataclasses import dataclass

import torch

from benchmarks.gpu.bench import NEOX, SMALL, Bench, Fact, Finding, Skipped, faults, wait_for
from engines.devices import network_bytes
from engines.shortage import clear_device_cache
from errors import AS_WRITTEN
from finetune.run_settings import Method
from finetune.sft_settings import SftSettings

_STEPS = 6
_MOST_OF_LORA = 0.58
_MULTIPLIED: dict[Method, int] = {"lora": 4, "full": 6}
"""For each weight and token: frozen weights get no gradient of their own."""
_BY_MEMORY: tuple[Method, Method] = ("lora", "qlora")
_PRODUCTS = 10


@dataclass(frozen=True)
class _Learned:
    """What a few steps took."""

    tokens_a_second: float
    weights: int
    """Those that every token is multiplied with."""
    peak: int
    """The most bytes in use while learning; without a card those of the weights."""


def training_speed(bench: Bench) -> Finding:
    """What a training's steps multiply, over the rate of large matrices in the same run."""
    rate = _matrix_rate(bench.scale.matrix, torch.device(bench.scale.device))
    facts = [Fact("multiplying large matrices", rate / 1e12, "TFLOP/s")]
    for method, each in _MULTIPLIED.items():
        learned = _learn(bench, SMALL, method)
        share = learned.tokens_a_second * each * learned.weights / rate
        facts.append(Fact(f"{SMALL}, {method}", learned.tokens_a_second, "tokens/s"))
        facts.append(Fact(f"{SMALL}, {method}, share of that rate", share))
    return Finding(tuple(facts))


def learning_memory(bench: Bench) -> Finding:
    """The most memory that steps of QLoRA take, over those of LoRA with the same blocks."""
    plain, packed = (_learn(bench, NEOX, method).peak for method in _BY_MEMORY)
    most = _MOST_OF_LORA if bench.scale.is_card else 1.0
    return Finding(
        (
            Fact(f"{NEOX}, LoRA", plain, "bytes"),
            Fact(f"{NEOX}, QLoRA", packed, "bytes"),
            Fact("QLoRA over LoRA", packed / plain),
        ),
        faults((packed <= most * plain, f"QLoRA takes more than {most:g} of what LoRA takes.")),
    )


def _learn(bench: Bench, name: str, method: Method) -> _Learned:
    _need("trl", "datasets", *(("bitsandbytes",) if method == "qlora" else ()))
    # They import what a lent machine may lack.
    from benchmarks.learning import full_batches, made_ready
    from benchmarks.training_loop import Ends, trained

    scale, device = bench.scale, torch.device(bench.scale.device)
    settings = SftSettings(
        method=method,
        batch=1,
        micro_batch=1,
        max_tokens=scale.block_tokens,
        epochs=1.0,
        checkpoint_steps=10**6,
    )
    learner = made_ready(bench.spec(name), settings, scale.device)
    weights = learner.loaded.model.num_parameters(exclude_embeddings=True)
    if scale.is_card:
        torch.cuda.reset_peak_memory_stats(device)
    ends = Ends()
    trained(learner, full_batches(settings, _STEPS), settings, ends)
    peak = torch.cuda.max_memory_allocated(device) if scale.is_card else network_bytes(learner.network)
    del learner
    clear_device_cache(device)
    return _Learned(scale.block_tokens / ends.step, weights, peak)


def _need(*packages: str) -> None:
    for package in packages:
        if importlib.util.find_spec(package) is None:
            raise Skipped(AS_WRITTEN, sentence=f"{package} is not installed here.")


def _matrix_rate(size: int, device: torch.device) -> float:
    """Multiplications and additions a second, by the best of a few products."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    one = torch.randn(
        size, size, dtype=dtype, device=device
    )  # zeros and ones draw less power: faster than work is
    best = float("inf")
    for _ in range(_PRODUCTS):
        wait_for(device)
        started = time.perf_counter()
        one @ one
        wait_for(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best
