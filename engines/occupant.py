"""One model in memory as the books see it.

Knows: its place, the bytes it takes, who leases it, when it was last used, and whether it is to be kept.
Refuses to know: torch, and what lies in those bytes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from engines.memory import ResidentView


@dataclass(frozen=True)
class ResidentKey:
    """What is resident: weights are shared by a base and all adapters over it."""

    base_id: str
    quantization: str

    def __str__(self) -> str:
        return self.base_id if self.quantization == "none" else f"{self.base_id} {self.quantization}"


@dataclass(eq=False)
class ResidentFigures:
    """Changed by its owner alone, under the owner's lock."""

    key: ResidentKey
    load_seconds: float
    weight_bytes: int = 0
    cache_bytes: int = 0
    """What its questions were let reserve."""
    leases: int = 0
    kept: bool = False
    """A person asked for it to stay; it is never let go for others."""
    last_used: float = field(default_factory=time.monotonic)
    adapters: dict[str, Any] = field(default_factory=dict)

    @property
    def bytes(self) -> int:
        return self.weight_bytes + self.cache_bytes

    @property
    def bytes_to_gain(self) -> int:
        """What waiting for it, or letting it go, can bring to others."""
        if self.kept:
            return self.cache_bytes if self.leases else 0
        return self.bytes

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
        )
