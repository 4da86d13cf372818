"""The request for the right to use a model: what is wanted, who is shown how it comes, and whom to tell.

How it is granted is the pool's and the books' affair.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from engines.base import State
from engines.resident import Resident
from engines.resident_figures import Lease, ResidentKey
from errors import NaraniError, Stopped
from model_registry.spec import ModelSpec


class ProgressListener(Protocol):
    """A live answer, or a live load by hand."""

    def enter(self, state: State, note: str = "", progress: float | None = None) -> None: ...


ModelLease = Lease[Resident]
LeaseKey = tuple[ResidentKey, str | None]
"""The weights, and the id of the adapter over them."""


@dataclass(eq=False)
class LeaseRequest:
    """Exactly one of `granted` and `refused` is called, from any thread."""

    base: ModelSpec
    adapter: ModelSpec | None
    quantization: str
    cache_tokens: int
    """The context its question will need, so that it still fits when the model is there; 0: no question."""
    live: ProgressListener
    granted: Callable[[ModelLease], None]
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
