"""The sentence that refuses a model for which there can never be room.

Knows: how sizes, what is kept, and what would fit are put into words.
Refuses to know: how any of it was found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from errors import Cause, NoRoom
from settings import format_bytes


@dataclass(frozen=True)
class Lack:
    """What is wanted, and what there is."""

    title: str
    model_id: str
    quantization: str
    need: int
    budget: int
    measured: bool = False
    asked: bool = True
    """A question wants it, whose cache counts too."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """The bytes of the kept models without which it would fit, by their name."""
    fitting: Mapping[str, int] = field(default_factory=dict)
    """Other quantizations that would fit, with their bytes."""


def no_room(lack: Lack) -> NoRoom:
    """Names the sizes, who is in the way, and what would fit."""
    left = lack.budget - sum(lack.kept.values())
    need: int | str = lack.need
    if format_bytes(lack.need) == format_bytes(left):
        need = f"{lack.need:,} B"
    wanted = Cause(
        "memory-wanted-asking" if lack.asked else "memory-wanted",
        model=lack.title,
        need=need,
        quantization=lack.quantization,
        read="measured" if lack.measured else "estimated",
    )
    if lack.kept:
        code = "no-room-kept-fits" if lack.fitting else "no-room-kept"
    else:
        code = "no-room-fits" if lack.fitting else "no-room"
    return NoRoom(
        code,
        wanted=wanted,
        left=left if need == lack.need else f"{left:,} B",
        model=lack.model_id,
        measured=lack.measured,
        need=lack.need,
        budget=lack.budget,
        kept=tuple(lack.kept),
        fitting=dict(lack.fitting),
    )
