"""Decoding as a share of what the memory can move: one model alone, and three at once.

Knows: the bytes a token costs, and the speed at which this very device copies.
Refuses to know: how a step is computed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import torch

from benchmarks.gpu.bench import GROUPED, LLAMA, NEOX, TWIN, Bench, Fact, Finding, Skipped, faults, wait_for
from benchmarks.korean import ordinary
from benchmarks.networks import korean_tokenizer
from engines.base import Answer, FinishReason
from engines.devices import network_bytes
from engines.stepping import bytes_per_token
from errors import AS_WRITTEN
from tests.engines.running_engine import RunningEngine, answer_of, open_engine

_ALONE = (NEOX, LLAMA, GROUPED)
_TOGETHER = (NEOX, TWIN, LLAMA)
_COPIES = 10
_LEAST, _LEAST_TOGETHER = 0.80, 0.83
"""Of the bandwidth that a copy reaches: 0.72 and 0.75 of what the data sheets say."""


def decode_share(bench: Bench) -> Finding:
    """Tokens a second times bytes a token, over the measured copy bandwidth."""
    scale = bench.scale
    names = dict.fromkeys((*_ALONE, *_TOGETHER))
    with open_engine(bench.only(*names), scale.device) as running:
        for name in names:
            _refuse_no_room(answer_of(running.ask(name, "?", max_new_tokens=2)))
        copied = running.loop.call(lambda: copy_bandwidth(scale.copied_bytes, torch.device(scale.device)))
        costs = {name: bytes_a_token(running, name, bench) for name in names}
        alone = {name: _ask(running, bench, name)[0] for name in names}
        together = _ask(running, bench, *_TOGETHER)
    one_by_one = sum(alone[name].measures.answering_seconds or 0.0 for name in _TOGETHER)
    seconds = max(answer.measures.answering_seconds or 0.0 for answer in together)
    shares = {name: rate_of(alone[name]) * costs[name] / copied for name in _ALONE}
    joint = sum(rate_of(answer) * costs[answer.model_id] for answer in together) / copied
    facts = [Fact("copy bandwidth", copied / 1e9, "GB/s")]
    for name, share in shares.items():
        step = alone[name].measures.step or "unknown"
        facts.append(Fact(f"{name} alone by {step}", rate_of(alone[name]), "tokens/s"))
        facts.append(Fact(f"{name} alone, share of the bandwidth", share))
    facts += [
        Fact("three at once", sum(map(rate_of, together)), "tokens/s"),
        Fact("three at once, share of the bandwidth", joint),
        Fact("three at once, time over the sum of each alone", seconds / one_by_one),
    ]
    ended = all(a.finish_reason is FinishReason.LENGTH for a in (*alone.values(), *together))
    same = all(alone[answer.model_id].text == answer.text for answer in together)
    right = faults((ended, "An answer failed."), (same, "An answer changes when others run beside it."))
    return Finding(tuple(facts), (*right, *(_too_slow(shares, joint) if scale.is_card else ())))


def _too_slow(shares: Mapping[str, float], joint: float) -> tuple[str, ...]:
    alone = ((share >= _LEAST, f"{name} alone: less than {_LEAST:g}.") for name, share in shares.items())
    return faults(*alone, (joint >= _LEAST_TOGETHER, f"Three at once: less than {_LEAST_TOGETHER:g}."))


def question_of(bench: Bench) -> str:
    """As long as the scale says."""
    ids = korean_tokenizer().encode(ordinary(), add_special_tokens=False)
    return str(korean_tokenizer().decode(ids[: bench.scale.prompt_tokens]))


def _ask(running: RunningEngine, bench: Bench, *names: str) -> list[Answer]:
    lives = [
        running.ask(name, question_of(bench), max_new_tokens=bench.scale.answer_tokens) for name in names
    ]
    return [answer_of(live) for live in lives]


def _refuse_no_room(answer: Answer) -> None:
    if answer.error_code == "no-room":
        raise Skipped(AS_WRITTEN, sentence=f"Three models do not fit here: {answer.error}")


def rate_of(answer: Answer) -> float:
    return answer.measures.tokens_per_second or 0.0


def bytes_a_token(running: RunningEngine, name: str, bench: Bench) -> float:
    """All weights but the input embedding, of which one row is read, and the cache at its mean length."""

    def count() -> float:
        network = running.network(name)
        embedding = network.get_input_embeddings().weight.nbytes
        context = bench.scale.prompt_tokens + bench.scale.answer_tokens / 2
        return network_bytes(network) - embedding + context * bytes_per_token(network)

    return running.loop.call(count)


def copy_bandwidth(size: int, device: torch.device) -> float:
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
