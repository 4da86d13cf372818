"""A linear layer of int8 rows: its weights, products and gradients, and that nothing is read on the host.

Run: python -m pytest tests/engines/steps/test_int8_linear.py
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from engines.steps import int8_linear
from engines.steps.int8_linear import Int8Linear, dequantized, quantized

TYPES = [torch.float32, torch.bfloat16, torch.float16]


def layer_of(weight: Tensor, bias: bool = True) -> Int8Linear:
    layer = Int8Linear(weight.shape[1], weight.shape[0], bias).to(weight.dtype)
    rows, layer.scale = quantized(weight)
    layer.weight = nn.Parameter(rows, requires_grad=False)
    return layer.requires_grad_(False)


@pytest.mark.parametrize("dtype", TYPES, ids=str)
def test_a_weight_is_within_half_a_step_of_its_row(dtype: torch.dtype) -> None:
    weight = torch.randn(7, 33).to(dtype)
    weight[2], weight[3], weight[4, 5] = 0, 1e-30 if dtype != torch.float16 else 6e-8, 60_000.0
    rows, scale = quantized(weight)
    assert rows.dtype == torch.int8 and scale.dtype == torch.float32 and int(rows.min()) >= -127
    assert rows.abs().amax(1).tolist() == [127, 127, 0, 127, 127, 127, 127]
    apart = (rows.double() * scale[:, None].double() - weight.double()).abs()
    assert bool((apart <= 0.5001 * scale[:, None].double()).all())
    assert torch.equal(dequantized(rows, scale, dtype), (rows * scale[:, None]).to(dtype))


def test_rows_are_made_wide_some_at_a_time_and_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rows, scale = quantized(torch.randn(7, 33))
    for most in (1, 33, 70, 7 * 33, 1000):
        monkeypatch.setattr(int8_linear, "_IN_CACHE", most)
        assert torch.equal(dequantized(rows, scale, torch.bfloat16), (rows * scale[:, None]).bfloat16())


@pytest.mark.parametrize("dtype", TYPES, ids=str)
@pytest.mark.parametrize("bias", [True, False])
def test_it_multiplies_like_a_plain_layer_of_its_weights(dtype: torch.dtype, bias: bool) -> None:
    layer, x = layer_of(torch.randn(9, 16).to(dtype), bias), torch.randn(2, 3, 16).to(dtype)
    plain = dequantized(layer.weight, layer.scale, dtype)
    assert torch.equal(layer(x), functional.linear(x, plain, layer.bias))


def test_gradients_pass_through_it_and_it_keeps_no_wide_matrix_for_them() -> None:
    layer, x = layer_of(torch.randn(9, 16)), torch.randn(2, 3, 16, requires_grad=True)
    kept: list[Tensor] = []

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        y = layer(x)
    y.square().sum().backward()
    wanted = 2 * y.detach() @ dequantized(layer.weight, layer.scale, torch.float32)
    torch.testing.assert_close(x.grad, wanted)
    assert {tensor.dtype for tensor in kept if tensor.shape == layer.weight.shape} == {torch.int8}


def test_nothing_is_read_on_the_host() -> None:
    """The device without memory has nothing to read."""
    layer = Int8Linear(16, 9).to("meta")
    with torch.inference_mode():
        assert layer(torch.empty(2, 16, device="meta")).shape == (2, 9)
