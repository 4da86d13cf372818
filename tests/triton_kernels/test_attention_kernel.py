"""The attention kernel against float64 and the reference in torch, interpreted on the processor.

Run: TRITON_INTERPRET=1 python -m pytest tests/triton_kernels/test_attention_kernel.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from engines.steps.ops import Heads, Norm
from engines.steps.tables import StepTables
from engines.steps.torch_ops import TorchOps, normalized
from tests.triton_kernels.attending import SHAPES, by_hand, heads_of, mixed_of, tables_over

pytest.importorskip("triton", reason="Triton is not installed here")
pytestmark = [
    pytest.mark.triton,
    pytest.mark.skipif(os.environ.get("TRITON_INTERPRET") != "1", reason="needs TRITON_INTERPRET=1"),
]

NEOX = heads_of(2, 2, 32, 16, packed=True)
GROUPED = heads_of(6, 2, 32, 32)


@pytest.fixture(autouse=True)
def poisoned_outputs() -> Iterator[None]:
    """Memory that nobody wrote is no number: torch fills it so where it has to be deterministic."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


def attended(mixed: Tensor, heads: Heads, tables: StepTables, keys: int = 1024, layer: int = 1) -> Tensor:
    from engines.steps.triton_attention import attend

    arrivals = torch.zeros(len(mixed) * heads.queries, dtype=torch.int32)
    result = attend(mixed, heads, layer, tables, keys, arrivals)
    assert not arrivals.any()
    return result


def held_by(tables: StepTables, layer: int = 1) -> list[Tensor]:
    return [store.clone() for store in tables.layer(layer)]


def hold_against_float64(heads: Heads, lengths: Sequence[int], room: int = 1024) -> None:
    slots = [2 * row + 1 for row in reversed(range(len(lengths)))]
    tables, mixed = tables_over(heads, lengths, slots, room=room), mixed_of(heads, len(lengths))
    wanted, *news = by_hand(mixed, heads, 1, tables)
    before = held_by(tables)
    torch.testing.assert_close(attended(mixed, heads, tables).double(), wanted, atol=2e-6, rtol=0)
    for was, store, new in zip(before, tables.layer(1), news, strict=True):
        torch.testing.assert_close(store[slots, :, lengths].double(), new, atol=2e-6, rtol=0)
        store[slots, :, lengths] = was[slots, :, lengths]
        assert torch.equal(store.view(torch.int32), was.view(torch.int32))


@pytest.mark.parametrize("name", SHAPES)
def test_every_shape_of_heads_attends_as_in_float64_and_writes_its_key_alone(name: str) -> None:
    hold_against_float64(SHAPES[name], [0, 130], room=131)


@pytest.mark.parametrize("heads", [NEOX, heads_of(3, 1, 32, 32, window=70)], ids=["all keys", "window"])
def test_eight_rows_of_odd_lengths_attend_as_in_float64(heads: Heads) -> None:
    hold_against_float64(heads, [0, 1, 63, 64, 127, 128, 129, 1000], room=1001)


def test_more_splits_than_are_put_together_at_once_attend_as_in_float64() -> None:
    heads = heads_of(1, 1, 32, 32)
    tables, mixed = tables_over(heads, [1100], [0], room=1101), mixed_of(heads, 1)
    wanted, *_ = by_hand(mixed, heads, 1, tables)
    torch.testing.assert_close(attended(mixed, heads, tables, 2048).double(), wanted, atol=2e-6, rtol=0)


@pytest.mark.parametrize("heads", [NEOX, GROUPED, heads_of(2, 1, 32, 32, normed=True, window=80)])
def test_a_row_has_the_same_bits_alone_and_in_company_in_every_class_and_slot(heads: Heads) -> None:
    alone = attended(mixed_of(heads, 1), heads, tables_over(heads, [100], [1], room=101))
    in_company = tables_over(heads, [100, 3, 160, 64], [1, 0, 5, 3], room=256)
    assert torch.equal(attended(mixed_of(heads, 4), heads, in_company, 4096)[:1], alone)
    others = torch.cat((mixed_of(heads, 1), mixed_of(heads, 7, seed=50)))
    in_company = tables_over(heads, [100, 0, 9, 33, 1, 64, 2, 5], [1, 8, 7, 6, 5, 4, 3, 2], room=300)
    assert torch.equal(attended(others, heads, in_company, 2048)[:1], alone)


