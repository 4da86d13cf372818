"""The sentence that refuses a model for which there can never be room.

Knows: how sizes, what is kept, and what would fit are put into words.
Refuses to know: how any of it was found out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from errors import NoRoom
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
    need, allowed = format_bytes(lack.need), format_bytes(left)
    if need == allowed:
        need, allowed = f"{lack.need:,} B", f"{left:,} B"
    question = " with this question" if lack.asked else ""
    read = "measured" if lack.measured else "estimated"
    wanted = f"{lack.title}{question} needs {need} ({lack.quantization}, {read})"
    if lack.kept:
        names = ", ".join(lack.kept)
        there = f"the models kept in memory ({names}) leave {allowed} of the budget"
    else:
        there = f"the budget is {allowed}"
    return NoRoom(
        f"{wanted}, and {there}. {_advice(lack)}",
        model=lack.model_id,
        measured=lack.measured,
        need=lack.need,
        budget=lack.budget,
        kept=tuple(lack.kept),
        fitting=dict(lack.fitting),
    )


def _advice(lack: Lack) -> str:
    fitting = ", ".join(f"{name} ({format_bytes(size)})" for name, size in lack.fitting.items())
    if lack.kept:
        return "No longer keep one of them" + (f", or load it as {fitting}." if fitting else ".")
    if fitting:
        return f"It would fit as {fitting}."
    return "No quantization of it fits; ask less, pick a smaller model or raise NARANI_MEMORY_BUDGET."
