"""A key-value cache with one slot a running question, so that questions join and leave a batch freely.

A slot holds the keys and values of one row; they grow, move and are freed here. The reserved tensors change
only when a slot or a length is first needed, but the part of them that the network is shown grows with every
step.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import cast
from weakref import proxy

import torch
from transformers.cache_utils import Cache, CacheLayerMixin

Slots = int | torch.Tensor
"""One slot, or the numbers of several."""


@dataclass
class Window:
    """Which slots, and which positions in them, the coming forward pass writes and reads."""

    first_slot: int
    rows: int
    positions: torch.Tensor
    """[rows, tokens]: where each new token goes."""
    uniform_start: int | None
    """The one position all rows write from, where it is the same: then a plain copy serves."""
    read_to: int

    @cached_property
    def places(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Row and position of each new token; made once a pass, not once a layer."""
        return torch.arange(self.rows, device=self.positions.device), self.positions[:, 0]


class SlotLayer(CacheLayerMixin):
    """Keys and values of one layer: [slots, heads, length, size], made on first use."""

    is_sliding = False

    def __init__(self, cache: SlotCache) -> None:
        """`cache`: a weak reference, so that its memory comes back with it, not at some later collection."""
        super().__init__()
        self._cache = cache
        self.keys: torch.Tensor | None = None
        self.values: torch.Tensor | None = None

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        self.keys, self.values = self._room_for(key_states), self._room_for(value_states)
        self.is_initialized = True

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: object, **kwargs: object
    ) -> tuple[torch.Tensor, torch.Tensor]:
        if self._cache.window is None:
            return key_states, value_states
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
        assert self.keys is not None and self.values is not None
        return self._write(self.keys, key_states), self._write(self.values, value_states)

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return self._window.read_to, 0

    def get_seq_length(self) -> int:
        return self._window.read_to - self._window.positions.shape[1]

    def get_max_length(self) -> int:
        return -1

    def grow(self) -> None:
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self._grown(self.keys), self._grown(self.values)

    def trim(self) -> None:
        if self.keys is not None and self.values is not None:
            self.keys, self.values = self._trimmed(self.keys), self._trimmed(self.values)

    def move(self, source: Slots, target: Slots, length: int) -> None:
        for store in (self.keys, self.values):
            if store is not None:
                store[target, :, :length] = store[source, :, :length]

    def wipe(self, slot: int) -> None:
        for store in (self.keys, self.values):
            if store is not None:
                store[slot].zero_()

    def drop(self) -> None:
        self.keys = None
        self.values = None
        self.is_initialized = False

    @property
    def nbytes(self) -> int:
        return sum(store.nbytes for store in (self.keys, self.values) if store is not None)

    @property
    def _window(self) -> Window:
        assert self._cache.window is not None, "a step over tables asks no cache for its length"
        return self._cache.window

    def _room_for(self, states: torch.Tensor) -> torch.Tensor:
        _, heads, _, size = states.shape
        return states.new_zeros(self._cache.slots, heads, self._cache.length, size)

    def _grown(self, store: torch.Tensor) -> torch.Tensor:
        slots, heads, length, size = store.shape
        if slots >= self._cache.slots and length >= self._cache.length:
            return store
        larger = store.new_zeros(self._cache.slots, heads, self._cache.length, size)
        kept = store[: self._cache.slots, :, : self._cache.length]
        larger[: kept.shape[0], :, : kept.shape[2]].copy_(kept)
        return larger

    def _trimmed(self, store: torch.Tensor) -> torch.Tensor:
        slots, length = self._cache.slots, self._cache.length
        if store.shape[0] <= slots and store.shape[2] <= length:
            return store
        return store[:slots, :, :length].clone()

    def _write(self, store: torch.Tensor, states: torch.Tensor) -> torch.Tensor:
        window = self._window
        held = store[window.first_slot : window.first_slot + window.rows]
        if window.uniform_start is not None:
            held[:, :, window.uniform_start : window.uniform_start + states.shape[2]].copy_(states)
        else:
            rows, positions = window.places
            held[rows, :, positions] = states[:, :, 0]
        return held[:, :, : window.read_to]


class SlotCache(Cache):
    """The layers together; `slots` and `length` say what is reserved."""

    def __init__(self, layers: int) -> None:
        self.slots = 0
        self.length = 0
        self.window: Window | None = Window(0, 0, torch.empty(0, 0), None, 0)
        """None: the attention itself writes and reads, by the tables of a step (engines/steps)."""
        super().__init__(layers=[SlotLayer(cast(SlotCache, proxy(self))) for _ in range(layers)])

    def reserve(self, slots: int, length: int) -> None:
        """Make room; on running out of memory what was there stays usable."""
        before = self.slots, self.length
        self.slots, self.length = max(self.slots, slots), max(self.length, length)
        try:
            for layer in self.layers:
                layer.grow()
        except BaseException:
            self.slots, self.length = before
            raise

    def trim(self, slots: int, length: int) -> None:
        """Hold no more than this, layer by layer; a layer that finds no memory for it stays as it is."""
        self.slots, self.length = min(self.slots, slots), min(self.length, length)
        for layer in self.layers:
            with suppress(torch.OutOfMemoryError, RuntimeError, MemoryError):
                layer.trim()

    def move(self, source: Slots, target: Slots, length: int) -> None:
        for layer in self.layers:
            layer.move(source, target, length)

    def wipe(self, slot: int) -> None:
        """Leave nothing of a row whose keys or values are no numbers: a masked NaN is still a NaN."""
        for layer in self.layers:
            layer.wipe(slot)

    def drop(self) -> None:
        self.slots = self.length = 0
        for layer in self.layers:
            layer.drop()

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in self.layers)
