"""The operations of a fused step in torch: the kernels are held against them, and the processor runs them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from engines.steps.ops import Heads
from engines.steps.tables import StepTables


class TorchOps:
    """Reads the cache through its tensors, so a captured step is captured anew when the cache moves."""

    by_address = False

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        rows = len(mixed)
        counts = [heads.queries, heads.groups, heads.groups]
        queries, key, value = mixed.view(rows, -1, heads.size).split(counts, dim=1)
        held_keys, held_values = tables.layer(layer)
        slots, lengths = tables.slots[:rows], tables.lengths[:rows]
        held_keys[slots, :, lengths], held_values[slots, :, lengths] = key, value
        read = min(keys, held_keys.shape[2])
        output = functional.scaled_dot_product_attention(
            queries[:, :, None],
            held_keys[slots, :, :read],
            held_values[slots, :, :read],
            attn_mask=_seen(lengths, read, heads.window)[:, None, None],
            scale=heads.scaling,
            enable_gqa=heads.queries != heads.groups,
        )
        return output.reshape(rows, heads.queries * heads.size)


def _seen(lengths: Tensor, keys: int, window: int | None) -> Tensor:
    """[rows, keys]: what each row's new token sees, itself included."""
    places, own = torch.arange(keys, device=lengths.device), lengths[:, None]
    seen = places <= own
    return seen if window is None else seen & (places > own - window)
