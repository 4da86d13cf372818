"""Advantages: generalized (GAE), within groups, and whitened.

Run: python -m pytest tests/finetune/rl/test_rl_advantages.py
"""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from finetune.rl.advantages import equal_answers, generalized_advantages, group_advantages, whitened

REWARDS, VALUES = torch.tensor([[0.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.4, 0.3]])


def padded(row: Tensor, width: int, filled: float) -> Tensor:
    return torch.cat([row, torch.full((1, width), filled)], 1)


@pytest.mark.parametrize("width", [0, 1, 7])
def test_gae_is_that_of_the_formula_however_wide_the_padding(width: int) -> None:
    mask = padded(torch.ones(1, 3), width, 0.0).bool()
    found = generalized_advantages(padded(REWARDS, width, 9.0), padded(VALUES, width, 9.0), mask, 1.0, 0.95)

    assert_close(found.advantages, padded(torch.tensor([[0.43675, 0.565, 0.7]]), width, 0.0))
    assert_close(found.returns, padded(torch.tensor([[0.93675, 0.965, 1.0]]), width, 0.0))


def test_the_ends_of_lambda_are_returns_less_values_and_errors_of_one_step() -> None:
    draw = torch.Generator().manual_seed(0)
    rewards, values = torch.randn(4, 6, generator=draw), torch.randn(4, 6, generator=draw)
    mask = torch.arange(6) < torch.tensor([[6], [1], [3], [5]])
    gamma = 0.9

    whole = generalized_advantages(rewards, values, mask, gamma, 1.0)
    step = generalized_advantages(rewards, values, mask, gamma, 0.0)

    for row, length in enumerate(mask.sum(1).tolist()):
        for column in range(length):
            to_come = sum(gamma ** (later - column) * rewards[row, later] for later in range(column, length))
            after = values[row, column + 1] if column + 1 < length else torch.tensor(0.0)
            error = rewards[row, column] + gamma * after - values[row, column]
            assert_close(whole.advantages[row, column], to_come - values[row, column])
            assert_close(step.advantages[row, column], error)


@pytest.mark.parametrize("scaled", [False, True])
@pytest.mark.parametrize("leave_one_out", [False, True])
def test_group_advantages_sum_to_zero_and_equal_groups_are_left_out(
    scaled: bool, leave_one_out: bool
) -> None:
    rewards = torch.tensor([0.1, 0.9, 0.4, 0.7, 0.7, 0.7, -1.0, 2.0, 0.0])
    kept = torch.ones(9, dtype=torch.bool)

    found = group_advantages(rewards, kept, 3, scaled=scaled, leave_one_out=leave_one_out)

    assert_close(found.view(3, 3).sum(1), torch.zeros(3), atol=1e-6, rtol=0)
    assert found[3:6].tolist() == [0.0, 0.0, 0.0] and found[[0, 6]].abs().min() > 0.1
    assert equal_answers(rewards, kept, 3).tolist() == [False] * 3 + [True] * 3 + [False] * 3


def test_leaving_one_out_compares_with_the_mean_of_the_others() -> None:
    found = group_advantages(
        torch.tensor([1.0, 2.0, 6.0]), torch.ones(3, dtype=torch.bool), 3, leave_one_out=True
    )
    assert_close(found, torch.tensor([1 - 4.0, 2 - 3.5, 6 - 1.5]))


def test_a_dropped_answer_counts_for_nobody_and_a_group_of_one_has_nothing_to_compare() -> None:
    nan = float("nan")
    rewards = torch.tensor([1.0, nan, 3.0, 5.0, nan, nan])

    found = group_advantages(rewards, ~rewards.isnan(), 3, scaled=True)

    assert_close(found, torch.tensor([-1, 0, 1, 0, 0, 0]) / 2**0.5)
    assert equal_answers(rewards, ~rewards.isnan(), 3).tolist() == [False] * 3 + [True] * 3


def test_whitening_is_over_the_tokens_of_all_answers() -> None:
    advantages, mask = (
        torch.tensor([[1.0, 2.0, 99.0], [6.0, 99.0, 99.0]]),
        torch.tensor([[True, True, False], [True, False, False]]),
    )
    found = whitened(advantages, mask)

    assert_close(found[mask].mean(), torch.tensor(0.0))
    assert_close(found[mask].std(correction=0), torch.tensor(1.0))
    assert found[~mask].tolist() == [0.0] * 3


def test_advantages_that_do_not_differ_are_not_blown_up() -> None:
    noise = 0.3 + 1e-8 * torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    assert torch.equal(whitened(noise, torch.ones(3, 4, dtype=torch.bool)), noise)
