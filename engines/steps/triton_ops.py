"""The operations of a fused step as Triton kernels, apart from what runs where no Triton is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from engines.steps import triton_attention, triton_linears
from engines.steps.ops import Activation, Heads, Linear, Norm, Normed
from engines.steps.tables import StepTables

_COUNTERS = 4096


class TritonOps:
    """The StepOps of one model; steps of it never run beside each other, because they count in one place."""

    by_address = True

    def __init__(self, pdl: bool = False) -> None:
        """With `pdl` a kernel begins to read its weights while the one before it ends (from Hopper on)."""
        self._pdl = pdl
        self._arrivals: list[Tensor] = []

    def normed(self, x: Tensor, parts: Sequence[Normed]) -> Tensor:
        return triton_linears.normed(x, parts, self._pdl)

    def gated(self, x: Tensor, norm: Norm | None, gate: Linear, up: Linear, activation: Activation) -> Tensor:
        return triton_linears.gated(x, norm, gate, up, activation, self._pdl)

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        arrivals = self._counters(len(mixed) * heads.queries, mixed.device)
        return triton_attention.attend(mixed, heads, layer, tables, keys, arrivals, self._pdl)

    def added(self, parts: Sequence[tuple[Tensor, Linear]], residual: Tensor | None) -> Tensor:
        return triton_linears.added(parts, residual, self._pdl)

    def add_normed(self, x: Tensor, y: Tensor, norm: Norm) -> Tensor:
        return triton_attention.add_normed(x, y, norm, self._pdl)

    def _counters(self, count: int, device: torch.device) -> Tensor:
        """Zeros at an address that stays: those outgrown are kept, since captured steps count in them."""
        if not self._arrivals or len(self._arrivals[-1]) < count:
            size = max(count, _COUNTERS)
            self._arrivals.append(torch.zeros(size, dtype=torch.int32, device=device))
        return self._arrivals[-1]
