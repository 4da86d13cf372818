"""The weights of one network in host memory, while its device holds them and while it does not.

Storages are emptied and filled, and nothing else is touched: every parameter, view and tied weight, adapters
and quantized ones too, is the same object afterwards. Weights do not change while a model answers, so what
was copied once is not copied again; buffers are, each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch

from engines.host_memory import HostMemory

_BLOCK = 2**28
"""Pinned in one piece, while the driver lets nobody launch; a larger storage has a block of its own. A stop
is heard between two."""
_ALIGNMENT = 512


@dataclass(eq=False)
class _Place:
    """Where one storage lies in a block."""

    storage: torch.UntypedStorage
    size: int
    lasts: bool
    """It is a weight, which nobody changes."""
    offset: int = 0


@dataclass(eq=False)
class _CopyBlock:
    places: list[_Place] = field(default_factory=list)
    size: int = 0
    values: torch.Tensor | None = None

    def add(self, place: _Place) -> None:
        place.offset = self.size
        self.places.append(place)
        self.size += -(-place.size // _ALIGNMENT) * _ALIGNMENT

    def beside(self, place: _Place) -> tuple[torch.Tensor, torch.Tensor]:
        """(the bytes on the device, those here)."""
        assert self.values is not None, "a block is taken before anything is copied"
        on_device = torch.empty(0, dtype=torch.uint8, device=place.storage.device).set_(place.storage)
        return on_device, self.values[place.offset : place.offset + place.size]


class HostCopy:
    """Used by one thread at a time."""

    def __init__(self, memory: HostMemory) -> None:
        self._memory = memory
        self._blocks: list[_CopyBlock] = []

    @property
    def nbytes(self) -> int:
        return sum(block.size for block in self._blocks)

    def lacking(self, tensors: Iterable[torch.Tensor]) -> int:
        """The bytes that have still to be taken from the host for these."""
        return sum(block.size for block in self._blocks_for(tensors))

    def take_in(self, tensors: Iterable[torch.Tensor]) -> None:
        """Copy what is not here yet, or may have changed; where it raises nothing of it stays."""
        new = self._blocks_for(tensors)
        try:
            with self._memory.copying():
                for block in self._blocks:
                    _copy_in(block, [place for place in block.places if not place.lasts])
                for block in new:  # the next is taken while this one is copied
                    block.values = self._memory.take(block.size)
                    _copy_in(block, block.places)
        except BaseException:
            self._give_back(new)
            raise
        self._blocks += new

    def leave_device(self) -> None:
        for place in self._places():
            place.storage.resize_(0)

    def come_back(self, report: Callable[[float], None]) -> None:
        """Onto the device; where that or `report` raises, nothing of it is there."""
        whole, done = self.nbytes, 0
        try:
            with self._memory.copying():
                for block in self._blocks:
                    report(done / whole)
                    for place in block.places:
                        place.storage.resize_(place.size)
                        on_device, here = block.beside(place)
                        on_device.copy_(here, non_blocking=True)
                    done += block.size
        except BaseException:
            self.leave_device()
            raise

    def free(self) -> None:
        self._give_back(self._blocks)
        self._blocks = []

    def _places(self) -> list[_Place]:
        return [place for block in self._blocks for place in block.places]

    def _blocks_for(self, tensors: Iterable[torch.Tensor]) -> list[_CopyBlock]:
        here: set[Any] = {place.storage._cdata for place in self._places()}
        blocks: list[_CopyBlock] = []
        for place in _places_of(tensors):
            if place.storage._cdata in here:
                continue
            if not blocks or blocks[-1].size + place.size > _BLOCK:
                blocks.append(_CopyBlock())
            blocks[-1].add(place)
        return blocks

    def _give_back(self, blocks: list[_CopyBlock]) -> None:
        for block in blocks:
            if block.values is not None:
                self._memory.give_back(block.values)
                block.values = None


def _places_of(tensors: Iterable[torch.Tensor]) -> list[_Place]:
    """Each storage once, whoever shares it."""
    places: dict[Any, _Place] = {}
    for tensor in tensors:
        storage = tensor.untyped_storage()
        lasts = isinstance(tensor, torch.nn.Parameter)
        if storage._cdata in places:
            places[storage._cdata].lasts &= lasts
        elif storage.nbytes():
            if not storage.resizable():
                raise RuntimeError("a weight lies in memory that is not torch's own")
            places[storage._cdata] = _Place(storage, storage.nbytes(), lasts)
    return list(places.values())


def _copy_in(block: _CopyBlock, places: Iterable[_Place]) -> None:
    for place in places:
        on_device, here = block.beside(place)
        here.copy_(on_device, non_blocking=True)
