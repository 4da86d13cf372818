"""The pool's books: what is resident and what it takes, against a budget that is never exceeded.

Knows: measured bytes, leases, who was used last, who may go for whom, and what happened (loads, releases).
Refuses to know: torch, threads and loading; whoever owns the models writes here under a lock of their own.
"""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from engines.memory import Event, LoadPlan, PoolView
from engines.occupant import ResidentFigures, ResidentKey

One = TypeVar("One", bound=ResidentFigures)


class Ledger(Generic[One]):
    """Who is in memory, and whether more fits."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.residents: dict[ResidentKey, One] = {}
        self.events: deque[Event] = deque(maxlen=200)
        self.promised = 0
        """Bytes set aside for a load that is under way."""
        self._leaving = 0
        """Bytes struck out that have not come back yet."""
        self.most_used = 0

    @property
    def used(self) -> int:
        return self.promised + self._leaving + sum(resident.bytes for resident in self.residents.values())

    def fits(self, more: int) -> bool:
        return self.used + more <= self.budget

    def never_fits(self, whole: int, key: ResidentKey) -> bool:
        """However long it waits: what is kept stays."""
        return whole > self.budget - sum(other.weight_bytes for other in self.kept_beside(key))

    def kept_beside(self, key: ResidentKey) -> list[One]:
        return [other for other in self.residents.values() if other.kept and other.key != key]

    def note_use(self) -> None:
        self.most_used = max(self.most_used, self.used)

    def idle(self) -> list[One]:
        """Who could go, the longest unused first."""
        return [resident for resident in self._in_order() if not resident.leases and not resident.kept]

    def plan(self, key: ResidentKey, need: int, whole: int) -> LoadPlan:
        """Who would go, and who would be waited for, if `need` bytes were wanted now."""
        free = self.budget - self.used
        fits = not self.never_fits(whole, key)
        going: list[One] = []
        waited_for: list[One] = []
        lacking = need - free if fits else 0
        for other in self._in_order():
            if lacking > 0 and other.key != key and other.bytes_to_gain:
                (waited_for if other.leases else going).append(other)
                lacking -= other.bytes_to_gain
        return LoadPlan(
            bytes_needed=need,
            free=free,
            releases=tuple(other.view() for other in going),
            waits_for=tuple(other.view() for other in waited_for),
            fits=fits,
        )

    def has_to_go(self, resident: One, wanted: int) -> bool:
        """Whether a load that waits for `wanted` bytes needs its place, or of a kept one its cache."""
        free = self.budget - self.used
        for other in self._in_order():
            if free >= wanted:
                return False
            if other is resident:
                return other.bytes_to_gain > 0
            free += other.bytes_to_gain
        return False

    def others_will_end(self, resident: One) -> bool:
        """Whether waiting can help: others hold cache, load, or are on their way out."""
        others = [other for other in self.residents.values() if other is not resident and other.leases]
        return any(other.cache_bytes for other in others) or self.promised > 0 or self._leaving > 0

    def enter(self, resident: One) -> None:
        self.residents[resident.key] = resident
        self.note_use()
        key = resident.key
        self.note("load", key.base_id, key.quantization, resident.weight_bytes, resident.load_seconds)

    def strike_out(self, resident: One) -> None:
        """Nobody gets it any more; its bytes count until they have come back."""
        self._leaving += resident.bytes
        del self.residents[resident.key]

    def gone(self, resident: One, returned: int, seconds: float) -> None:
        self._leaving -= resident.bytes
        self.note("release", resident.key.base_id, resident.key.quantization, returned, seconds)

    def note(self, what: str, model_id: str, quantization: str, bytes: int, seconds: float) -> None:
        self.events.append(Event(what, model_id, quantization, bytes, seconds, self.used))

    def view(self, device: str, free_on_device: int, waiting: int) -> PoolView:
        residents = tuple(resident.view() for resident in self.residents.values())
        return PoolView(
            device,
            self.budget,
            self.used,
            self.most_used,
            free_on_device,
            residents,
            waiting,
            tuple(self.events),
        )

    def _in_order(self) -> list[One]:
        """Idle ones before those in use, the longest unused first."""
        return sorted(self.residents.values(), key=lambda resident: (resident.leases > 0, resident.last_used))
