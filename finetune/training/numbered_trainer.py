"""A trainer whose rows have numbers: by these it keeps their order, and names those that broke it.

    class Tuner(NumberedTrainer, SFTTrainer): ...

Every batch holds the numbers of its rows as BLOCK, which no network is to be given. What a number stands for
(a block, a pair, an answer) is the kind's own; a number that stands for nothing fills up an epoch that
several processes share.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from finetune.tokens.dataset import EpochOrder
from finetune.training.batches import BLOCK
from finetune.training.faults import NotANumber
from finetune.training.resumable_trainer import ResumableTrainer


class NumberedTrainer(ResumableTrainer, ABC):
    def __init__(self, *, order: EpochOrder, **given: Any) -> None:
        self._order = order
        self._in_step: list[int] = []
        super().__init__(**given)

    @abstractmethod
    def sources_of(self, numbers: Sequence[int]) -> list[str]:
        """Where the rows were read."""

    @abstractmethod
    def tokens_of(self, numbers: Sequence[int]) -> int:
        """How many tokens the rows have."""

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self._order

    def _run_epoch(self, *rest: Any, **named: Any) -> None:
        # Not left to accelerate, which does not find the sampler of a resumed epoch on two GPUs.
        self._order.set_epoch(named["epoch"])
        super()._run_epoch(*rest, **named)

    def training_step(self, model: Module, inputs: dict[str, Any], *rest: Any, **named: Any) -> Tensor:
        numbers = inputs[BLOCK].tolist()
        loss = super().training_step(model, inputs, *rest, **named)
        if not torch.isfinite(loss):
            raise NotANumber("loss", self.state.global_step + 1, self.sources_of(numbers))
        self.tokens_seen += self.tokens_of(numbers)
        self._in_step += numbers
        return loss

    def _get_grad_norm(self, model: Module, grad_norm: Any = None) -> Any:
        """Called once a step, before the weights change; in float16 an infinite one only skips the step."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        learned, self._in_step = self._in_step, []
        if self.accelerator.scaler is None and not torch.isfinite(torch.as_tensor(norm)):
            # It is the same in every process, so all of them come by here.
            parts = self.course.group.from_all(self.sources_of(learned))
            raise NotANumber("gradient", self.state.global_step + 1, [row for part in parts for row in part])
        return norm
