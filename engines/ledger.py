"""The pool's books: what is resident and what it takes, against a budget that is never exceeded.

Knows: measured bytes, leases, who was used last, and what happened (loads, releases with the bytes returned).
Refuses to know: torch, threads and loading; the pool writes here under its own lock.
"""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.resident import Place, Resident


@dataclass(frozen=True)
class Event:
    """One thing that happened in the pool, with the bytes it moved."""

    what: str
    """load · release · attach · refuse"""
    model_id: str
    quantisation: str
    bytes: int
    seconds: float
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class ResidentView:
    """One resident model as a reader sees it."""

    model_id: str
    quantisation: str
    adapters: tuple[str, ...]
    weight_bytes: int
    cache_bytes: int
    leases: int
    idle_seconds: float
    load_seconds: float


@dataclass(frozen=True)
class PoolView:
    """The pool at one moment, for drawing and for tests."""

    device: str
    budget: int
    used: int
    most_used: int
    free_on_device: int
    residents: tuple[ResidentView, ...]
    waiting: int
    events: tuple[Event, ...]


class Ledger:
    """Who is in memory, and whether more fits."""

    def __init__(self, budget: int) -> None:
        self.budget = budget
        self.residents: dict[Place, Resident] = {}
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

    def note_use(self) -> None:
        self.most_used = max(self.most_used, self.used)

    def idle(self) -> list[Resident]:
        """Who could go, the longest unused first."""
        idle = [resident for resident in self.residents.values() if resident.leases == 0]
        return sorted(idle, key=lambda resident: resident.last_used)

    def has_to_go(self, resident: Resident, wanted: int) -> bool:
        """Whether a load that waits for `wanted` bytes needs this model's place."""
        free = self.budget - self.used
        for other in sorted(self.residents.values(), key=lambda other: (other.leases > 0, other.last_used)):
            if free >= wanted:
                return False
            if other is resident:
                return True
            free += other.bytes
        return False

    def others_will_end(self, resident: Resident) -> bool:
        """Whether waiting can help: others hold cache, load, or are on their way out."""
        held = any(other.cache_bytes for other in self.residents.values() if other is not resident)
        return held or self.promised > 0 or self._leaving > 0

    def enter(self, resident: Resident) -> None:
        self.residents[resident.place] = resident
        self.note_use()
        place = resident.place
        self.note("load", place.base_id, place.quantisation, resident.weight_bytes, resident.load_seconds)

    def strike_out(self, resident: Resident) -> None:
        """Nobody gets it any more; its bytes count until they have come back."""
        self._leaving += resident.bytes
        del self.residents[resident.place]

    def gone(self, resident: Resident, returned: int, seconds: float) -> None:
        self._leaving -= resident.bytes
        self.note("release", resident.place.base_id, resident.place.quantisation, returned, seconds)

    def note(self, what: str, model_id: str, quantisation: str, bytes: int, seconds: float) -> None:
        self.events.append(Event(what, model_id, quantisation, bytes, seconds))

    def view(self, device: str, free_on_device: int, waiting: int) -> PoolView:
        now = time.monotonic()
        residents = tuple(
            ResidentView(
                model_id=resident.place.base_id,
                quantisation=resident.place.quantisation,
                adapters=tuple(sorted(resident.adapters)),
                weight_bytes=resident.weight_bytes,
                cache_bytes=resident.cache_bytes,
                leases=resident.leases,
                idle_seconds=0.0 if resident.leases else now - resident.last_used,
                load_seconds=resident.load_seconds,
            )
            for resident in self.residents.values()
        )
        used = self.used
        return PoolView(
            device, self.budget, used, self.most_used, free_on_device, residents, waiting, tuple(self.events)
        )
