"""The bytes of one device: who has them, and how room is made for more.

Knows: the books and their lock, letting idle models go, waiting for busy ones, and what a person wants kept.
Refuses to know: how a model is loaded, who asked for it, and whose turn it is.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from engines.decoding import DecodeLoop
from engines.devices import ReleaseProof, free_bytes
from engines.ledger import Ledger
from engines.memory import LoadPlan, PoolView
from engines.model_batch import CacheGrowth
from engines.occupant import ResidentKey
from engines.resident import Resident
from engines.shortage import clear_device_cache


class Space:
    """`changed` guards the books, and is told whenever waiting for room may have become worth a look."""

    def __init__(self, loop: DecodeLoop, budget: int) -> None:
        self._loop, self._device = loop, loop.device
        self.ledger: Ledger[Resident] = Ledger(budget)
        self.changed = threading.Condition()
        self._awaited = 0
        """The bytes that a load waits for; 0 while none does."""

    def make_room(self, key: ResidentKey, need: int, whole: int, go_on: Callable[[], None]) -> bool:
        """Set `need` bytes aside once idle models have gone and busy ones have ended; False where `whole`
        can never fit. `go_on` is called before each wait, with the lock held, and may raise."""
        while True:
            with self.changed:
                if self.ledger.never_fits(whole, key):
                    return False
                if self.ledger.fits(need):
                    self.ledger.promised = need
                    self.ledger.note_use()
                    return True
                idle = next(iter(self.ledger.idle()), None)
                if idle is None:
                    go_on()
                    self._awaited = need
                    self.changed.wait()
                    self._awaited = 0
                    continue
                self.ledger.strike_out(idle)
            self._free(idle)

    def drop_promise(self) -> None:
        with self.changed:
            self.ledger.promised = 0

    def enter(self, resident: Resident) -> bool:
        """Trade the promise for what was measured; False where it came out larger than there is room."""
        with self.changed:
            self.ledger.promised = 0
            fits = self.ledger.fits(resident.bytes)
            if fits:
                self.ledger.enter(resident)
            return fits

    def enter_adapter(self, adapter_id: str, quantization: str, need: int, seconds: float) -> None:
        with self.changed:
            self.ledger.promised = 0
            self.ledger.note_use()
            self.ledger.note("attach", adapter_id, quantization, need, seconds)

    def reserve_cache(self, resident: Resident, total: int) -> CacheGrowth:
        """Let a model's caches come to `total` bytes, if the budget allows once idle models have gone."""
        while True:
            with self.changed:
                if self.ledger.fits(total - resident.cache_bytes):
                    resident.cache_bytes = total
                    self.ledger.note_use()
                    self.changed.notify_all()
                    return CacheGrowth.GRANTED
                idle = next((other for other in self.ledger.idle() if other is not resident), None)
                if idle is None:
                    return CacheGrowth.LATER if self.ledger.others_will_end(resident) else CacheGrowth.NEVER
                self.ledger.strike_out(idle)
            self._free(idle)

    def lend(self, resident: Resident, in_turn: bool) -> bool:
        """With the lock held: one lease more, unless a load that waits needs this model's place."""
        if not in_turn and self.ledger.has_to_go(resident, self._awaited):
            return False
        resident.leases += 1
        resident.last_used = time.monotonic()
        return True

    def take_back(self, resident: Resident) -> None:
        with self.changed:
            resident.leases -= 1
            resident.last_used = time.monotonic()
            if not resident.leases:
                resident.cache_bytes = 0
            self.changed.notify_all()

    def release(self, key: ResidentKey) -> bool:
        """Let a model go by hand, kept or not; False where it is in use or not there."""
        with self.changed:
            resident = self.ledger.residents.get(key)
            if resident is None or resident.leases:
                return False
            self.ledger.strike_out(resident)
        self._free(resident)
        return True

    def keep(self, key: ResidentKey, keep: bool) -> bool:
        """Never let it go for others, or no longer so; False where it is not there."""
        with self.changed:
            resident = self.ledger.residents.get(key)
            if resident is None:
                return False
            resident.kept = keep
            self.changed.notify_all()
            return True

    def kept_beside(self, key: ResidentKey) -> list[Resident]:
        with self.changed:
            return self.ledger.kept_beside(key)

    def plan(self, key: ResidentKey, adapter_id: str | None, whole: int, of_adapter: int) -> LoadPlan:
        """What bringing it would do now; `whole` is what base, adapter and question take together."""
        with self.changed:
            resident = self.ledger.residents.get(key)
            if resident is None:
                return self.ledger.plan(key, whole, whole)
            if adapter_id is not None and adapter_id not in resident.adapters:
                return self.ledger.plan(key, of_adapter, whole)
            free = self.ledger.budget - self.ledger.used
            return LoadPlan(resident.weight_bytes, free, (), (), fits=True, resident=True)

    def view(self, waiting: int) -> PoolView:
        with self.changed:
            return self.ledger.view(str(self._device), free_bytes(self._device), waiting)

    def _free(self, resident: Resident) -> None:
        """Drop what was struck out of the ledger, and write down the bytes that really came back."""
        started = time.perf_counter()
        self._loop.call(lambda: None)  # no frame of the round that used it last holds it any more
        proof = ReleaseProof(resident.loaded.model, self._device)
        resident.unload()
        clear_device_cache(self._device)
        with self.changed:
            self.ledger.gone(resident, proof.returned_bytes(), time.perf_counter() - started)
            self.changed.notify_all()
