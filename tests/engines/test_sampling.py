"""Choosing tokens: greedy, penalized and drawn, each row by its own settings and numbers.

Run: python -m pytest tests/engines/test_sampling.py
"""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engines.base import GenerationSettings
from engines.sampling import SeededNumbers, TokenSampler, choose_all, draw
from errors import BadRequest

LOGITS = torch.tensor([2.0, -1.0, 0.5, 1.5, 1.4, -3.0, 0.0, 0.9])


def chances(settings: GenerationSettings) -> torch.Tensor:
    """What transformers' own warpers leave of the distribution."""
    scores = LOGITS[None]
    scores = TemperatureLogitsWarper(settings.temperature)(None, scores)
    if settings.top_k:
        scores = TopKLogitsWarper(settings.top_k)(None, scores)
    if settings.top_p < 1:
        scores = TopPLogitsWarper(settings.top_p)(None, scores)
    return scores.softmax(-1)[0]


@pytest.mark.parametrize(
    "settings",
    [
        GenerationSettings(temperature=1.0),
        GenerationSettings(temperature=0.5, top_k=3),
        GenerationSettings(temperature=2.0, top_p=0.8),
        GenerationSettings(temperature=1.3, top_k=5, top_p=0.6),
        GenerationSettings(temperature=0.7, top_p=0.01),
    ],
)
def test_drawing_follows_the_distribution_that_the_settings_leave(settings: GenerationSettings) -> None:
    count = 4000
    drawn = Counter(draw(LOGITS, settings, (i + 0.5) / count) for i in range(count))
    shares = torch.tensor([drawn[token] / count for token in range(len(LOGITS))])
    assert torch.allclose(shares, chances(settings), atol=2e-3)


@pytest.mark.parametrize("number", [0.0, 0.5, 1.0 - 2**-53])
def test_every_number_falls_on_a_token(number: float) -> None:
    assert 0 <= draw(LOGITS, GenerationSettings(temperature=1.0), number) < len(LOGITS)


def test_the_penalty_is_that_of_transformers() -> None:
    prompt = [0, 3, 5]
    settings = GenerationSettings(repetition_penalty=1.7)
    sampler = TokenSampler(settings, SeededNumbers(0, "m", "p"), prompt)
    expected = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([prompt]), LOGITS[None].clone())
    assert sampler.choose(LOGITS) == int(expected.argmax())
    again = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([[*prompt, 4]]), LOGITS[None].clone())
    assert sampler.choose(LOGITS) == int(again.argmax())


def test_a_seen_token_becomes_less_likely_below_zero_too() -> None:
    sampler = TokenSampler(GenerationSettings(repetition_penalty=1.7), SeededNumbers(0, "m", "p"), [0])
    assert sampler.choose(torch.tensor([-0.5, -0.6, -9.0])) == 1


def test_the_same_seed_model_and_prompt_throw_the_same_numbers() -> None:
    def numbers(*key: object) -> list[float]:
        numbers = SeededNumbers(*key)  # type: ignore[arg-type]
        return [numbers.next_number() for _ in range(5)]

    assert numbers(1, "a", "질문") == numbers(1, "a", "질문")
    others = [numbers(2, "a", "질문"), numbers(1, "b", "질문"), numbers(1, "a", "질문!")]
    assert all(other != numbers(1, "a", "질문") for other in others)


def test_a_row_draws_the_same_whoever_stands_beside_it() -> None:
    settings = GenerationSettings(temperature=1.0, seed=3)

    def tokens(neighbors: int) -> list[int]:
        samplers = [TokenSampler(settings, SeededNumbers(3, "m", f"{i}"), []) for i in range(neighbors + 1)]
        logits = torch.stack([LOGITS] * (neighbors + 1))
        return [choose_all(logits, samplers)[0] for _ in range(20)]

    assert tokens(0) == tokens(3)


@pytest.mark.parametrize(
    "wrong",
    [
        {"temperature": -0.1},
        {"temperature": float("nan")},
        {"top_p": 0.0},
        {"top_p": 1.1},
        {"top_k": -1},
        {"repetition_penalty": 0.0},
        {"max_new_tokens": 0},
        {"seed": -1},
        {"temperature": True},
        {"temperature": "1"},
        {"stop_strings": ("",)},
    ],
)
def test_settings_out_of_range_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(BadRequest) as refused:
        GenerationSettings(**wrong)  # type: ignore[arg-type]
    assert refused.value.facts["name"] == next(iter(wrong))
