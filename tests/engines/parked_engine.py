"""A real engine on the processor that parks its models: the host memory is counted, and not pinned.

It makes models of one size, and asks them shortly. What is tested, it does not know.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from engines.base import Answer
from engines.host_memory import HostMemory
from engines.memory import PoolView
from tests.engines.running_engine import RunningEngine, make_models

QUESTIONS = ("하늘은 왜 파란가요?", "수도는?", "김치찌개를 끓일 때는 무엇을 먼저 볶나요?")
HIDDEN = 128
"""Weights large enough that a budget is about them and not about caches."""


class CountedMemory(HostMemory):
    """For tests on the processor: all of parking but the pinning."""

    def __init__(self) -> None:
        self.out: dict[int, int] = {}
        self.taken = 0
        """Blocks, ever."""
        self.fails_at: int | None = None
        """The block that cannot be had any more."""

    @property
    def nbytes(self) -> int:
        return sum(self.out.values())

    def take(self, size: int) -> torch.Tensor:
        if self.taken == self.fails_at:
            raise MemoryError("no more blocks")
        block = super().take(size)
        self.out[block.data_ptr()] = size
        self.taken += 1
        return block

    def give_back(self, block: torch.Tensor) -> None:
        del self.out[block.data_ptr()]  # a block that is not out is an error


def storages_of(network: Any) -> dict[int, int]:
    """Bytes of each storage of a network, by its identity."""
    tensors = (*network.parameters(), *network.buffers())
    return {tensor.untyped_storage()._cdata: tensor.untyped_storage().nbytes() for tensor in tensors}


def models_of_a_size(folder: Path) -> dict[str, Any]:
    """a, b, c and d."""
    return make_models(folder, dict.fromkeys("abcd", "gpt_neox"), hidden=HIDDEN)


def said(answer: Answer) -> tuple[object, ...]:
    return answer.text, answer.finish_reason, answer.measures.tokens_out


def asked(running: RunningEngine, model_id: str, question: str = QUESTIONS[0]) -> tuple[object, ...]:
    return said(running.answer(model_id, question, max_new_tokens=8))


def parked(view: PoolView) -> list[str]:
    return [each.model_id for each in view.parked]


def happened(running: RunningEngine) -> list[tuple[str, str]]:
    return [(event.what, event.model_id) for event in running.view().events]
