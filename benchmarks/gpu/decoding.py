"""Decoding as a share of what the memory can move: one model alone, and three at once.

Knows: the bytes a token costs, and the speed at which this very device copies.
Refuses to know: how a step is computed.
"""

from __future__ import annotations

import time

import torch

from benchmarks.gpu.bench import LLAMA, NEOX, TWIN, Bench, Fact, Finding, Skipped, faults, wait_for
from benchmarks.korean import ordinary
from benchmarks.networks import korean_tokenizer
from engines.base import Answer, FinishReason
from engines.devices import network_bytes
from engines.stepping import bytes_per_token
from errors import AS_WRITTEN
from tests.engines.running_engine import RunningEngine, answer_of, open_engine

_NAMES = (NEOX, TWIN, LLAMA)
_COPIES = 10


def decode_share(bench: Bench) -> Finding:
    """Tokens a second times bytes a token, over the measured copy bandwidth."""
    scale = bench.scale
    with open_engine(bench.specs, scale.device) as running:
        for name in _NAMES:
            _refuse_no_room(answer_of(running.ask(name, "?", max_new_tokens=2)))
        copied = running.loop.call(lambda: _copy_bandwidth(scale.copied_bytes, torch.device(scale.device)))
        costs = {name: _bytes_a_token(running, name, bench) for name in _NAMES}
        alone = {name: _ask(running, bench, name)[0] for name in _NAMES}
        together = _ask(running, bench, *_NAMES)
        seconds = max(answer.measures.answering_seconds or 0.0 for answer in together)
    one_by_one = sum(answer.measures.answering_seconds or 0.0 for answer in alone.values())
    rates = {name: _rate(alone[name]) for name in (NEOX, LLAMA)}
    moved = sum(_rate(answer) * costs[answer.model_id] for answer in together)
    facts = [Fact("copy bandwidth", copied / 1e9, "GB/s")]
    for name, rate in rates.items():
        facts.append(Fact(f"{name} alone", rate, "tokens/s"))
        facts.append(Fact(f"{name} alone, share of the bandwidth", rate * costs[name] / copied))
    facts += [
        Fact("three at once", sum(map(_rate, together)), "tokens/s"),
        Fact("three at once, share of the bandwidth", moved / copied),
        Fact("three at once, time over the sum of each alone", seconds / one_by_one),
    ]
    ended = all(a.finish_reason is FinishReason.LENGTH for a in (*alone.values(), *together))
    same = all(alone[answer.model_id].text == answer.text for answer in together)
    return Finding(
        tuple(facts),
        faults((ended, "An answer failed."), (same, "An answer changes when others run beside it.")),
    )


def _ask(running: RunningEngine, bench: Bench, *names: str) -> list[Answer]:
    question = korean_tokenizer().decode(
        korean_tokenizer().encode(ordinary(), add_special_tokens=False)[: bench.scale.prompt_tokens]
    )
    lives = [running.ask(name, question, max_new_tokens=bench.scale.answer_tokens) for name in names]
    return [answer_of(live) for live in lives]


def _refuse_no_room(answer: Answer) -> None:
    if answer.error_code == "no-room":
        raise Skipped(AS_WRITTEN, sentence=f"Three models do not fit here: {answer.error}")


def _rate(answer: Answer) -> float:
    return answer.measures.tokens_per_second or 0.0


def _bytes_a_token(running: RunningEngine, name: str, bench: Bench) -> float:
    """All weights but the input embedding, of which one row is read, and the cache at its mean length."""

    def count() -> float:
        network = running.network(name)
        embedding = network.get_input_embeddings().weight.nbytes
        context = bench.scale.prompt_tokens + bench.scale.answer_tokens / 2
        return network_bytes(network) - embedding + context * bytes_per_token(network)

    return running.loop.call(count)


def _copy_bandwidth(size: int, device: torch.device) -> float:
    """Bytes read and written a second by the best of a few copies inside the device's memory."""
    source = torch.randint(256, (size,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = float("inf")
    for _ in range(_COPIES):
        wait_for(device)
        started = time.perf_counter()
        target.copy_(source)
        wait_for(device)
        best = min(best, time.perf_counter() - started)
    return 2 * size / best
