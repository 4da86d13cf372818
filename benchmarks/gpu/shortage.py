"""A real shortage of memory: one answer is lost, everything else lives on.

Knows: how to make a card run short while two models answer, and a stand-in for that on the processor.
Refuses to know: how the engine gets over it.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmarks.gpu.bench import LLAMA, NEOX, Bench, Fact, Finding, faults
from benchmarks.korean import QUESTIONS
from engines.base import Answer, FinishReason, LiveAnswer
from engines.devices import free_bytes
from engines.shortage import clear_device_cache
from engines.stepping import bytes_per_token
from errors import AS_WRITTEN, NaraniError
from tests.engines.running_engine import RunningEngine, answer_of, open_engine

_PATIENCE = 60.0
_SMALLEST_BLOCK = 2 * 2**20


def out_of_memory(bench: Bench) -> Finding:
    """Two models answer; one runs out of memory, the other must not notice."""
    scale, device = bench.scale, torch.device(bench.scale.device)
    with open_engine(bench.only(NEOX, LLAMA), scale.device) as running:
        alone = running.answer(LLAMA, QUESTIONS[2], max_new_tokens=scale.answer_tokens)
        running.answer(NEOX, QUESTIONS[2], max_new_tokens=2)
        needed = scale.long_answer * running.loop.call(lambda: bytes_per_token(running.network(NEOX)))
        before = _used(running, device)
        other = running.ask(LLAMA, QUESTIONS[2], max_new_tokens=scale.answer_tokens)
        _wait_for_tokens(other, 2)
        with _short_of(needed, running, device):
            lost = answer_of(running.ask(NEOX, QUESTIONS[2], max_new_tokens=scale.long_answer))
            seen = other.view().measures.tokens_out
            beside = answer_of(other)
        left = _used(running, device) - before
        again = answer_of(running.ask(NEOX, QUESTIONS[2], max_new_tokens=scale.answer_tokens))
        caches = sum(resident.cache_bytes for resident in running.view().residents)
    return Finding(
        (
            Fact("cache asked for", needed, "bytes"),
            Fact("tokens of the other model after the shortage", beside.measures.tokens_out - seen),
            Fact("memory kept afterwards", max(0, left), "bytes"),
        ),
        (
            *_wrong_answers(lost, beside, alone, again),
            *faults(
                (left <= scale.slack, "Memory did not come back."),
                (caches == 0, "The books still hold a cache."),
            ),
        ),
    )


def _wrong_answers(lost: Answer, beside: Answer, alone: Answer, again: Answer) -> tuple[str, ...]:
    return faults(
        (
            lost.error_code == "out-of-memory",
            f"The long answer ended otherwise: {lost.error or lost.text[:40]}",
        ),
        (beside.finish_reason is FinishReason.LENGTH, f"The other model failed too: {beside.error}"),
        (beside.text == alone.text, "The other model's answer is not the one it gives alone."),
        (again.finish_reason is FinishReason.LENGTH, f"The model does not answer any more: {again.error}"),
    )


@contextmanager
def filled(device: torch.device, leave: int) -> Iterator[None]:
    """Take all memory but `leave` bytes: the driver's, and what torch keeps in blocks it cannot return."""
    clear_device_cache(device)
    blockers, size = [], free_bytes(device)
    while size >= _SMALLEST_BLOCK and free_bytes(device) > leave:
        try:
            wanted = min(size, free_bytes(device) - leave)
            blockers.append(torch.empty(wanted, dtype=torch.uint8, device=device))
        except torch.OutOfMemoryError:
            size //= 2
    try:
        yield
    finally:
        blockers.clear()
        clear_device_cache(device)


@contextmanager
def _short_of(needed: int, running: RunningEngine, device: torch.device) -> Iterator[None]:
    """Too little for what is needed, and enough for the steps of whoever answers already."""
    short = (
        filled(device, needed * 3 // 5) if device.type == "cuda" else _fault_at_a_step(running.stepper(NEOX))
    )
    with short:
        yield


@contextmanager
def _fault_at_a_step(stepper: Any, number: int = 5) -> Iterator[None]:
    """What the allocator of a card would raise, in the middle of an answer."""
    step = stepper.step
    calls = iter(range(10**6))

    def short(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == number:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB")
        return step(*args, **kwargs)

    stepper.step = short
    try:
        yield
    finally:
        del stepper.step


def _used(running: RunningEngine, device: torch.device) -> int:
    """Everything on the card; on the processor what the books say, since others use its memory too."""
    if device.type == "cuda":
        clear_device_cache(device)
        return torch.cuda.memory_allocated(device)
    return running.view().used


def _wait_for_tokens(live: LiveAnswer, count: int) -> None:
    until = time.monotonic() + _PATIENCE
    while live.view().measures.tokens_out < count and not live.ended:
        if time.monotonic() > until:
            raise NaraniError(AS_WRITTEN, sentence=f"{live.model_id} did not begin to answer.")
        time.sleep(0.001)
