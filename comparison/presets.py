"""The few ways of answering that a person picks by name.

Knows: what "greedy" and "creative" stand for, and that the model's own recommendation comes first.
Refuses to know: pages, command lines, and which model is asked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from engines.base import GenerationSettings

if TYPE_CHECKING:
    from model_registry.spec import GenerationDefaults


class Preset(StrEnum):
    RECOMMENDED = "recommended"
    """What the model's own source recommends."""
    GREEDY = "greedy"
    CREATIVE = "creative"
    CUSTOM = "custom"


@dataclass(frozen=True)
class GenerationChoice:
    """How a person wants to be answered, before any model is known."""

    preset: Preset = Preset.RECOMMENDED
    custom: GenerationSettings = GenerationSettings()
    """Counts with the preset CUSTOM only."""
    max_new_tokens: int | None = None
    """None: the model's own, else ours."""
    seed: int = 0


def settings_for(own: GenerationDefaults, wish: GenerationChoice) -> GenerationSettings:
    """The settings of one model under this wish."""
    recommended = GenerationSettings(**own.model_dump(exclude_none=True))
    settings = {
        Preset.RECOMMENDED: recommended,
        Preset.GREEDY: replace(recommended, temperature=0.0, top_p=1.0, top_k=0),
        Preset.CREATIVE: replace(recommended, temperature=1.0, top_p=0.95, top_k=0),
        Preset.CUSTOM: wish.custom,
    }[wish.preset]
    longest = recommended.max_new_tokens if wish.max_new_tokens is None else wish.max_new_tokens
    return replace(settings, max_new_tokens=longest, seed=wish.seed)


def wish_of(asked: Sequence[tuple[GenerationDefaults, GenerationSettings]]) -> GenerationChoice:
    """The wish under which each of these models has these settings; where no one wish gives them all, the
    settings of the first, for all."""
    first = asked[0][1]
    for preset in Preset:
        for longest in (None, first.max_new_tokens):
            wish = GenerationChoice(preset, first, longest, first.seed)
            if all(settings_for(own, wish) == settings for own, settings in asked):
                return wish
    return GenerationChoice(Preset.CUSTOM, first, first.max_new_tokens, first.seed)
