"""What a step reads instead of arguments: its rows' tokens, lengths and slots, and where the cache lies.

All of it stands at fixed addresses on the device, so that a captured step reads the rows of the moment. Rows
join, leave and grow by a change of these tables; no key moves, and a cache that moves leaves a graph valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from engines.slot_cache import SlotCache

BUCKETS = (1, 2, 4, 8)
"""The numbers of rows that a step is made for; a spare row repeats the first, so it writes nothing new."""
_SHORTEST_CLASS = 1024


class RowPlace(NamedTuple):
    """One row of a step."""

    token: int
    """That the network reads now."""
    length: int
    """How many tokens the row holds before it: where its key and value go."""
    slot: int


class StepTables:
    """Made once for a model's batch."""

    def __init__(self, layers: int, device: torch.device, most_rows: int = 64) -> None:
        self.most_rows = most_rows
        self._rows = torch.zeros(3, most_rows, dtype=torch.long, device=device)
        self.tokens, self.lengths, self.slots = self._rows
        """Each [rows]."""
        self.addresses = torch.zeros(layers, 2, dtype=torch.long, device=device)
        """Of the keys and of the values of each layer, [slots, heads, length, size] each."""
        self.strides = torch.zeros(layers, 2, dtype=torch.long, device=device)
        """Elements from one slot to the next, and from one head to the next; a cache that ran out of memory
        as it grew has layers of different lengths."""
        self.moved = 0
        """How often the cache has come to lie elsewhere."""
        self._places: list[object] = []
        self.cache: SlotCache | None = None
        """The same tensors, for a step that is no kernel."""

    def fill(self, rows: Sequence[RowPlace]) -> int:
        """Write these rows and repeat the first ever after; one copy. Returns their bucket."""
        padded = [*rows, *[rows[0]] * (self.most_rows - len(rows))]
        on_card = self._rows.device.type == "cuda"
        # From pinned memory the copy waits for nothing that the device still does.
        fresh = torch.tensor(list(zip(*padded, strict=True)), pin_memory=on_card)
        self._rows.copy_(fresh, non_blocking=on_card)
        return bucket_of(len(rows))

    def point_at(self, cache: SlotCache) -> None:
        """Where the cache lies now; called whenever its tensors were made, grown or trimmed."""
        self.cache = cache
        places = [(layer.keys, layer.values) for layer in cache.layers]
        if any(keys is None or values is None for keys, values in places):
            return
        addresses = [[part.data_ptr() for part in place] for place in places]
        strides = [keys.stride()[:2] for keys, _ in places]
        if self._places != [addresses, strides]:
            self._places = [addresses, strides]
            self.moved += 1
            self.addresses.copy_(torch.tensor(addresses))
            self.strides.copy_(torch.tensor(strides))

    @property
    def nbytes(self) -> int:
        return self._rows.nbytes + self.addresses.nbytes + self.strides.nbytes

    def layer(self, index: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Keys and values of one layer, [slots, heads, length, size] each."""
        assert self.cache is not None, "the tables point at a cache before a step"
        layer = self.cache.layers[index]
        return layer.keys, layer.values


def bucket_of(rows: int) -> int:
    """The smallest bucket that holds them; beyond the last, doubled."""
    bucket = 1
    while bucket < rows:
        bucket *= 2
    return bucket


def length_class(length: int) -> int:
    """The smallest class (1k, 2k, 4k …) that holds so many keys; a step is captured once for each."""
    longest = _SHORTEST_CLASS
    while longest < length:
        longest *= 2
    return longest
