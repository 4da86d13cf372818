"""How much of a model is learned, counted in the two ways that people print.

Knows: that four-bit weights are stored two to a byte, so that counting what is stored counts half of them.
Refuses to know: how a network is loaded, and which layers ought to be learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn

from finetune.run_settings import Method
from finetune.shapes import NetworkShape


@dataclass(frozen=True)
class Trainable:
    """Counted with the LoRA layers, where there are any."""

    trainable: int
    total: int
    """Every parameter for what it stands for."""
    packed: int
    """As stored: two four-bit weights are one. What other tools print for QLoRA."""

    @property
    def percent(self) -> float:
        return 100 * self.trainable / self.total

    @property
    def packed_percent(self) -> float:
        return 100 * self.trainable / self.packed

    def __str__(self) -> str:
        said = f"{self.trainable:,} of {self.total:,} parameters are learned: {self.percent:.4f} %"
        if self.packed == self.total:
            return f"{said}."
        return (
            f"{said} (honest: every weight counted); {self.packed_percent:.4f} % of {self.packed:,} "
            "(packed: two 4-bit weights counted as one, as other tools print it)."
        )


def count(network: nn.Module) -> Trainable:
    """Counted in a network that is ready to learn, quantized or not."""
    trainable = total = packed = 0
    for parameter in network.parameters():
        values = _stands_for(parameter)
        total += values
        packed += parameter.numel()
        trainable += values if parameter.requires_grad else 0
    return Trainable(trainable, total, packed)


def foreseen(shape: NetworkShape, method: Method) -> Trainable:
    """Before anything is loaded or changed."""
    if method == "full":
        return Trainable(shape.parameters, shape.parameters, shape.parameters)
    total = shape.parameters + shape.adapter
    return Trainable(shape.adapter, total, total - (shape.linear // 2 if method == "qlora" else 0))


def _stands_for(parameter: torch.Tensor) -> int:
    state = getattr(parameter, "quant_state", None)
    return parameter.numel() if state is None else math.prod(state.shape)
