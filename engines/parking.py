"""Models whose weights wait in host memory, so that a change of models reads nothing from the disk.

The pool says when a model has to leave the device and when it is wanted again; how much of the host's memory
copies may take, and whose goes when that is full, is decided here. The copy of a model that came back stays,
so that its next parking copies nothing, until another needs the place.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from engines.host_memory import HostMemory, PinnedMemory, available_on_host
from engines.memory import PoolView
from engines.resident import Resident
from engines.resident_figures import ResidentKey

_log = logging.getLogger(__name__)
_SHARE = 1 / 3
"""Of what is available at the start: files that are read, trainings and other programs need the rest."""
_LEFT_FREE = 0.10

Dropped = Callable[[ResidentKey, int], None]
"""Is told of a parked model that goes for another, and the bytes of host memory that it had."""


class Parking:
    """Every method may be called from any thread. Whoever works on a model's copy holds the model."""

    def __init__(self, budget: int = 0, memory: HostMemory | None = None) -> None:
        """Without memory no model is parked, nor with a budget of 0."""
        self._memory = memory or HostMemory()
        self.budget = budget if memory is not None else 0
        self._changed = threading.Condition()
        self._at_rest: set[Resident] = set()
        """Those with a copy that may be dropped: parked, or on the device again."""
        self._held: dict[Resident, int] = {}
        """And the bytes that each counts with, so also those of a copy being made."""
        self._is_closed = False

    def park(self, resident: Resident, may_copy: bool, dropped: Dropped) -> int | None:
        """The bytes that came back on the device; None where it has to be unloaded instead. The first time
        copying takes seconds: who must not wait (`may_copy`) parks only what is copied already."""
        if not self.budget or self._is_closed:
            return None
        with self._holding(resident):
            try:
                need = resident.bytes_to_copy(self._memory)
                if need and not (may_copy and self._make_room(resident, need, dropped)):
                    return None
                return resident.park(self._memory)
            except Exception:  # noqa: BLE001 - whatever the host refuses, unloading frees the device too
                _log.warning("%s is unloaded, since it could not be parked", resident.key, exc_info=True)
                return None

    @contextmanager
    def held(self, key: ResidentKey) -> Iterator[Resident | None]:
        """The parked model, which is not dropped for others while this is open."""
        resident = self._parked(key)
        if resident is None or not self._hold_at_rest(resident):
            yield None
            return
        try:
            yield resident
        finally:
            self._let_go(resident)

    def unload(self, resident: Resident) -> int:
        """Drop a model for good, and tell the bytes that came back on the device."""
        with self._holding(resident):
            return resident.unload()

    def release(self, key: ResidentKey) -> int:
        """Drop a parked model by hand, and tell the bytes of host memory that it had; 0 where none is."""
        resident = self._parked(key)
        return self._drop(resident) if resident is not None else 0

    def close(self) -> None:
        with self._changed:
            self._is_closed = True
            residents = list(self._at_rest)
        for resident in residents:
            self._drop(resident)

    def has(self, key: ResidentKey) -> bool:
        return self._parked(key) is not None

    def shown_in(self, view: PoolView) -> PoolView:
        with self._changed:
            there = [resident for resident in (*self._at_rest, *self._held) if resident.is_parked]
            parked = tuple(each.view() for each in sorted(there, key=lambda each: each.last_used))
            return replace(view, parked=parked, host_used=self._taken(), host_budget=self.budget)

    # -- room

    def _make_room(self, resident: Resident, need: int, dropped: Dropped) -> bool:
        """Reserve so much for it, once the copies of others are dropped; False where that cannot be."""
        while True:
            with self._changed:
                if sum(self._held.values()) + need > self.budget:
                    return False
                if self._taken() + need <= self.budget:
                    self._held[resident] += need
                    return need <= available_on_host() * (1 - _LEFT_FREE)
                # Of a model that is on the device no more than a copy is lost.
                goes = min(self._at_rest, key=lambda each: (each.is_parked, each.last_used))
            was_parked, size = goes.is_parked, self._drop(goes)
            if was_parked and size:
                dropped(goes.key, size)

    def _parked(self, key: ResidentKey) -> Resident | None:
        with self._changed:
            found = (each for each in self._at_rest if each.is_parked and each.key == key)
            return next(found, None)

    def _drop(self, resident: Resident) -> int:
        """The copy, and the model where it is nowhere else; tells the bytes of host memory that came back."""
        if not self._hold_at_rest(resident):
            return 0
        try:
            size = resident.host_bytes
            if resident.is_parked:
                resident.unload()
            else:
                resident.drop_copy()
            return size
        finally:
            self._let_go(resident)

    def _taken(self) -> int:
        """With the lock held: the bytes of all copies."""
        return sum(each.host_bytes for each in self._at_rest) + sum(self._held.values())

    # -- holding

    @contextmanager
    def _holding(self, resident: Resident) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: resident not in self._held)
            self._at_rest.discard(resident)
            self._held[resident] = resident.host_bytes
        try:
            yield
        finally:
            self._let_go(resident)

    def _hold_at_rest(self, resident: Resident) -> bool:
        """False where another works on it, or it is gone."""
        with self._changed:
            if resident not in self._at_rest:
                return False
            self._at_rest.discard(resident)
            self._held[resident] = resident.host_bytes
            return True

    def _let_go(self, resident: Resident) -> None:
        """Of two that are parked under one name, as when one was loaded while the other was being parked, the
        newer stays."""
        with self._changed:
            del self._held[resident]
            if resident.host_bytes:
                self._at_rest.add(resident)
            if self._is_closed:
                going = list(self._at_rest)
            else:
                same = [each for each in self._at_rest if each.is_parked and each.key == resident.key]
                going = [each for each in same if resident.is_parked and each is not resident]
            self._changed.notify_all()
        for each in going:
            self._drop(each)


def parking_on(device: torch.device, budget: int | None) -> Parking:
    """For a GPU; on the processor weights lie in host memory as it is. None: a share of what is available."""
    if device.type != "cuda":
        return Parking()
    return Parking(int(available_on_host() * _SHARE) if budget is None else budget, PinnedMemory(device))
