"""The processor's fused step: rows as BatchStepper keeps them, their tokens computed by no module.

On small networks much of a token's time goes into the modules' call wrappers and not into arithmetic. Prompts
are read through the modules.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from engines.batch_stepping import BatchStepper
from engines.slot_cache import SlotCache
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.ops import Rotary
from engines.steps.step import StepName
from engines.steps.tables import StepTables, length_class
from engines.steps.torch_ops import TorchOps


class FusedBatchStepper(BatchStepper):
    """A BatchStepper of a base whose network the fused step can read; StepRefused of any other."""

    def __init__(self, model: Any, device: torch.device) -> None:
        super().__init__(model, device)
        self._ops = _WindowOps(self._cache)
        self._fused = FusedStep(read_network(model), self._ops)
        self._tables = StepTables(0, device)

    @property
    def name(self) -> StepName:
        return "fused"

    def _step_logits(self, tokens: list[int], positions: Tensor, read_to: int) -> Tensor:
        self._ops.shared.clear()
        self._tables.tokens, self._tables.lengths = torch.tensor(tokens, device=self._device), positions[:, 0]
        return self._fused(self._tables, len(tokens), length_class(read_to))


class _WindowOps(TorchOps):
    """The rows stand in the first slots without a gap, and the cache's window says how far they are read: so
    nothing is copied out of it. What all layers share is made once a step."""

    def __init__(self, cache: SlotCache) -> None:
        super().__init__()
        self.shared: dict[Any, Any] = {}
        self._cache = cache

    def _with_cache(
        self, key: Tensor, value: Tensor, layer: int, tables: StepTables, keys: int
    ) -> tuple[Tensor, Tensor]:
        held: tuple[Tensor, Tensor] = self._cache.layers[layer].update(key[:, :, None], value[:, :, None])
        return held

    def _seen(self, window: int | None, rows: int, reach: int, tables: StepTables) -> Tensor | None:
        if window not in self.shared:
            assert self._cache.window is not None
            is_whole = self._cache.window.uniform_start is not None and (window is None or reach <= window)
            self.shared[window] = None if is_whole else super()._seen(window, rows, reach, tables)
        seen: Tensor | None = self.shared[window]
        return seen

    def _angles(
        self, rotary: Rotary, rows: int, dtype: torch.dtype, tables: StepTables, keys: int
    ) -> tuple[Tensor, Tensor]:
        if rotary not in self.shared:
            self.shared[rotary] = super()._angles(rotary, rows, dtype, tables, keys)
        angles: tuple[Tensor, Tensor] = self.shared[rotary]
        return angles
