"""Presets: whose value counts. Run: python -m pytest tests/comparison/test_presets.py"""

from __future__ import annotations

import pytest

from comparison.presets import GenerationChoice, Preset, choice_of, settings_for
from engines.base import GenerationSettings
from model_registry.spec import GenerationDefaults

OWN = GenerationDefaults(temperature=0.4, top_p=0.8, repetition_penalty=1.1, max_new_tokens=300)
CUSTOM = GenerationSettings(temperature=1.5, top_k=3, max_new_tokens=9, seed=9)


@pytest.mark.parametrize(
    ("preset", "temperature", "top_p", "top_k", "penalty"),
    [
        (Preset.RECOMMENDED, 0.4, 0.8, 0, 1.1),
        (Preset.GREEDY, 0.0, 1.0, 0, 1.1),
        (Preset.CREATIVE, 1.0, 0.95, 0, 1.1),
        (Preset.CUSTOM, 1.5, 1.0, 3, 1.0),
    ],
)
def test_a_preset_decides_how_tokens_are_drawn(
    preset: Preset, temperature: float, top_p: float, top_k: int, penalty: float
) -> None:
    got = settings_for(OWN, GenerationChoice(preset, CUSTOM, seed=7))
    assert (got.temperature, got.top_p, got.top_k, got.repetition_penalty) == (
        temperature,
        top_p,
        top_k,
        penalty,
    )
    assert (got.max_new_tokens, got.seed) == (300, 7), "length and seed are asked for apart"


def test_a_length_asked_for_comes_before_the_models_own() -> None:
    assert settings_for(OWN, GenerationChoice(max_new_tokens=5)).max_new_tokens == 5
    nothing_said = settings_for(GenerationDefaults(), GenerationChoice())
    assert nothing_said == GenerationSettings()


@pytest.mark.parametrize("preset", Preset)
@pytest.mark.parametrize("longest", [None, 5])
def test_the_wish_is_found_again_in_the_settings_that_came_of_it(preset: Preset, longest: int | None) -> None:
    wish = GenerationChoice(preset, CUSTOM, longest, seed=7)
    others = GenerationDefaults(temperature=0.9)
    asked = [(own, settings_for(own, wish)) for own in (OWN, others)]
    found = choice_of(asked)
    assert [settings_for(own, found) for own, _ in asked] == [settings for _, settings in asked]
    assert (found.preset, found.seed, found.max_new_tokens) == (preset, 7, longest)


def test_settings_that_no_one_wish_gives_are_those_of_the_first() -> None:
    found = choice_of([(OWN, CUSTOM), (OWN, GenerationSettings(temperature=2.0))])
    assert found.preset is Preset.CUSTOM and settings_for(OWN, found) == CUSTOM
