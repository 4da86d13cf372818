"""What is minimized in learning by rewards, apart from any network, and how far a policy moved from another.

A loss is summed over the tokens at hand; whoever minimizes it divides by those of the whole batch, so that it
does not matter into which micro batches the batch is divided.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_MOST_LOG_RATIO = 20.0
"""Beyond it, exp would overflow on its way to a gradient that is clipped anyway."""


@dataclass(frozen=True, eq=False)
class PolicyLoss:
    loss: Tensor
    clipped: Tensor
    """How many tokens are not learned any more, for their probability has moved far enough."""
    moved: Tensor
    """Half the squared log ratios, summed: about the KL to the policy that sampled."""


def policy_loss(
    log_probs: Tensor, sampled: Tensor, advantages: Tensor, mask: Tensor, clip: float
) -> PolicyLoss:
    """PPO's clipped loss. `sampled`: the log-probabilities that the answers were sampled with."""
    log_ratio = (log_probs - sampled).where(mask, 0.0)
    ratio = log_ratio.clamp(-_MOST_LOG_RATIO, _MOST_LOG_RATIO).exp()
    free, held = ratio * advantages, ratio.clamp(1 - clip, 1 + clip) * advantages
    loss = -torch.minimum(free, held).where(mask, 0.0).sum()
    with torch.no_grad():
        return PolicyLoss(loss, (held < free).sum(), log_ratio.square().sum() / 2)


def value_loss(values: Tensor, before: Tensor, returns: Tensor, mask: Tensor, clip: float) -> Tensor:
    """Half the squared error; a value that moved farther than `clip` from `before` gains nothing by it."""
    held = before + (values - before).clamp(-clip, clip)
    worse = torch.maximum((values - returns).square(), (held - returns).square())
    return worse.where(mask, 0.0).sum() / 2


def k1(log_probs: Tensor, reference: Tensor) -> Tensor:
    """The KL to the reference by one sample: right on average, and the one whose gradient is right in a
    reward; single values may be negative."""
    return log_probs - reference


def k3(log_probs: Tensor, reference: Tensor) -> Tensor:
    """The same with less noise and never negative, for figures to be looked at."""
    log_ratio = reference - log_probs
    return log_ratio.expm1() - log_ratio
