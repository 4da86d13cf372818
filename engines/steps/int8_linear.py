"""A linear layer whose weights are int8 with a scale for each output, and how weights become such.

It stands apart from loading and from the steps because both build on it. Activations keep the model's own
type: for a product by torch the weights are brought back to it, layer by layer; the fused step's kernels read
the int8 weights themselves. Nothing is read on the host, so a step through such layers can be captured.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

_LARGEST = 127
_IN_CACHE = 2**17


class Int8Linear(nn.Linear):
    """Made with weights that say nothing yet. They never learn, but pass gradients on to what is below."""

    scale: Tensor
    """[out], float32."""
    stored_transposed: bool = False
    """Its file has [in, out], as GPT-2's have."""

    def __init__(self, in_features: int, out_features: int, bias: bool = True) -> None:
        super().__init__(in_features, out_features, bias)
        self.weight = nn.Parameter(torch.empty_like(self.weight, dtype=torch.int8), requires_grad=False)
        self.register_buffer("scale", torch.empty(out_features, device=self.weight.device))

    def forward(self, x: Tensor) -> Tensor:
        product: Tensor = _Product.apply(x, self.weight, self.scale, self.bias)
        return product


def quantized(weight: Tensor) -> tuple[Tensor, Tensor]:
    """int8 rows and the scale of each: its largest weight becomes 127."""
    largest = torch.linalg.vector_norm(weight, ord=torch.inf, dim=1, dtype=torch.float32)
    scale = (largest / _LARGEST).clamp(min=torch.finfo(torch.float32).tiny)
    return (weight / scale[:, None]).round_().clamp_(-_LARGEST, _LARGEST).to(torch.int8), scale


def dequantized(weight: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """Each weight rounded once to the type. A processor makes float32 of all of them on the way: of some rows
    at a time, which its cache holds."""
    matrix = torch.empty(weight.shape, dtype=dtype, device=weight.device)
    some = max(1, _IN_CACHE // weight.shape[1]) if weight.device.type == "cpu" else len(weight)
    for rows, by, place in zip(
        weight.split(some), scale[:, None].split(some), matrix.split(some), strict=True
    ):
        torch.mul(rows, by, out=place)
    return matrix


class _Product(torch.autograd.Function):
    """Keeps the int8 weights for the way back, not the matrix that it makes of them."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, scale: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(weight, scale)
        return functional.linear(x, dequantized(weight, scale, x.dtype), bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None]:
        weight, scale = ctx.saved_tensors
        return gradients[0] @ dequantized(weight, scale, gradients[0].dtype), None, None, None
