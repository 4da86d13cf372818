"""What this process works at, found by its id: runs and searches alike, each seen by its owner alone.

What has ended is forgotten when nobody has looked at it for a while, or earlier when there is too much.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class OwnedWork(Protocol):
    """Something that goes on in this process for somebody."""

    id: str
    owner: str

    @property
    def ended(self) -> bool: ...


Owned = TypeVar("Owned", bound=OwnedWork)


class KeptById(Generic[Owned]):
    """`keep_seconds`: how long what has ended is kept without a look; `limit`: how many are kept at all. Any
    thread may ask; children take `_lock` for what they add."""

    def __init__(self, keep_seconds: float, limit: int, clock: Callable[[], float]) -> None:
        self._keep_seconds, self._limit, self._clock = keep_seconds, limit, clock
        self._lock = threading.Lock()
        self._kept: dict[str, Owned] = {}
        self._looked_at: dict[str, float] = {}

    def get(self, id: str, owner: str = "") -> Owned | None:
        """None where there is no such one, or it is another's."""
        with self._lock:
            self._forget()
            work = self._kept.get(id)
            if work is None or work.owner != owner:
                return None
            self._looked_at[id] = self._clock()
            return work

    def hand_over(self, before: str, into: str) -> None:
        """One owner's become another's."""
        with self._lock:
            for work in self._kept.values():
                if work.owner == before:
                    work.owner = into

    def _all(self) -> list[Owned]:
        with self._lock:
            return list(self._kept.values())

    def _keep(self, work: Owned) -> None:
        """For who has the lock."""
        self._kept[work.id] = work
        self._looked_at[work.id] = self._clock()
        self._forget()

    def _forget(self) -> None:
        too_old = self._clock() - self._keep_seconds
        excess = len(self._kept) - self._limit
        for id in sorted(self._kept, key=self._looked_at.__getitem__):
            if excess <= 0 and self._looked_at[id] > too_old:
                break
            if self._kept[id].ended:
                del self._kept[id], self._looked_at[id]
                excess -= 1
