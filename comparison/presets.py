"""The ways of answering that a person picks by name, and the settings that each means for a model.

What the person set counts first, then what the model's source recommends, then our own values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

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
    figures: Mapping[str, Any] = field(default_factory=dict)
    """Single settings by their names, which count before all else."""


def settings_for(own: GenerationDefaults, choice: GenerationChoice) -> GenerationSettings:
    """The settings of one model under this choice."""
    recommended = GenerationSettings(**own.model_dump(exclude_none=True))
    settings = {
        Preset.RECOMMENDED: recommended,
        Preset.GREEDY: replace(recommended, temperature=0.0, top_p=1.0, top_k=0),
        Preset.CREATIVE: replace(recommended, temperature=1.0, top_p=0.95, top_k=0),
        Preset.CUSTOM: choice.custom,
    }[choice.preset]
    longest = recommended.max_new_tokens if choice.max_new_tokens is None else choice.max_new_tokens
    apart: dict[str, Any] = {"max_new_tokens": longest, "seed": choice.seed}
    return replace(settings, **(apart | dict(choice.figures)))


def choice_of(asked: Sequence[tuple[GenerationDefaults, GenerationSettings]]) -> GenerationChoice:
    """The choice under which each of these models has these settings; where no one choice gives them all, the
    settings of the first, for all."""
    first = asked[0][1]
    for preset in Preset:
        for longest in (None, first.max_new_tokens):
            choice = GenerationChoice(preset, first, longest, first.seed)
            if all(settings_for(own, choice) == settings for own, settings in asked):
                return choice
    return GenerationChoice(Preset.CUSTOM, first, first.max_new_tokens, first.seed)
