"""What the books write down of one model in memory: who it is, the bytes it takes, who uses it, what is kept.

Imports no torch, and knows nothing of what lies in those bytes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from engines.memory import ResidentView, StepChoice


class CacheGrowth(Enum):
    """Whether a batch may let its cache grow: at once, after others have ended, or not at all."""

    GRANTED = "granted"
    LATER = "later"
    NEVER = "never"


@dataclass(frozen=True)
class ResidentKey:
    """Which weights are in memory; a base and all adapters over it share them."""

    base_id: str
    quantization: str

    def __str__(self) -> str:
        return self.base_id if self.quantization == "none" else f"{self.base_id} {self.quantization}"


@dataclass(eq=False)
class ResidentFigures:
    """Changed by the books alone, under their lock."""

    key: ResidentKey
    load_seconds: float
    weight_bytes: int = 0
    cache_bytes: int = 0
    """What its questions may take for their caches, all batches together."""
    cache_of: dict[str | None, int] = field(default_factory=dict)
    """The bytes granted to each batch, by the id of its adapter; None is the base."""
    leases: int = 0
    kept: bool = False
    """A person asked for it to stay, so it is never unloaded for others."""
    last_used: float = field(default_factory=time.monotonic)
    adapters: dict[str, Any] = field(default_factory=dict)
    steps: dict[str | None, StepChoice] = field(default_factory=dict)
    """How a token is computed, by the id of the adapter; None is the base."""

    @property
    def host_bytes(self) -> int:
        """What a copy of its weights takes in the host's memory."""
        return 0

    @property
    def step_bytes(self) -> int:
        """What the steps of its batches keep between questions: tables and captured graphs."""
        return 0

    @property
    def bytes(self) -> int:
        return self.weight_bytes + self.cache_bytes + self.step_bytes

    @property
    def bytes_to_gain(self) -> int:
        """What waiting for it, or unloading it, can bring to others."""
        if self.kept:
            return self.cache_bytes if self.leases else 0
        return self.bytes

    def has(self, adapter_id: str | None) -> bool:
        return adapter_id is None or adapter_id in self.adapters

    def view(self) -> ResidentView:
        return ResidentView(
            model_id=self.key.base_id,
            quantization=self.key.quantization,
            adapters=tuple(sorted(self.adapters)),
            weight_bytes=self.weight_bytes,
            cache_bytes=self.cache_bytes,
            leases=self.leases,
            idle_seconds=0.0 if self.leases else time.monotonic() - self.last_used,
            load_seconds=self.load_seconds,
            kept=self.kept,
            step=self.steps.get(None, StepChoice("eager")),
            adapter_steps=tuple((name, step) for name, step in self.steps.items() if name is not None),
            step_bytes=self.step_bytes,
            host_bytes=self.host_bytes,
        )


OneResident = TypeVar("OneResident", bound=ResidentFigures)


class Lease(Generic[OneResident]):
    """The right to use a model, which stays as long as this is held."""

    def __init__(self, resident: OneResident, take_back: Callable[[OneResident], None]) -> None:
        self._resident: OneResident | None = resident
        self._take_back = take_back

    @property
    def resident(self) -> OneResident:
        assert self._resident is not None, "a lease that was released cannot be used"
        return self._resident

    def release(self) -> None:
        """A second time does nothing."""
        resident, self._resident = self._resident, None
        if resident is not None:
            self._take_back(resident)
