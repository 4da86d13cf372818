"""The losses of learning by rewards, and KL by samples held against the exact one.

Run: python -m pytest tests/finetune/rl/test_rl_losses.py
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.distributions import Categorical, kl_divergence
from torch.testing import assert_close

from finetune.rl.advantages import generalized_advantages, group_advantages, whitened
from finetune.rl.losses import k1, k3, policy_loss, value_loss
from finetune.rl.value_head import ValueHead, explained_variance

ONE = torch.ones(1, 1, dtype=torch.bool)


def gradient(ratio: float, advantage: float) -> float:
    log_prob = torch.tensor([[ratio]]).log().requires_grad_()
    policy_loss(log_prob, torch.zeros(1, 1), torch.tensor([[advantage]]), ONE, 0.2).loss.backward()
    assert log_prob.grad is not None
    return float(log_prob.grad)


def test_at_ratio_one_the_gradient_is_that_of_the_plain_policy_gradient() -> None:
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(4, 3, 5, generator=draw, requires_grad=True)
    tokens = torch.randint(5, (4, 3, 1), generator=draw)
    advantages, mask = torch.randn(4, 3, generator=draw), torch.arange(3) < torch.tensor([[3], [1], [2], [3]])
    log_probs = logits.log_softmax(-1).gather(-1, tokens).squeeze(-1)

    ours = policy_loss(log_probs, log_probs.detach(), advantages, mask, 0.2).loss / 9
    plain = -(log_probs * advantages)[mask].mean()

    (found,) = torch.autograd.grad(ours, logits, retain_graph=True)
    (wanted,) = torch.autograd.grad(plain, logits)
    assert_close(found, wanted)


@pytest.mark.parametrize(("ratio", "advantage"), [(1.3, 1.0), (0.7, -1.0)])
def test_what_has_moved_far_enough_gets_no_gradient_at_all(ratio: float, advantage: float) -> None:
    assert gradient(ratio, advantage) == 0.0
    assert gradient(ratio, -advantage) == pytest.approx(ratio * advantage)


def test_clipped_tokens_are_counted_and_padding_is_not() -> None:
    log_probs = torch.tensor([[1.3, 1.0, 9.0]]).log()
    mask = torch.tensor([[True, True, False]])
    found = policy_loss(log_probs, torch.zeros(1, 3), torch.ones(1, 3), mask, 0.2)

    assert int(found.clipped) == 1
    assert_close(found.moved, torch.tensor(1.3).log().square() / 2)


def test_a_probability_that_exploded_gives_numbers_still() -> None:
    log_probs = torch.tensor([[500.0, -500.0]], requires_grad=True)
    found = policy_loss(log_probs, torch.zeros(1, 2), torch.tensor([[-1.0, 1.0]]), ONE.expand(1, 2), 0.2)
    found.loss.backward()

    assert torch.isfinite(found.loss)
    assert log_probs.grad is not None and torch.isfinite(log_probs.grad).all()


@pytest.mark.parametrize("clip", [0.2, 100.0])
def test_a_value_gains_nothing_by_moving_farther_than_the_clip(clip: float) -> None:
    values = torch.tensor([[0.5, 0.1, 9.0]], requires_grad=True)
    mask = torch.tensor([[True, True, False]])
    value_loss(values, torch.zeros(1, 3), torch.ones(1, 3), mask, clip).backward()

    first = 0.0 if clip == 0.2 else 0.5 - 1
    assert_close(values.grad, torch.tensor([[first, 0.1 - 1, 0.0]]))


def test_the_value_head_begins_at_zero_in_float32_and_hands_nothing_back() -> None:
    head, hidden = ValueHead(4), torch.randn(2, 3, 4, dtype=torch.bfloat16, requires_grad=True)
    values = head(hidden)
    (values - 1).square().sum().backward()

    assert values.dtype == torch.float32 and not values.any()
    assert hidden.grad is None
    assert head.weight.grad is not None and head.weight.grad.any() and head.bias.grad is not None


def test_explained_variance_has_its_fixed_points() -> None:
    returns, mask = torch.tensor([[1.0, 2.0, 4.0, 99.0]]), torch.tensor([[True, True, True, False]])

    assert explained_variance(returns, returns, mask) == 1.0
    assert explained_variance(torch.full((1, 4), 3.0), returns, mask) == pytest.approx(0.0)
    assert explained_variance(returns, torch.full((1, 4), 3.0), mask) is None


def test_k1_and_k3_are_the_exact_kl_on_average_and_k3_is_never_negative() -> None:
    draw = torch.Generator().manual_seed(1)
    policy = Categorical(logits=torch.randn(5, generator=draw))
    reference = Categorical(logits=policy.logits + 0.3 * torch.randn(5, generator=draw))
    drawn = torch.multinomial(policy.probs, 100_000, replacement=True, generator=draw)
    mine, theirs = policy.log_prob(drawn), reference.log_prob(drawn)

    exact = float(kl_divergence(policy, reference))
    for each in (k1(mine, theirs), k3(mine, theirs)):
        error = float(each.std()) / len(drawn) ** 0.5
        assert float(each.mean()) == pytest.approx(exact, abs=4 * error)
    assert float(k1(mine, theirs).min()) < 0 <= float(k3(mine, theirs).min())
    assert float(k3(mine, theirs).std()) < float(k1(mine, theirs).std())


def critic_advantages(rewards: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Answers of one token, as PPO sees them."""
    mask = torch.ones(len(rewards), 1, dtype=torch.bool)
    found = generalized_advantages(rewards[:, None], value.detach().expand(len(rewards), 1), mask, 1.0, 0.95)
    return whitened(found.advantages, mask), found.returns


def grouped_advantages(rewards: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    found = group_advantages(rewards, torch.ones(len(rewards), dtype=torch.bool), 8, scaled=True)
    return found[:, None], rewards[:, None]


@pytest.mark.parametrize("advantages", [critic_advantages, grouped_advantages])
def test_a_bandit_learns_its_rewarded_token_within_fifty_updates(
    advantages: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
) -> None:
    draw = torch.Generator().manual_seed(0)
    logits, head = torch.zeros(5, requires_grad=True), ValueHead(1)
    adam = torch.optim.Adam([logits, *head.parameters()], lr=0.1, eps=1e-5)
    for _ in range(50):
        with torch.no_grad():
            drawn = torch.multinomial(logits.softmax(-1), 64, replacement=True, generator=draw)
            before, value = logits.log_softmax(-1)[drawn][:, None], head(torch.ones(1, 1))
        better, returns = advantages((drawn == 3).float(), value)
        for _ in range(2):
            mask = torch.ones(64, 1, dtype=torch.bool)
            log_probs = logits.log_softmax(-1)[drawn][:, None]
            loss = policy_loss(log_probs, before, better, mask, 0.2).loss
            foreseen = head(torch.ones(64, 1, 1))
            loss = loss + value_loss(foreseen, value.expand(64, 1), returns, mask, 0.2)
            adam.zero_grad()
            (loss / 64).backward()
            adam.step()

    assert float(logits.softmax(-1)[3].detach()) > 0.9
