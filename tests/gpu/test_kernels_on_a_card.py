"""The kernels of a fused step on a real card: against the reference in torch, in a graph, in company.

Run: python -m pytest -m gpu tests/gpu/test_kernels_on_a_card.py
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
import torch
from torch import Tensor

from benchmarks.gpu.linears import PRODUCTS, Product, operands
from engines.steps.ops import Heads, Linear, Norm, Normed, Rotary
from engines.steps.tables import RowPlace, StepTables
from engines.steps.torch_ops import TorchOps
from tests.triton_kernels.attending import SHAPES, heads_of, mixed_of, tables_over

pytest.importorskip("triton", reason="Triton is not installed here")
DEVICE = "cuda:0"
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
TOLERANCE = {torch.float32: 2e-5, torch.float16: 4e-3, torch.bfloat16: 3e-2}
LENGTHS, SLOTS = [0, 1, 63, 64, 127, 128, 129, 1000], [7, 6, 5, 4, 3, 2, 1, 0]
WHOLE = {
    "neox of 5.8b": heads_of(16, 16, 256, 64, packed=True),
    "llama-2-7b": heads_of(32, 32, 128, 128),
    "8b, grouped": heads_of(32, 8, 128, 128),
    "qwen3": heads_of(28, 4, 128, 128, normed=True),
    "window": heads_of(32, 8, 128, 128, window=100),
}


def on_card(heads: Heads, dtype: torch.dtype) -> Heads:
    def norm(there: Norm | None) -> Norm | None:
        return there and Norm(there.weight.to(DEVICE, dtype), None, there.eps)

    turning = heads.rotary and Rotary(heads.rotary.frequencies.to(DEVICE), heads.rotary.size)
    return replace(heads, rotary=turning, query_norm=norm(heads.query_norm), key_norm=norm(heads.key_norm))


def captured(call: Callable[[], Tensor]) -> tuple[torch.cuda.CUDAGraph, Tensor]:
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        call()
    stream.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        result = call()
    return graph, result


@pytest.mark.parametrize("dtype", TOLERANCE, ids=str)
@pytest.mark.parametrize("name", [*SHAPES, *WHOLE])
def test_every_shape_of_heads_attends_as_the_reference(name: str, dtype: torch.dtype) -> None:
    from engines.steps.triton_ops import TritonOps

    heads = on_card({**SHAPES, **WHOLE}[name], dtype)
    mixed = mixed_of(heads, len(LENGTHS), dtype, DEVICE)
    tables, reference = (
        tables_over(heads, LENGTHS, SLOTS, room=1024, dtype=dtype, device=DEVICE) for _ in range(2)
    )
    for store in reference.layer(1):
        store.nan_to_num_()
    wanted = TorchOps().attend(mixed, heads, 1, reference, 1024)
    mine = TritonOps().attend(mixed, heads, 1, tables, 1024)
    torch.testing.assert_close(mine, wanted, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])
    for store, held in zip(tables.layer(1), reference.layer(1), strict=True):
        news = (at[SLOTS, :, LENGTHS] for at in (store, held))
        torch.testing.assert_close(*news, atol=TOLERANCE[dtype], rtol=TOLERANCE[dtype])


@pytest.mark.parametrize("name", WHOLE)
def test_a_captured_step_attends_in_a_cache_that_has_moved_and_grown(name: str) -> None:
    from engines.steps.triton_ops import TritonOps

    ops, heads = TritonOps(), on_card(WHOLE[name], torch.bfloat16)
    mixed = mixed_of(heads, 8, torch.bfloat16, DEVICE)
    tables, fresh = (
        tables_over(heads, LENGTHS, SLOTS, room=1024, dtype=torch.bfloat16, device=DEVICE) for _ in range(2)
    )
    graph, attended = captured(lambda: ops.attend(mixed, heads, 2, tables, 1024))
    moved_and_grown(tables)
    graph.replay()
    assert torch.equal(attended, TritonOps().attend(mixed, heads, 2, fresh, 4096))
    for each in (tables, fresh):
        each.fill([RowPlace(0, length + 1, slot) for length, slot in zip(LENGTHS, SLOTS, strict=True)])
    graph.replay()
    assert torch.equal(attended, TritonOps().attend(mixed, heads, 2, fresh, 1024))


def moved_and_grown(tables: StepTables) -> None:
    """To other tensors with room for more; what lay in the old ones is no number any more."""
    assert tables.cache is not None
    old = [tables.layer(index) for index in range(len(tables.cache.layers))]
    tables.cache.reserve(tables.cache.slots + 3, 1280)
    tables.point_at(tables.cache)
    for store in (store for layer in old for store in layer):
        store.fill_(torch.nan)


@pytest.mark.parametrize("name", WHOLE)
def test_a_row_on_a_card_has_the_same_bits_alone_and_in_company(name: str) -> None:
    from engines.steps.triton_ops import TritonOps

    heads = on_card(WHOLE[name], torch.bfloat16)
    tables = tables_over(heads, LENGTHS, SLOTS, room=1024, dtype=torch.bfloat16, device=DEVICE)
    mixed = mixed_of(heads, 8, torch.bfloat16, DEVICE)
    together = TritonOps().attend(mixed, heads, 0, tables, 4096)
    for row, (length, slot) in enumerate(zip(LENGTHS, SLOTS, strict=True)):
        tables.fill([RowPlace(0, length, slot)])
        assert torch.equal(TritonOps().attend(mixed[row, None], heads, 0, tables, 1024), together[row, None])


@pytest.mark.parametrize("product", PRODUCTS[:3], ids=lambda one: one.name)
def test_products_of_int8_are_those_of_the_reference_with_the_same_bits_in_company(product: Product) -> None:
    from engines.steps.triton_ops import TritonOps

    random = torch.Generator(DEVICE).manual_seed(0)
    held = operands(product, partial(normal, random), 1, int8=True)
    ops = TritonOps(torch.cuda.get_device_capability() >= (9, 0))
    together, wanted = held.call(ops, 8), held.call(TorchOps(), 8)
    assert (together.double() - wanted.double()).norm() < 5e-3 * wanted.double().norm()
    for rows in (1, 3):  # each number of rows is a kernel to compile
        assert torch.equal(held.call(ops, rows), together[:rows]), f"{rows} rows"


def normal(random: torch.Generator, *sizes: int) -> Tensor:
    """Sums of many have the size of one."""
    values = torch.randn(sizes, generator=random, device=DEVICE)
    return (values / sizes[1] ** 0.5 if len(sizes) > 1 and sizes[0] > 8 else values).to(torch.bfloat16)


@pytest.mark.parametrize("rows", [1, 8])
def test_kernels_that_read_ahead_give_the_bits_of_those_that_wait(rows: int) -> None:
    """Whatever is read before it is written shows in the last of a chain of layers."""
    if torch.cuda.get_device_capability() < (9, 0):
        pytest.skip("dependent launches begin with Hopper")
    chains = [chain_of(rows, pdl) for pdl in (False, True)]  # which hold the weights that the graphs read
    graphs = [captured(chain) for chain in chains]
    made = []
    for graph, x in graphs * 5:
        graph.replay()
        made.append(x.clone())
    assert made[0].isfinite().all() and all(torch.equal(one, made[0]) for one in made)


def chain_of(rows: int, pdl: bool) -> Callable[[], Tensor]:
    """Twelve layers that use every operation."""
    from engines.steps.triton_ops import TritonOps

    ops, half = TritonOps(pdl), torch.bfloat16
    heads = on_card(heads_of(16, 4, 128, 128), half)
    tables = tables_over(heads, LENGTHS[-rows:], SLOTS[-rows:], room=1024, dtype=half, device=DEVICE)
    start = mixed_of(heads_of(16, 0, 128), rows, half, DEVICE)
    random = torch.Generator(DEVICE).manual_seed(0)

    def linear(out: int, size: int) -> Linear:
        weight = torch.randn(out, size, generator=random, device=DEVICE) / size**0.5
        return Linear(weight.to(half))

    norm = Norm(torch.ones(2048, device=DEVICE, dtype=half), None, 1e-6)
    inputs = [Normed(linear(size, 2048), norm) for size in (2048, 512, 512)]
    out, gate, up, down = linear(2048, 2048), linear(5632, 2048), linear(5632, 2048), linear(2048, 5632)

    def chain() -> Tensor:
        x = start.clone()
        for layer in range(12):
            attended = ops.attend(ops.normed(x, inputs), heads, layer % 3, tables, 1024)
            x = ops.added([(attended, out)], x)
            inner = ops.gated(x, norm, gate, up, "silu")
            x = ops.add_normed(x, ops.added([(inner, down)], None), norm)
        return x

    return chain
