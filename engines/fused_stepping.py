"""The processor's fused step: rows as BatchStepper keeps them, prompts and tokens computed by no module.

On small networks much of a token's time goes into the modules' call wrappers and not into arithmetic.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from engines.batch_stepping import BatchStepper
from engines.slot_cache import SlotCache, Window
from engines.stepping import DecodeRow
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.ops import Heads, Rotary
from engines.steps.step import StepName
from engines.steps.tables import StepTables, length_class
from engines.steps.torch_ops import TorchOps, seen_keys


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

    def read(self, row: DecodeRow, ids: list[int]) -> Tensor:
        return self.read_together([row], [ids])[0]

    def read_together(self, rows: list[DecodeRow], prompts: list[list[int]]) -> Tensor:
        """Prompts, or each one's next tokens, in one pass: logits [rows, vocabulary] after their last ones.

        All tokens stand where a step has its rows; each attends to its own row alone."""
        ends = [row.length + len(ids) for row, ids in zip(rows, prompts, strict=True)]
        spans = [torch.arange(row.length, end) for row, end in zip(rows, ends, strict=True)]
        self._prompt_ops.shared.clear()
        self._prompt_ops.windows = [
            Window(row.slot, 1, span[None], row.length, end)
            for row, span, end in zip(rows, spans, ends, strict=True)
        ]
        self._tables.tokens = torch.tensor([token for ids in prompts for token in ids])
        self._tables.lengths = torch.cat(spans)
        hidden = self._fused_prompt.hidden(self._tables, len(self._tables.tokens), length_class(max(ends)))
        lasts = torch.tensor(list(accumulate(map(len, prompts)))) - 1
        logits = self._fused_prompt.logits(hidden[lasts])
        for row, end in zip(rows, ends, strict=True):
            row.length = end
        return logits


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
    """The tokens of one row, or of several one after another, instead of the rows of a step: each sees those
    of its own row before it."""

    def __init__(self, cache: SlotCache) -> None:
        super().__init__(cache)
        self.windows: list[Window] = []
        """Where each row's tokens go."""

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        counts = [window.positions.shape[1] for window in self.windows]
        each = (part.split(counts) for part in self._turned(mixed, heads, tables, keys))
        attended = []
        for window, query, key, value in zip(self.windows, *each, strict=True):
            self._cache.window = window
            keys_held, values_held = self._cache.layers[layer].update(_in_heads(key), _in_heads(value))
            attended.append(
                functional.scaled_dot_product_attention(
                    _in_heads(query),
                    keys_held,
                    values_held,
                    attn_mask=self._seen_by(window, heads.window),
                    scale=heads.scaling,
                    enable_gqa=heads.groups != heads.queries,
                )
            )
        together = attended[0] if len(attended) == 1 else torch.cat(attended, dim=2)
        return together.transpose(1, 2).reshape(len(mixed), heads.queries * heads.size)

    def _seen_by(self, window: Window, nearest: int | None) -> Tensor:
        """Which keys [1, 1, tokens, reach] each of a row's tokens sees."""
        if (window.first_slot, nearest) not in self.shared:
            seen = seen_keys(window.positions[0], window.read_to, nearest)
            self.shared[window.first_slot, nearest] = seen[None, None]
        found: Tensor = self.shared[window.first_slot, nearest]
        return found


def _in_heads(tokens: Tensor) -> Tensor:
    """[tokens, heads, size] as [1, heads, tokens, size]."""
    return tokens.transpose(0, 1)[None]
