"""Load and release, and eviction: the bytes that really come and go on the device.

Knows: what the pool's books say, and what the device itself says.
Refuses to know: how a load or a release is done.
"""

from __future__ import annotations

import torch

from benchmarks.gpu.bench import LLAMA, NEOX, Bench, Fact, Finding, faults
from benchmarks.korean import QUESTIONS
from engines.base import FinishReason
from engines.loading import estimate
from engines.memory import Event
from engines.shortage import clear_device_cache
from tests.engines.running_engine import open_engine

_ROOM_FOR_CACHE = 1.3


def load_and_release(bench: Bench) -> Finding:
    """One model in, one answer, the model out: as many bytes come back as it took."""
    scale, device = bench.scale, torch.device(bench.scale.device)
    with open_engine(bench.only(NEOX), scale.device) as running:
        clear_device_cache(device)
        allocated, free_before = _allocated(device), _driver_free(device)
        answer = running.answer(NEOX, QUESTIONS[0], max_new_tokens=scale.answer_tokens)
        weights = running.view().residents[0].weight_bytes
        free_beside = _driver_free(device)
        running.release(NEOX)
        load, release = running.view().events
        left = _allocated(device) - allocated
        free_after = _driver_free(device)
    facts = [
        Fact("weights", weights, "bytes"),
        Fact("load", load.seconds, "s"),
        Fact("load speed", weights / load.seconds / 1e9, "GB/s"),
        Fact("came back", release.bytes, "bytes"),
        Fact("release", release.seconds, "s"),
    ]
    if scale.is_card:
        for when, free in (("before", free_before), ("beside it", free_beside), ("after", free_after)):
            facts.append(Fact(f"free for everyone on the card {when}", free, "bytes"))
    return Finding(
        tuple(facts),
        faults(
            (answer.finish_reason is FinishReason.LENGTH, "The answer ended early."),
            (release.bytes >= weights - scale.slack, "Fewer bytes came back than the weights took."),
            (left <= scale.slack, f"{left} bytes are still allocated."),
        ),
    )


def eviction(bench: Bench) -> Finding:
    """Two models that fit one at a time, asked in turn: the idle one goes before the other comes."""
    scale, device = bench.scale, torch.device(bench.scale.device)
    sizes = _sizes(bench)
    budget = int(max(sizes) * _ROOM_FOR_CACHE)
    _reset_peak(device)
    with open_engine(bench.only(NEOX, LLAMA), scale.device, budget) as running:
        names = (NEOX, LLAMA, NEOX)
        answers = [running.answer(name, QUESTIONS[1], max_new_tokens=scale.answer_tokens) for name in names]
        view = running.view()
    peak = _peak(device)
    wanted = [("load", NEOX), ("release", NEOX), ("load", LLAMA), ("release", LLAMA), ("load", NEOX)]
    return Finding(
        (
            Fact("budget", budget, "bytes"),
            Fact("both together", sum(sizes), "bytes"),
            Fact("most used by the books", view.most_used, "bytes"),
            *([Fact("most allocated on the card", peak, "bytes")] if scale.is_card else []),
            Fact("a change of models", _changing(view.events), "s"),
        ),
        faults(
            (
                all(answer.finish_reason is FinishReason.LENGTH for answer in answers),
                "An answer ended early.",
            ),
            ([(e.what, e.model_id) for e in view.events] == wanted, "The models did not take turns."),
            (view.most_used <= budget, "The books exceed the budget."),
            (peak <= budget + scale.slack or not scale.is_card, "More was allocated than the budget."),
            (answers[0].text == answers[2].text, "The answer changed when the model came back."),
        ),
    )


def _sizes(bench: Bench) -> list[int]:
    device = torch.device(bench.scale.device)
    return [estimate(bench.spec(name), "none", device).weight_bytes for name in (NEOX, LLAMA)]


def _changing(events: tuple[Event, ...]) -> float:
    """Seconds to release one and load the other, the first load left out."""
    return sum(event.seconds for event in events[1:]) / 2


def _allocated(device: torch.device) -> int:
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def _driver_free(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def _reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def _peak(device: torch.device) -> int:
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0
