"""The books of one device's memory: its budget, who is resident, who uses whom, and how far caches may grow.

They are the one owner of these figures and of the lock over them: whoever loads, leases, answers or draws
asks here, and what has to go for others is unloaded from here, by a function that is handed in. So they need
no torch, and do not know how a model is loaded, who waits for it and whose turn it is.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic

from engines.memory import Event, LoadPlan, PoolView
from engines.resident_figures import CacheGrowth, Lease, OneResident, ResidentKey


class MemoryBooks(Generic[OneResident]):
    """Every method takes the lock itself, and may be called from any thread."""

    def __init__(self, budget: int, unload: Callable[[OneResident, bool], tuple[str, int]]) -> None:
        self.budget = budget
        self._unload = unload
        """Takes a model that nobody gets any more off the device, for others or (False) for good; tells how
        (what of an Event), and the bytes that really came back."""
        self._changed = threading.Condition()
        """Is notified whenever it may have become worth a look whether there is room."""
        self._residents: dict[ResidentKey, OneResident] = {}
        self._events: deque[Event] = deque(maxlen=200)
        self._promised = 0
        """The bytes set aside for a load that is under way."""
        self._awaited = 0
        """The bytes that a load waits for; 0 while none does."""
        self._leaving = 0
        """The bytes of models being unloaded, not back yet."""
        self._most_used = 0

    # -- room for a load

    def make_room(self, key: ResidentKey, need: int, whole: int, go_on: Callable[[], None]) -> bool:
        """Promise `need` bytes once idle models are unloaded and busy ones have ended; False where `whole`
        can never fit. `go_on` is called before each wait, with the lock held, and may raise."""
        while True:
            with self._changed:
                if self._never_fits(whole, key):
                    return False
                if self._fits(need):
                    self._promised = need
                    return True
                idle = next(iter(self._idle()), None)
                if idle is None:
                    go_on()
                    self._awaited = need
                    self._changed.wait()
                    self._awaited = 0
                    continue
                self._strike_out(idle)
            self._unload_struck_out(idle, for_others=True)

    def look_again(self) -> None:
        """Let a load that waits for room ask `go_on` whether it still should."""
        with self._changed:
            self._changed.notify_all()

    def drop_promise(self) -> None:
        with self._changed:
            self._promised = 0

    def enter(self, resident: OneResident, what: str = "load") -> bool:
        """Trade the promise for what was measured; False where it came out larger than there is room.
        `what` it came by (Event.what)."""
        with self._changed:
            self._promised = 0
            if not self._fits(resident.bytes):
                return False
            self._residents[resident.key] = resident
            self._note_use()
            self._note(what, resident.key, resident.weight_bytes, resident.load_seconds)
            return True

    def enter_adapter(self, key: ResidentKey, adapter_id: str, need: int, seconds: float) -> None:
        """Trade the promise for an adapter that is attached by now, and measured with its base."""
        with self._changed:
            self._promised = 0
            self._note_use()
            self._note("attach", key, need, seconds, adapter_id)

    def note(self, what: str, key: ResidentKey, bytes: int = 0, adapter_id: str | None = None) -> None:
        """An event that changes none of these figures."""
        with self._changed:
            self._note(what, key, bytes, 0.0, adapter_id)

    # -- lending

    def has(self, key: ResidentKey) -> bool:
        with self._changed:
            return key in self._residents

    def lend(
        self, key: ResidentKey, adapter_id: str | None = None, in_turn: bool = False
    ) -> Lease[OneResident] | None:
        """The right to use a model; None where it is not there, or where a load that waits needs its bytes
        and this one is not next in turn."""
        with self._changed:
            resident = self._residents.get(key)
            if resident is None or not resident.has(adapter_id):
                return None
            if not in_turn and self._has_to_go(resident, self._awaited):
                return None
            resident.leases += 1
            resident.last_used = time.monotonic()
            return Lease(resident, self.take_back)

    def take_back(self, resident: OneResident) -> None:
        """One lease less; the last one takes the caches with it."""
        with self._changed:
            resident.leases, resident.last_used = resident.leases - 1, time.monotonic()
            if not resident.leases:
                resident.cache_bytes = 0
                resident.cache_of.clear()
            self._changed.notify_all()

    @contextmanager
    def held(self, key: ResidentKey) -> Iterator[OneResident | None]:
        """The model, which stays while this is open, and so does the cache set aside for its question."""
        with self._changed:
            resident = self._residents.get(key)
            if resident is not None:
                resident.leases += 1
        try:
            yield resident
        finally:
            with self._changed:
                if resident is not None:
                    resident.leases -= 1
                    self._changed.notify_all()

    def grow_cache(self, resident: OneResident, adapter_id: str | None, wanted: int) -> CacheGrowth:
        """Let one batch of a leased model have `wanted` bytes of cache, if the budget allows it once idle
        models are unloaded."""
        while True:
            with self._changed:
                total = wanted + sum(held for id, held in resident.cache_of.items() if id != adapter_id)
                if self._fits(total - resident.cache_bytes):
                    resident.cache_of[adapter_id] = wanted
                    resident.cache_bytes = total
                    self._note_use()
                    self._changed.notify_all()
                    return CacheGrowth.GRANTED
                idle = next((other for other in self._idle() if other is not resident), None)
                if idle is None:
                    return CacheGrowth.LATER if self._others_will_end(resident) else CacheGrowth.NEVER
                self._strike_out(idle)
            self._unload_struck_out(idle, for_others=True)

    # -- by hand

    def release(self, key: ResidentKey) -> bool:
        """Unload a model by hand, kept or not; False where it is in use or not there."""
        with self._changed:
            resident = self._residents.get(key)
            if resident is None or resident.leases:
                return False
            self._strike_out(resident)
        self._unload_struck_out(resident, for_others=False)
        return True

    def release_all(self) -> None:
        """Unload every model that is not in use."""
        with self._changed:
            keys = list(self._residents)
        for key in keys:
            self.release(key)

    def keep(self, key: ResidentKey, keep: bool) -> bool:
        """Never unload it for others, or no longer so; False where it is not there."""
        with self._changed:
            resident = self._residents.get(key)
            if resident is None:
                return False
            resident.kept = keep
            self._changed.notify_all()
            return True

    # -- what others see

    def kept_beside(self, key: ResidentKey) -> dict[str, int]:
        """The weights of the kept models other than this one, by the names of their keys."""
        with self._changed:
            kept = [other for other in self._residents.values() if other.kept and other.key != key]
            return {str(other.key): other.weight_bytes for other in kept}

    def plan(self, key: ResidentKey, adapter_id: str | None, whole: int, of_adapter: int) -> LoadPlan:
        """Who would go, and who would be waited for, if it were loaded now; `whole` is what base, adapter and
        question take together."""
        with self._changed:
            free = self.budget - self._used
            resident = self._residents.get(key)
            if resident is not None and resident.has(adapter_id):
                return LoadPlan(resident.weight_bytes, free, (), (), fits=True, resident=True)
            need, fits = whole if resident is None else of_adapter, not self._never_fits(whole, key)
            going: list[OneResident] = []
            waited_for: list[OneResident] = []
            lacking = need - free if fits else 0
            for other in self._in_order():
                if lacking > 0 and other.key != key and other.bytes_to_gain:
                    (waited_for if other.leases else going).append(other)
                    lacking -= other.bytes_to_gain
            releases = tuple(other.view() for other in going)
            return LoadPlan(need, free, releases, tuple(other.view() for other in waited_for), fits)

    def view(self, device: str, free_on_device: int, waiting: int) -> PoolView:
        with self._changed:
            figures = self.budget, self._used, self._most_used, free_on_device
            there = tuple(resident.view() for resident in self._residents.values())
            return PoolView(device, *figures, there, waiting, tuple(self._events), self._promised)

    # -- with the lock held

    @property
    def _used(self) -> int:
        return self._promised + self._there

    @property
    def _there(self) -> int:
        """Without a promise, which may come to nothing."""
        return self._leaving + sum(resident.bytes for resident in self._residents.values())

    def _fits(self, more: int) -> bool:
        return self._used + more <= self.budget

    def _never_fits(self, whole: int, key: ResidentKey) -> bool:
        """However long it waits: what is kept stays."""
        return whole > self.budget - sum(self.kept_beside(key).values())

    def _in_order(self) -> list[OneResident]:
        """Idle ones before those in use, the longest unused first."""
        return sorted(self._residents.values(), key=lambda other: (other.leases > 0, other.last_used))

    def _idle(self) -> list[OneResident]:
        return [resident for resident in self._in_order() if not resident.leases and not resident.kept]

    def _has_to_go(self, resident: OneResident, wanted: int) -> bool:
        """Whether a load that waits for `wanted` bytes needs its bytes, or of a kept one its cache."""
        free = self.budget - self._used
        for other in self._in_order():
            if free >= wanted:
                return False
            if other is resident:
                return other.bytes_to_gain > 0
            free += other.bytes_to_gain
        return False

    def _others_will_end(self, resident: OneResident) -> bool:
        """Whether waiting can help: others hold cache, load, or are being unloaded."""
        others = [other for other in self._residents.values() if other is not resident and other.leases]
        return any(other.cache_bytes for other in others) or self._promised > 0 or self._leaving > 0

    def _strike_out(self, resident: OneResident) -> None:
        """Nobody gets it any more; its bytes count until they have come back."""
        self._leaving += resident.bytes
        del self._residents[resident.key]

    def _note_use(self) -> None:
        self._most_used = max(self._most_used, self._there)

    def _note(
        self, what: str, key: ResidentKey, bytes: int, seconds: float, adapter_id: str | None = None
    ) -> None:
        model_id = adapter_id or key.base_id
        self._events.append(Event(what, model_id, key.quantization, bytes, seconds, self._there))

    def _unload_struck_out(self, resident: OneResident, for_others: bool) -> None:
        """Without the lock: unload it, and write down the bytes that really came back."""
        started, size = time.perf_counter(), resident.bytes
        what, returned = self._unload(resident, for_others)
        with self._changed:
            self._leaving -= size
            self._note(what, resident.key, returned, time.perf_counter() - started)
            self._changed.notify_all()
