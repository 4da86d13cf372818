"""Choosing tokens: greedy, penalized and drawn, each row by its own settings and numbers.

Run: python -m pytest tests/engines/test_sampling.py
"""

from __future__ import annotations

from collections import Counter
from itertools import product

import pytest
import torch
from transformers import (
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from engines.base import GenerationSettings
from engines.sampling import NUMBERS_AHEAD, SeededNumbers, TokenSampler
from engines.steps.drawing import Draws, draw, draw_on_host
from engines.steps.sampling_tables import SamplingTables
from errors import BadRequest

CPU = torch.device("cpu")
LOGITS = torch.tensor([2.0, -1.0, 0.5, 1.5, 1.4, -3.0, 0.0, 0.9])


def drawing(all_settings: list[GenerationSettings], numbers: list[float]) -> Draws:
    rows = [(how.temperature, how.top_k or 1 << 40, how.top_p) for how in all_settings]
    temperatures, top_ks, top_ps = zip(*rows, strict=True)
    columns = (temperatures, top_ps, numbers)
    double = [torch.tensor(column, dtype=torch.float64)[:, None] for column in columns]
    return Draws(double[0], torch.tensor(top_ks)[:, None], double[1], double[2])


def chosen(sampler: TokenSampler, logits: torch.Tensor) -> int:
    (token,) = SamplingTables(CPU).choose(logits[None], [sampler])
    sampler.took(token)
    return token


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
    numbers = [(i + 0.5) / count for i in range(count)]
    drawn = Counter(draw(LOGITS.expand(count, -1), drawing([settings] * count, numbers)).tolist())
    shares = torch.tensor([drawn[token] / count for token in range(len(LOGITS))])
    assert torch.allclose(shares, chances(settings), atol=2e-3)


@pytest.mark.parametrize("number", [0.0, 0.5, 1.0 - 2**-53])
@pytest.mark.parametrize("settings", [{}, {"top_p": 0.9}, {"top_k": 3}])
def test_every_number_falls_on_a_token(number: float, settings: dict[str, float]) -> None:
    """Also where rounding brings it up to the whole: on the last of the kept."""
    draws = drawing([GenerationSettings(temperature=1.0, **settings)], [number])  # type: ignore[arg-type]
    for logits in (LOGITS, torch.zeros(5001), torch.linspace(-9, 9, 5001)):
        token = int(draw(logits[None], draws))
        assert 0 <= token < len(logits) and token == draw_on_host(logits, draws)


def by_floats(logits: torch.Tensor, settings: GenerationSettings, number: float) -> int:
    """The same drawn with chances that are floating-point numbers, one row at a time."""
    limit = min(settings.top_k or logits.shape[-1], logits.shape[-1])
    best, tokens = torch.sort(logits.float(), descending=True, stable=True)
    chances = torch.softmax((best[:limit].double() - best[0]) / settings.temperature, dim=-1)
    sums = chances.cumsum(-1)
    if settings.top_p < 1.0:
        sums = sums[: max(int((sums - chances < settings.top_p).sum()), 1)]
    place = int(torch.searchsorted(sums, number * sums[-1], right=True))
    return int(tokens[min(place, len(sums) - 1)])


def test_ten_thousand_draws_over_all_settings_are_the_same_alone_and_in_company() -> None:
    """Sorted whole or in part, with whole numbers or floating-point ones, with equal logits among them."""
    grid = [
        GenerationSettings(temperature=temperature, top_k=top_k, top_p=top_p)
        for temperature, top_k, top_p in product(
            (0.1, 0.7, 1.0, 1.6, 4.0), (0, 1, 40, 300), (1.0, 0.95, 0.5, 1e-9)
        )
    ]
    generator = torch.Generator().manual_seed(0)
    for turn in range(125):
        logits = torch.randn(len(grid), 400, generator=generator, dtype=torch.float64) * (1 + turn % 4)
        logits = logits.to(torch.bfloat16 if turn % 2 else torch.float32)
        numbers = torch.rand(len(grid), generator=generator, dtype=torch.float64).tolist()
        draws = drawing(grid, numbers)
        together = draw(logits, draws).tolist()
        parts = [Draws(*(part[row : row + 1] for part in draws)) for row in range(len(grid))]
        assert [draw_on_host(row, part) for row, part in zip(logits, parts, strict=True)] == together
        assert [by_floats(*each) for each in zip(logits, grid, numbers, strict=True)] == together


@pytest.mark.parametrize("way", [{}, {"temperature": 0.8, "top_p": 0.9}])
def test_numbers_and_seen_tokens_outlast_what_is_written_ahead(way: dict[str, float]) -> None:
    """A row that stays is given the tokens of one whose tables are written anew for every token."""
    settings = GenerationSettings(repetition_penalty=1.3, **way)  # type: ignore[arg-type]
    one, other = (TokenSampler(settings, SeededNumbers(3, "m", "p"), [5, 7, 5]) for _ in range(2))
    beside = TokenSampler(GenerationSettings(temperature=1.0), SeededNumbers(4, "m", "p"), [])
    tables, generator = SamplingTables(CPU), torch.Generator().manual_seed(1)
    for turn in range(2 * NUMBERS_AHEAD + 3):
        logits = torch.randn(2, 60, generator=generator)
        rows = [one, beside] if turn % 100 > 50 else [one]
        tokens = tables.choose(logits[: len(rows)], rows)
        for sampler, token in zip(rows, tokens, strict=True):
            sampler.took(token)
        assert tokens[0] == chosen(other, logits[0])


def test_the_penalty_is_that_of_transformers() -> None:
    prompt = [0, 3, 5]
    settings = GenerationSettings(repetition_penalty=1.7)
    sampler = TokenSampler(settings, SeededNumbers(0, "m", "p"), prompt)
    expected = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([prompt]), LOGITS[None].clone())
    assert chosen(sampler, LOGITS) == int(expected.argmax())
    again = RepetitionPenaltyLogitsProcessor(1.7)(torch.tensor([[*prompt, 4]]), LOGITS[None].clone())
    assert chosen(sampler, LOGITS) == int(again.argmax())


