"""What a pair of answers costs, or one judged answer: the losses that a tuning on preferences minimizes.

An answer's log-probability comes as two sums: of its tokens within the length of the pair's shorter answer,
and of those beyond, so that length alone can be made to count less. All losses have a value a row; whoever
learns divides them by the rows of the whole step, so that micro batches and processes change nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from finetune.preference_settings import DpoSettings, KtoSettings

_SURE = -1e-6
"""The log-probability from which an answer counts as certain, whose odds would be infinite."""


@dataclass(frozen=True)
class ComparedAnswer:
    """A prompt and an answer to it as a network sees them."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]
    shared: int
    """How many of its tokens lie within the length of the pair's shorter answer."""


def summed(tokens: Tensor, rows: Sequence[ComparedAnswer]) -> Tensor:
    """The two sums of each answer, [answers, 2], of its tokens' log-probabilities [answers, longest]."""
    shared = torch.tensor([row.shared for row in rows], device=tokens.device)
    within = torch.arange(tokens.shape[1], device=tokens.device) < shared[:, None]
    return torch.stack([tokens.where(within, 0.0).sum(1), tokens.where(~within, 0.0).sum(1)], 1)


def pair_rewards(settings: DpoSettings, learned: Tensor, reference: Tensor | None, lengths: Tensor) -> Tensor:
    """How much better the network finds each answer than the reference does, in the measure of the loss;
    without a reference, how likely a token of it is. [pairs, 2]: the chosen answers, the rejected ones.

    `learned`, `reference`: [pairs, 2, 2], the two sums of both answers; `lengths`: [pairs, 2], in tokens."""
    if reference is None:
        return settings.beta * learned.sum(2) / lengths
    within, beyond = (learned - reference).unbind(2)
    return settings.beta * (within + settings.length_weight * beyond)


def pair_losses(settings: DpoSettings, rewards: Tensor, lengths: Tensor) -> Tensor:
    """[pairs]; without the term that learns the chosen answer itself."""
    beta = settings.beta
    if settings.loss == "orpo":
        # arXiv 2403.07691, (6) and (7): the odds of an answer by its mean token.
        likely = rewards / beta
        odds = likely - torch.log(-torch.expm1(likely.clamp(max=_SURE)))
        return -beta * logsigmoid(odds[:, 0] - odds[:, 1])
    if settings.loss == "ipo":
        # By the mean token, as its authors do; arXiv 2310.12036, (17).
        chosen, rejected = (rewards / beta / lengths).unbind(1)
        return (chosen - rejected - 1 / (2 * beta)).square()
    margins = rewards[:, 0] - rewards[:, 1]
    if settings.loss == "hinge":
        return relu(1 - margins)
    # arXiv 2305.18290, (7); arXiv 2405.14734, (6).
    return -logsigmoid(margins - settings.simpo_margin if settings.loss == "simpo" else margins)


def judged_losses(settings: KtoSettings, rewards: Tensor, good: Tensor, usual: Tensor) -> Tensor:
    """[answers]; arXiv 2402.01306, (8). `usual`: the reward of an answer that belongs to another question."""
    gained = torch.where(good, rewards - usual, usual - rewards)
    weights = torch.where(good, settings.good_weight, settings.bad_weight)
    return weights * (1 - gained.sigmoid())