def test_a_spare_row_repeats_the_first_and_changes_nothing() -> None:
    rows, repeated = mixed_of(GROUPED, 3), torch.tensor([0, 1, 2, 0])
    tables, same = (tables_over(GROUPED, [70, 3, 0], [2, 0, 1], room=128) for _ in range(2))
    alone = attended(rows, GROUPED, tables)
    assert torch.equal(attended(rows[repeated], GROUPED, same), alone[repeated])
    for store, again in zip(tables.layer(1), same.layer(1), strict=True):
        assert torch.equal(store.view(torch.int32), again.view(torch.int32))


def halved(norm: Norm | None) -> Norm | None:
    return norm and replace(norm, weight=norm.weight.half())


@pytest.mark.parametrize("name", ["neox of 1.3b", "qwen3", "packed and normed"])
def test_it_rounds_where_the_reference_rounds(name: str) -> None:
    """In float16, which the interpreter rounds as a card does: the new keys are equal bit by bit."""
    half = torch.float16
    heads = replace(
        SHAPES[name],
        query_norm=halved(SHAPES[name].query_norm),
        key_norm=halved(SHAPES[name].key_norm),
    )
    lengths, mixed = [1, 77, 130], mixed_of(heads, 3, half)
    tables, reference = (tables_over(heads, lengths, [0, 2, 1], room=131, dtype=half) for _ in range(2))
    for store in reference.layer(1):
        store.nan_to_num_()
    wanted = TorchOps().attend(mixed, heads, 1, reference, 1024)
    torch.testing.assert_close(attended(mixed, heads, tables), wanted, atol=2e-3, rtol=2e-3)
    for store, held in zip(tables.layer(1), reference.layer(1), strict=True):
        assert torch.equal(store[[0, 2, 1], :, lengths], held[[0, 2, 1], :, lengths])


def test_rows_of_a_wider_tensor_are_read_where_they_lie() -> None:
    wider = torch.cat((mixed_of(NEOX, 2), torch.full((2, 48), torch.nan)), dim=1)
    tables = tables_over(NEOX, [5, 66], [0, 1], room=128)
    assert torch.equal(
        attended(wider[:, :-48], NEOX, tables), attended(mixed_of(NEOX, 2), NEOX, tables, layer=1)
    )


def test_each_layer_is_found_by_its_own_address_and_strides() -> None:
    tables = tables_over(NEOX, [70], [1], room=128)
    cache = tables.cache
    assert cache is not None
    last = cache.layers[2]
    assert last.keys is not None and last.values is not None
    last.keys, last.values = (functional.pad(x, (0, 0, 0, 64)) for x in (last.keys, last.values))
    tables.point_at(cache)
    for layer in range(3):
        wanted, *_ = by_hand(mixed_of(NEOX, 1), NEOX, layer, tables)
        mine = attended(mixed_of(NEOX, 1), NEOX, tables, layer=layer)
        torch.testing.assert_close(mine.double(), wanted, atol=2e-6, rtol=0)


@pytest.mark.parametrize("bias", [False, True], ids=["rms", "layer norm"])
@pytest.mark.parametrize("rows, size", [(1, 96), (8, 130)])
def test_what_a_block_puts_out_is_normed_and_added(rows: int, size: int, bias: bool) -> None:
    from engines.steps.triton_attention import add_normed

    random = torch.Generator().manual_seed(rows)
    x, y, weight, shift = (torch.randn(rows, size, generator=random) for _ in range(4))
    norm = Norm(weight[0], shift[0] if bias else None, 1e-6)
    torch.testing.assert_close(add_normed(x, y, norm), x + normalized(y, norm), atol=2e-6, rtol=1e-6)
