"""What a step attends to in the tests of the kernels: heads, tables over a poisoned cache, and an oracle.

The oracle computes in float64, with torch's attention over the row's own keys and transformers' rotary; only
angles are rounded to float32, as every implementation does.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional
from transformers.models.gpt_neox.modeling_gpt_neox import apply_rotary_pos_emb

from engines.slot_cache import SlotCache
from engines.steps.ops import Heads, Norm, Rotary
from engines.steps.tables import RowPlace, StepTables
from engines.steps.torch_ops import split_heads

LAYERS = 3


def heads_of(
    queries: int,
    groups: int,
    size: int,
    rotary: int = 0,
    *,
    packed: bool = False,
    normed: bool = False,
    window: int | None = None,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> Heads:
    random = torch.Generator().manual_seed(size)

    def norm() -> Norm | None:
        if not normed:
            return None
        return Norm((1 + torch.randn(size, generator=random) / 4).to(device, dtype), None, 1e-6)

    frequencies = 10000 ** -(torch.arange(0, rotary, 2, device=device) / max(1, rotary))
    turning = Rotary(frequencies, rotary) if rotary else None
    return Heads(queries, groups, size, size**-0.5, packed, turning, norm(), norm(), window)


def tables_over(
    heads: Heads,
    lengths: Sequence[int],
    slots: Sequence[int],
    *,
    room: int,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
) -> StepTables:
    """Whatever no row holds is no number. The keys of a slot are the same for every choice of rows."""
    cache = SlotCache(LAYERS)
    cache.slots, cache.length = max(slots) + 2, room
    for index, layer in enumerate(cache.layers):
        shape = (cache.slots, heads.groups, room, heads.size)
        layer.keys = torch.full(shape, torch.nan, dtype=dtype, device=device)
        layer.values = torch.full_like(layer.keys, torch.nan)
        for length, slot in zip(lengths, slots, strict=True):
            random = torch.Generator().manual_seed(1000 * index + slot)
            for store in (layer.keys, layer.values):
                held = torch.randn(length, heads.groups, heads.size, generator=random).to(device, dtype)
                store[slot, :, :length] = held.transpose(0, 1)
    tables = StepTables(LAYERS, torch.device(device))
    tables.point_at(cache)
    tables.fill([RowPlace(0, length, slot) for length, slot in zip(lengths, slots, strict=True)])
    return tables


def mixed_of(
    heads: Heads, rows: int, dtype: torch.dtype = torch.float32, device: str = "cpu", seed: int = 0
) -> Tensor:
    """Queries, keys and values of so many rows; the first rows are the same however many follow."""
    width = (heads.queries + 2 * heads.groups) * heads.size
    parts = [torch.randn(width, generator=torch.Generator().manual_seed(seed + row)) for row in range(rows)]
    return torch.stack(parts).to(device, dtype)


def by_hand(mixed: Tensor, heads: Heads, layer: int, tables: StepTables) -> tuple[Tensor, Tensor, Tensor]:
    """What is attended [rows, queries x size], and the new keys and values, in float64."""
    query, key, value = (part.double()[:, :, None] for part in split_heads(mixed, heads))
    lengths, slots = tables.lengths[: len(mixed)], tables.slots[: len(mixed)]
    query, key = normed(query, heads.query_norm), normed(key, heads.key_norm)
    if heads.rotary is not None:
        angles = (lengths[:, None].float() * heads.rotary.frequencies).double()
        whole = torch.cat((angles, angles), dim=-1)[:, None]
        query, key = apply_rotary_pos_emb(query, key, whole.cos(), whole.sin())
    stores = tables.layer(layer)
    rows = []
    for row, (length, slot) in enumerate(zip(lengths.tolist(), slots.tolist(), strict=True)):
        first = 0 if heads.window is None else max(0, length + 1 - heads.window)
        keys, values = (
            torch.cat((store[slot, :, first:length].double(), new[row]), dim=1)
            for store, new in zip(stores, (key, value), strict=True)
        )
        attended = functional.scaled_dot_product_attention(
            query[row], keys, values, scale=heads.scaling, enable_gqa=True
        )
        rows.append(attended.flatten())
    return torch.stack(rows), key[:, :, 0], value[:, :, 0]


def normed(x: Tensor, norm: Norm | None) -> Tensor:
    if norm is None:
        return x
    return functional.rms_norm(x, x.shape[-1:], norm.weight.double(), norm.eps)


SHAPES = {
    "neox of 5.8b": heads_of(1, 1, 256, 64, packed=True),
    "neox of 1.3b": heads_of(2, 2, 128, 64, packed=True),
    "llama": heads_of(2, 2, 128, 128),
    "grouped": heads_of(4, 1, 128, 128),
    "seven share a key": heads_of(14, 2, 32, 32),
    "more share a key than a program takes": heads_of(20, 1, 32, 32),
    "qwen3": heads_of(4, 2, 64, 64, normed=True),
    "80": heads_of(2, 1, 80, 80),
    "96, a part turned": heads_of(1, 1, 96, 24),
    "not turned": heads_of(2, 1, 64, window=None),
    "window": heads_of(2, 1, 32, 32, window=100),
    "a window of one": heads_of(1, 1, 32, 32, window=1),
    "packed and normed": heads_of(2, 2, 80, 20, packed=True, normed=True),
}