def test_what_an_empty_prompt_stands_for_is_not_penalized() -> None:
    sampler = TokenSampler(GenerationSettings(repetition_penalty=1.7), SeededNumbers(0, "m", "p"), [])
    tables, logits = SamplingTables(CPU), torch.tensor([[2.0, 1.9, 1.5]])
    for expected in (0, 1, 2):
        tokens = tables.choose(logits, [sampler])
        assert tokens == [expected]
        sampler.took(expected)


def test_a_seen_token_becomes_less_likely_below_zero_too() -> None:
    sampler = TokenSampler(GenerationSettings(repetition_penalty=1.7), SeededNumbers(0, "m", "p"), [0])
    assert chosen(sampler, torch.tensor([-0.5, -0.6, -9.0])) == 1


def test_the_same_seed_model_and_prompt_throw_the_same_numbers() -> None:
    def numbers(*key: object) -> list[float]:
        numbers = SeededNumbers(*key)  # type: ignore[arg-type]
        singly = [float(numbers.ahead(used)[0]) for used in range(5)]
        assert singly == SeededNumbers(*key).ahead(0)[:5].tolist()  # type: ignore[arg-type]
        return singly

    assert numbers(1, "a", "질문") == numbers(1, "a", "질문")
    others = [numbers(2, "a", "질문"), numbers(1, "b", "질문"), numbers(1, "a", "질문!")]
    assert all(other != numbers(1, "a", "질문") for other in others)


def test_a_row_draws_the_same_whoever_stands_beside_it() -> None:
    settings = GenerationSettings(temperature=1.0, seed=3)

    def tokens(neighbors: int) -> list[int]:
        samplers = [TokenSampler(settings, SeededNumbers(3, "m", f"{i}"), []) for i in range(neighbors + 1)]
        logits = torch.stack([LOGITS] * (neighbors + 1))
        tables = SamplingTables(CPU)
        drawn = []
        for _ in range(20):
            tokens = tables.choose(logits, samplers)
            drawn.append(tokens[0])
            for sampler, token in zip(samplers, tokens, strict=True):
                sampler.took(token)
        return drawn

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
