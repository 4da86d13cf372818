"""Parking: models that take turns through pinned host memory, against the disk and against a plain copy.

On the processor the same runs in small through memory that is not pinned, and shows no speed.
"""

from __future__ import annotations

import statistics
import time
from itertools import pairwise

import torch

from benchmarks.gpu.bench import LLAMA, NEOX, Bench, Fact, Finding, Scale, faults, wait_for
from benchmarks.korean import QUESTIONS
from engines.host_memory import HostMemory, PinnedMemory
from engines.loading import estimate
from engines.memory import Event
from engines.parking import Parking
from tests.engines.running_engine import open_engine

_ROOM_FOR_CACHE = 1.3
_TURNS = (NEOX, LLAMA, NEOX, LLAMA, NEOX, LLAMA)
_COPIES = 5


def parking(bench: Bench) -> Finding:
    """Two models that fit one at a time take turns: what is parked comes back at the speed of the bus."""
    scale, device = bench.scale, torch.device(bench.scale.device)
    sizes = [estimate(bench.spec(name), "none", device).weight_bytes for name in (NEOX, LLAMA)]
    budget = int(max(sizes) * _ROOM_FOR_CACHE)
    memory = PinnedMemory(device) if scale.is_card else HostMemory()
    parked = Parking(2 * sum(sizes), memory)
    with open_engine(bench.only(NEOX, LLAMA), scale.device, budget, parking=parked) as running:
        answers = [running.answer(name, QUESTIONS[1], max_new_tokens=scale.answer_tokens) for name in _TURNS]
        events, loads = running.view().events, list(running.loads)
    plain = _plain_copy(scale, memory, device)
    wakes = [_speed(event) for event in events if event.what == "wake"]
    read = [_speed(event) for event in events if event.what == "load"]
    parks = [event.seconds for event in events if event.what == "park"]
    changes = [park.seconds + wake.seconds for park, wake in pairwise(events) if wake.what == "wake"]
    wake, load = statistics.median(wakes), statistics.median(read)
    return Finding(
        (
            Fact("wake", wake, "GB/s"),
            Fact("plain pinned copy", plain, "GB/s"),
            Fact("wake over plain copy (target 0.9)", wake / plain),
            Fact("load from files", load, "GB/s"),
            Fact("wake over load", wake / load),
            Fact("first parking, copy and pinning", max(parks), "s"),
            Fact("later parking", min(parks), "s"),
            Fact("a change of models", statistics.median(changes), "s"),
        ),
        faults(
            (loads == [NEOX, LLAMA], "A model was read from the disk again."),
            (answers[0].text == answers[-2].text, "The answer changed when the model came back."),
            (answers[1].text == answers[-1].text, "The answer changed when the model came back."),
            (wake >= 0.9 * plain or not scale.is_card, "Models come back slower than nine tenths of a copy."),
        ),
    )


def _speed(event: Event) -> float:
    return event.bytes / event.seconds / 1e9


def _plain_copy(scale: Scale, memory: HostMemory, device: torch.device) -> float:
    """One block of host memory into one tensor, in GB/s."""
    block = memory.take(scale.copied_bytes)
    there = torch.empty(scale.copied_bytes, dtype=torch.uint8, device=device)
    seconds = []
    for _ in range(_COPIES):
        wait_for(device)
        started = time.perf_counter()
        there.copy_(block, non_blocking=True)
        wait_for(device)
        seconds.append(time.perf_counter() - started)
    memory.give_back(block)
    return scale.copied_bytes / min(seconds) / 1e9
