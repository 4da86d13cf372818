"""How much better an answer, or a token of it, was than could be expected: what learning by rewards goes by.

All tensors have a row an answer and a column a token of it; `mask` is true where there is a token, and where
it is not, nothing counts, however many such columns there are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_NO_SPREAD = 1e-6
"""A standard deviation below this is rounding, and dividing by it would make noise of it."""


@dataclass(frozen=True, eq=False)
class ForeseenAdvantages:
    advantages: Tensor
    returns: Tensor
    """What the value head should have foreseen."""


def generalized_advantages(
    rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, gae_lambda: float
) -> ForeseenAdvantages:
    """Generalized advantage estimation: after the end of an answer nothing is foreseen and nothing comes."""
    rewards, values = rewards.where(mask, 0.0), values.where(mask, 0.0)
    found = torch.zeros_like(values)
    later, value_after = values.new_zeros(len(values)), values.new_zeros(len(values))
    for column in reversed(range(values.shape[1])):
        error = rewards[:, column] + gamma * value_after - values[:, column]
        later = (error + gamma * gae_lambda * later).where(mask[:, column], 0.0)
        found[:, column], value_after = later, values[:, column]
    return ForeseenAdvantages(found, found + values)


def group_advantages(
    rewards: Tensor, kept: Tensor, group: int, *, scaled: bool = False, leave_one_out: bool = False
) -> Tensor:
    """Of each answer against the others to its question, which stand beside it.

    `kept`: the answers that count; `scaled`: divided by the standard deviation of the group."""
    centered, spread, count = _within_groups(rewards, kept, group)
    if leave_one_out:
        # The mean of the others instead of the mean of all.
        centered = centered * count / (count - 1).clamp(min=1)
    if scaled:
        centered = centered / spread.where(spread >= _NO_SPREAD, 1.0)
    return centered.where(spread >= _NO_SPREAD, 0.0).flatten()


def equal_answers(rewards: Tensor, kept: Tensor, group: int) -> Tensor:
    """Which answers are of a group whose rewards do not differ, so that none of them is better."""
    centered, spread, _ = _within_groups(rewards, kept, group)
    return (spread < _NO_SPREAD).expand_as(centered).flatten()


def _within_groups(rewards: Tensor, kept: Tensor, group: int) -> tuple[Tensor, Tensor, Tensor]:
    """[groups, group] of rewards less their mean, and [groups, 1] of their standard deviation and number."""
    rewards, kept = rewards.where(kept, 0.0).view(-1, group), kept.view(-1, group)
    count = kept.sum(1, keepdim=True)
    centered = (rewards - rewards.sum(1, keepdim=True) / count.clamp(min=1)).where(kept, 0.0)
    return centered, (centered.square().sum(1, keepdim=True) / (count - 1).clamp(min=1)).sqrt(), count


def whitened(advantages: Tensor, mask: Tensor) -> Tensor:
    """With mean 0 and standard deviation 1 over all tokens; left as they are where they do not differ."""
    counted = advantages[mask]
    spread = counted.std(correction=0) if len(counted) else counted.new_zeros(())
    if spread < _NO_SPREAD:
        return advantages
    return ((advantages - counted.mean()) / spread).where(mask, 0.0)
