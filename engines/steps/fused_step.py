"""One step of a network, apart from its reading: a few operations a layer, by kernels or by torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engines.steps.fused_network import FusedLayer, FusedNetwork, Gated
from engines.steps.ops import Linear, Norm, Normed, StepOps
from engines.steps.step import StepName
from engines.steps.tables import StepTables


class FusedStep:
    """A DecodeStep; its weights are those of the loaded modules."""

    name: StepName = "fused"

    def __init__(self, network: FusedNetwork, ops: StepOps) -> None:
        self._network, self._ops = network, ops
        self.by_address = ops.by_address

    def __call__(self, tables: StepTables, rows: int, keys: int) -> torch.Tensor:
        return self.logits(self.hidden(tables, rows, keys))

    def hidden(self, tables: StepTables, rows: int, keys: int) -> Tensor:
        """What the last layer puts out [rows, hidden]."""
        x = functional.embedding(tables.tokens[:rows], self._network.embedding)
        for index, layer in enumerate(self._network.layers):
            run = self._parallel if layer.is_parallel else self._sequential
            x = run(x, layer, index, tables, keys)
        return x

    def logits(self, x: Tensor) -> Tensor:
        return self._ops.normed(x, [self._network.head])

    def _parallel(self, x: Tensor, layer: FusedLayer, index: int, tables: StepTables, keys: int) -> Tensor:
        assert not isinstance(layer.perceptron, Gated)
        both = self._ops.normed(x, [*layer.inputs, layer.perceptron])
        width = layer.down.weight.shape[1]
        mixed, inner = both[:, :-width], both[:, -width:]
        attended = self._ops.attend(mixed, layer.heads, index, tables, keys)
        return self._ops.added([(inner, layer.down), (attended, layer.out)], x)

    def _sequential(self, x: Tensor, layer: FusedLayer, index: int, tables: StepTables, keys: int) -> Tensor:
        mixed = self._ops.normed(x, layer.inputs)
        attended = self._ops.attend(mixed, layer.heads, index, tables, keys)
        x = self._joined(x, attended, layer.out, layer.attention_norm)
        return self._joined(x, self._inner(x, layer.perceptron), layer.down, layer.perceptron_norm)

    def _inner(self, x: Tensor, half: Normed | Gated) -> Tensor:
        if isinstance(half, Gated):
            return self._ops.gated(x, half.norm, half.gate, half.up, half.activation)
        return self._ops.normed(x, [half])

    def _joined(self, x: Tensor, y: Tensor, linear: Linear, norm: Norm | None) -> Tensor:
        if norm is None:
            return self._ops.added([(y, linear)], x)
        return self._ops.add_normed(x, self._ops.added([(y, linear)], None), norm)
