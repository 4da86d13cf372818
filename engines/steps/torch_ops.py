"""The operations of a fused step in torch: what the kernels are held against, and what runs without one.

Each rounds to the model's type where transformers' modules do, so both give the same figures. Nothing is read
on the host: the operations run on any device, the one without memory ("meta") too.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from engines.steps.int8_linear import dequantized
from engines.steps.ops import Activation, Heads, Linear, Norm, Normed, Rotary
from engines.steps.tables import StepTables


class TorchOps:
    """Reads the cache through its tensors, so a captured step is captured anew when the cache moves."""

    by_address = False

    def __init__(self) -> None:
        self._turns: dict[tuple[Rotary, torch.dtype, int], tuple[Tensor, Tensor]] = {}

    def normed(self, x: Tensor, parts: Sequence[Normed]) -> Tensor:
        seen: dict[Norm | None, Tensor] = {None: x}
        made = []
        for part in parts:
            if part.norm is not None and part.norm not in seen:
                seen[part.norm] = normalized(x, part.norm)
            y = _linear(seen[part.norm], part.linear)
            made.append(y if part.activation is None else activated(y, part.activation))
        return made[0] if len(made) == 1 else torch.cat(made, dim=-1)

    def gated(self, x: Tensor, norm: Norm | None, gate: Linear, up: Linear, activation: Activation) -> Tensor:
        seen = x if norm is None else normalized(x, norm)
        return activated(_linear(seen, gate), activation) * _linear(seen, up)

    def attend(self, mixed: Tensor, heads: Heads, layer: int, tables: StepTables, keys: int) -> Tensor:
        rows = len(mixed)
        query, key, value = self._turned(mixed, heads, tables, keys)
        held_keys, held_values = self._with_cache(key, value, layer, tables, keys)
        # The queries that share a key stand as the tokens of one head: no key is copied for them.
        shared = query.reshape(rows, heads.groups, heads.queries // heads.groups, heads.size)
        attended = functional.scaled_dot_product_attention(
            shared,
            held_keys,
            held_values,
            attn_mask=self._seen(heads.window, rows, held_keys.shape[2], tables),
            scale=heads.scaling,
        )
        return attended.reshape(rows, heads.queries * heads.size)

    def added(self, parts: Sequence[tuple[Tensor, Linear]], residual: Tensor | None) -> Tensor:
        sums = [_linear(x, linear) for x, linear in parts]
        if residual is not None:
            sums.append(residual)
        total = sums[0]
        for further in sums[1:]:
            total = total + further
        return total

    def add_normed(self, x: Tensor, y: Tensor, norm: Norm) -> Tensor:
        return x + normalized(y, norm)

    def _with_cache(
        self, key: Tensor, value: Tensor, layer: int, tables: StepTables, keys: int
    ) -> tuple[Tensor, Tensor]:
        """Keys and values [rows, groups, reach, size] with those of the new token, which are written."""
        slots, lengths = tables.slots[: len(key)], tables.lengths[: len(key)]
        held_keys, held_values = tables.layer(layer)
        held_keys[slots, :, lengths], held_values[slots, :, lengths] = key, value
        reach = min(keys, held_keys.shape[2])
        return held_keys[slots, :, :reach], held_values[slots, :, :reach]

    def _seen(self, window: int | None, rows: int, reach: int, tables: StepTables) -> Tensor | None:
        """Which keys [rows, 1, 1, reach] each row's new token sees; None: all."""
        return seen_keys(tables.lengths[:rows], reach, window)[:, None, None]

    def _angles(
        self, rotary: Rotary, rows: int, dtype: torch.dtype, tables: StepTables, keys: int
    ) -> tuple[Tensor, Tensor]:
        """Cosine and sine [rows, 1, size] of the rows' positions."""
        if (rotary, dtype, keys) not in self._turns:  # none is ever replaced: a captured step reads it
            self._turns[rotary, dtype, keys] = turns(rotary, dtype, keys)
        cos, sin = self._turns[rotary, dtype, keys]
        lengths = tables.lengths[:rows, None]
        return cos[lengths], sin[lengths]

    def _turned(
        self, mixed: Tensor, heads: Heads, tables: StepTables, keys: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Query [rows, queries, size], key and value [rows, groups, size], normed and turned."""
        query, key, value = split_heads(mixed, heads)
        if heads.query_norm is not None:
            query = normalized(query, heads.query_norm)
        if heads.key_norm is not None:
            key = normalized(key, heads.key_norm)
        if heads.rotary is not None:
            cos, sin = self._angles(heads.rotary, len(mixed), mixed.dtype, tables, keys)
            both = rotated(torch.cat((query, key), dim=1), cos, sin)
            query, key = both[:, : heads.queries], both[:, heads.queries :]
        return query, key, value


def seen_keys(positions: Tensor, reach: int, window: int | None) -> Tensor:
    """Which of the first `reach` keys [tokens, reach] the token at each position sees: those up to itself, of
    a window the nearest."""
    own, places = positions[:, None], torch.arange(reach, device=positions.device)
    seen = places <= own
    if window is not None:
        seen &= places > own - window
    return seen


def turns(rotary: Rotary, dtype: torch.dtype, positions: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine [positions, size], computed in float32 and rounded to the type; the sines of the first
    half are negative, as `rotated` needs them."""
    places = torch.arange(positions, device=rotary.frequencies.device, dtype=torch.float32)
    angles = places[:, None] * rotary.frequencies
    cos, sin = angles.cos() * rotary.scaling, angles.sin() * rotary.scaling
    return torch.cat((cos, cos), dim=-1).to(dtype), torch.cat((-sin, sin), dim=-1).to(dtype)


def split_heads(mixed: Tensor, heads: Heads) -> tuple[Tensor, Tensor, Tensor]:
    """Views of query [rows, queries, size], key and value [rows, groups, size]."""
    counts = (heads.queries, heads.groups, heads.groups)
    if heads.packed:
        query, key, value = mixed.view(len(mixed), heads.queries, 3 * heads.size).chunk(3, dim=-1)
        return query, key, value
    parts = mixed.split([count * heads.size for count in counts], dim=-1)
    query, key, value = (
        part.view(len(mixed), count, heads.size) for part, count in zip(parts, counts, strict=True)
    )
    return query, key, value


def rotated(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """The first places of each head turned, half against half; the others as they are."""
    size = cos.shape[-1]
    half = size // 2
    turned = x[..., :size] * cos + torch.cat((x[..., half:size], x[..., :half]), dim=-1) * sin
    return turned if size == x.shape[-1] else torch.cat((turned, x[..., size:]), dim=-1)


def normalized(x: Tensor, norm: Norm) -> Tensor:
    if norm.bias is not None:
        return functional.layer_norm(x, (x.shape[-1],), norm.weight, norm.bias, norm.eps)
    wide = x.float()
    wide = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + norm.eps)
    return norm.weight * wide.to(x.dtype)


def activated(x: Tensor, activation: Activation) -> Tensor:
    if activation == "silu":
        return functional.silu(x)
    return functional.gelu(x, approximate="tanh" if activation == "gelu-tanh" else "none")


def _linear(x: Tensor, linear: Linear) -> Tensor:
    matrix = linear.weight if linear.scale is None else dequantized(linear.weight, linear.scale, x.dtype)
    return functional.linear(x, matrix, linear.bias)
