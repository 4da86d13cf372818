"""The processor's fused step: rows as BatchStepper keeps them, prompts and tokens computed by no module.

On small networks much of a token's time goes into the modules' call wrappers and not into arithmetic.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engines.batch_stepping import BatchStepper
from engines.slot_cache import SlotCache
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.ops import Heads, Rotary
from engines.steps.step import StepName
from engines.steps.tables import StepTables, length_class
from engines.steps.torch_ops import TorchOps


class FusedBatchStepper(BatchStepper):
    """A BatchStepper of a base whose network the fused step can read; StepRefused of any other."""

    def __init__(self, model: Any, device: torch.device) -> None:
        super().__init__(model, device)
        network = read_network(model)
        self._ops, self._prompt_ops = _WindowOps(self._cache), _PromptOps(self._cache)
        self._fused, self._fused_prompt = FusedStep(network, self._ops), FusedStep(network, self._prompt_ops)
        self._tables = StepTables(0, device)

    @property
    def name(self) -> StepName:
        return "fused"

    def _step_logits(self, tokens: list[int], positions: Tensor, read_to: int) -> Tensor:
        self._ops.shared.clear()
        self._tables.tokens, self._tables.lengths = torch.tensor(tokens, device=self._device), positions[:, 0]
        return self._fused(self._tables, len(tokens), length_class(read_to))

    def _forward(self, ids: list[list[int]], positions: Tensor, read_to: int) -> Tensor:
        """A prompt's tokens stand where a step has its rows; only its last one is asked what comes next."""
        self._prompt_ops.shared.clear()
        self._tables.tokens, self._tables.lengths = torch.tensor(ids[0], device=self._device), positions[0]
        hidden = self._fused_prompt.hidden(self._tables, len(ids[0]), length_class(read_to))
        return self._fused_prompt.logits(hidden[-1:])


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


class _PromptOps(_WindowOps):
    """The tokens of one row instead of the rows of a step: each sees the ones before it."""

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        query, key, value = self._turned(mixed, heads, tables, keys)
        keys_held, values_held = self._cache.layers[layer].update(_in_heads(key), _in_heads(value))
        attended = functional.scaled_dot_product_attention(
            _in_heads(query),
            keys_held,
            values_held,
            attn_mask=self._seen(heads.window, len(mixed), keys_held.shape[2], tables),
            scale=heads.scaling,
            enable_gqa=heads.groups != heads.queries,
        )
        return attended.transpose(1, 2).reshape(len(mixed), heads.queries * heads.size)

    def _seen(self, window: int | None, rows: int, reach: int, tables: StepTables) -> Tensor | None:
        if window not in self.shared:
            seen = TorchOps._seen(self, window, rows, reach, tables)
            assert seen is not None
            self.shared[window] = seen.view(1, 1, rows, reach)
        seen_before: Tensor | None = self.shared[window]
        return seen_before


def _in_heads(tokens: Tensor) -> Tensor:
    """[tokens, heads, size] as [1, heads, tokens, size]."""
    return tokens.transpose(0, 1)[None]
