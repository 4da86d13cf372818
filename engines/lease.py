"""The right to use a model, and the wish for it.

Knows: what is wanted, who follows how it comes, and whom to tell.
Refuses to know: how the wish is granted; that is the pool's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engines.base import State
from engines.occupant import ResidentKey
from engines.resident import Resident
from errors import NaraniError, Stopped
from model_registry.spec import ModelSpec


class Lender(Protocol):
    def take_back(self, resident: Resident) -> None: ...


class ProgressListener(Protocol):
    """A live answer, or a live load by hand."""

    def enter(self, state: State, note: str = "", progress: float | None = None) -> None: ...


class Lease:
    """As long as it is held, the model stays."""

    def __init__(self, lender: Lender, resident: Resident) -> None:
        self._held: tuple[Lender, Resident] | None = (lender, resident)

    @property
    def resident(self) -> Resident:
        assert self._held is not None, "a lease that was released cannot be used"
        return self._held[1]

    def release(self) -> None:
        """A second time does nothing."""
        held, self._held = self._held, None
        if held is not None:
            held[0].take_back(held[1])


LeaseKey = tuple[ResidentKey, str | None]


@dataclass(eq=False)
class LeaseRequest:
    """A wish to use a model; exactly one of `granted` and `refused` is called, from any thread."""

    base: ModelSpec
    adapter: ModelSpec | None
    quantization: str
    cache_tokens: int
    """The context its question will need, so that it still fits when the model is there; 0: no question."""
    live: ProgressListener
    granted: Callable[[Lease], None]
    refused: Callable[[NaraniError], None]

    @property
    def key(self) -> ResidentKey:
        return ResidentKey(self.base.id, self.quantization)

    @property
    def lease_key(self) -> LeaseKey:
        return self.key, self.adapter.id if self.adapter else None

    @property
    def title(self) -> str:
        return (self.adapter or self.base).title


class QueueWatch:
    """Shows a load's progress to everyone who waits for it, and cancels it when nobody does any more."""

    def __init__(self, waiting: Callable[[], list[LeaseRequest]]) -> None:
        self._waiting = waiting

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        waiting = self._waiting()
        if not waiting:
            raise Stopped("stopped-while-loading")
        for request in waiting:
            request.live.enter(State.LOADING, note or stage, fraction)
