"""Every loss of preferences is the one that TRL computes of the same log-probabilities.

Run: python -m pytest tests/finetune/preference/test_preference_losses.py
"""

from __future__ import annotations

import warnings
from collections import defaultdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from trl import DPOTrainer, KTOTrainer

from finetune.preference.losses import ComparedAnswer, judged_losses, pair_losses, pair_rewards, summed
from finetune.preference_settings import DpoSettings, KtoSettings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from trl.experimental.cpo import CPOTrainer
    from trl.experimental.orpo import ORPOTrainer

PAIRS, LONGEST, PROMPT = 5, 7, 2
DRAWN = torch.Generator().manual_seed(3)
LENGTHS = torch.tensor([[7, 2], [3, 3], [1, 6], [4, 5], [2, 1]])


def drawn() -> Tensor:
    """[pairs, 2, longest]: log-probabilities of tokens, nothing behind the end."""
    tokens = -3 * torch.rand(PAIRS, 2, LONGEST, generator=DRAWN)
    return tokens.where(torch.arange(LONGEST) < LENGTHS[:, :, None], 0.0)


def two_sums(tokens: Tensor) -> Tensor:
    rows = [ComparedAnswer((), (), int(lengths.min())) for lengths in LENGTHS for _ in range(2)]
    return summed(tokens.flatten(0, 1), rows).reshape(PAIRS, 2, 2)


LEARNED, REFERENCE = drawn(), drawn()


class Alone:
    device = torch.device("cpu")

    def gather(self, value: Any) -> Any:
        return value

    gather_for_metrics = gather


def as_trl(tokens: Tensor, **settings: Any) -> Any:
    """TRL's trainer as far as its loss looks at it, around a network that found these log-probabilities."""
    flat = torch.cat([torch.zeros(len(tokens), PROMPT), tokens], dim=1)
    nothing = torch.zeros_like(flat)
    found = SimpleNamespace(
        log_probs=flat, entropy=nothing, mean_logits=nothing, is_top1=torch.zeros_like(flat, dtype=torch.bool)
    )

    class Network:
        training = True

        def __call__(self, **inputs: Any) -> Any:
            return found

    usual = {"aux_loss_enabled": False, "precompute_ref_logps": True, "_total_train_tokens": 0, "_tp_size": 1}
    metrics = {"train": defaultdict[str, list[float]](list)}
    return SimpleNamespace(model=Network(), accelerator=Alone(), _metrics=metrics, **usual, **settings)


@pytest.mark.parametrize("length_weight", [1.0, 0.3])
@pytest.mark.parametrize("loss", ["sigmoid", "hinge", "ipo"])
def test_losses_against_a_reference_are_those_of_trl(loss: Any, length_weight: float) -> None:
    settings = DpoSettings(loss=loss, beta=0.4, length_weight=length_weight)
    rewards = pair_rewards(settings, two_sums(LEARNED), two_sums(REFERENCE), LENGTHS)

    trl = as_trl(
        LEARNED.transpose(0, 1).flatten(0, 1),
        beta=0.4,
        loss_types=[loss],
        loss_weights=[1.0],
        ld_alpha=length_weight,
        f_divergence_type="reverse_kl",
        use_weighting=False,
    )
    mask = (torch.arange(LONGEST) < LENGTHS.T.flatten()[:, None]).long()
    mask = torch.cat([torch.zeros(2 * PAIRS, PROMPT + 1, dtype=torch.long), mask], dim=1)
    within, beyond = two_sums(REFERENCE).unbind(2)
    chosen, rejected = (within + length_weight * beyond).unbind(1)
    inputs = {"input_ids": mask, "attention_mask": mask, "completion_mask": mask}
    inputs |= {"ref_chosen_logps": chosen, "ref_rejected_logps": rejected}

    wanted = DPOTrainer._compute_loss(trl, trl.model, inputs, False)

    assert pair_losses(settings, rewards, LENGTHS).mean() == pytest.approx(float(wanted), rel=1e-6)
    margin = float((rewards[:, 0] - rewards[:, 1]).mean())
    if length_weight == 1:
        assert trl._metrics["train"]["rewards/margins"] == [pytest.approx(margin, rel=1e-5)]


def test_losses_without_a_reference_are_those_of_trl() -> None:
    chosen, rejected = (LEARNED.sum(2) / LENGTHS).unbind(1)

    odds = DpoSettings(loss="orpo", beta=0.4)
    wanted, *_ = ORPOTrainer.odds_ratio_loss(
        SimpleNamespace(beta=0.4, accelerator=Alone()),
        chosen,
        rejected,
    )
    rewards = pair_rewards(odds, two_sums(LEARNED), None, LENGTHS)
    assert torch.allclose(pair_losses(odds, rewards, LENGTHS), -wanted, atol=1e-6)

    margin = DpoSettings(loss="simpo", beta=2.0, simpo_margin=0.7)
    trainer = SimpleNamespace(
        beta=2.0, simpo_gamma=0.7, loss_type="simpo", label_smoothing=0, alpha=0, accelerator=Alone()
    )
    wanted, *_ = CPOTrainer.cpo_loss(trainer, chosen, rejected)
    rewards = pair_rewards(margin, two_sums(LEARNED), None, LENGTHS)
    assert torch.allclose(pair_losses(margin, rewards, LENGTHS), wanted, atol=1e-6)


def test_an_answer_that_is_certain_has_no_infinite_odds() -> None:
    settings = DpoSettings(loss="orpo")
    sums = torch.zeros(1, 2, 2, requires_grad=True)
    loss = pair_losses(settings, pair_rewards(settings, sums, None, torch.ones(1, 2)), torch.ones(1, 2))
    loss.sum().backward()
    assert torch.isfinite(loss).all() and sums.grad is not None and torch.isfinite(sums.grad).all()


def test_the_loss_of_judged_answers_is_that_of_trl() -> None:
    settings = KtoSettings(beta=0.4, good_weight=1.3, bad_weight=0.6)
    good = torch.tensor([True, False, False, True, True])
    learned, reference, others = LEARNED[:, 0], REFERENCE[:, 0].sum(1), torch.tensor([2.0, 0.5, -1, 3, 1])

    trl = as_trl(
        learned,
        beta=0.4,
        loss_type="kto",
        calculate_KL=True,
        desirable_weight=1.3,
        undesirable_weight=0.6,
        _compute_kl_logps=lambda network, batch: others,
    )
    mask = (torch.arange(LONGEST) < LENGTHS[:, :1]).long()
    mask = torch.cat([torch.zeros(PAIRS, PROMPT + 1, dtype=torch.long), mask], dim=1)
    inputs = {"input_ids": mask, "attention_mask": mask, "completion_mask": mask, "label": good}
    inputs |= {"ref_logps": reference, "ref_KL_logps": torch.zeros(PAIRS)}
    wanted = KTOTrainer._compute_loss(trl, trl.model, inputs, False)

    rewards, usual = 0.4 * (learned.sum(1) - reference), 0.4 * others.mean()
    found = judged_losses(settings, rewards, good, usual)
    assert float(found.mean()) == pytest.approx(float(wanted), rel=1e-6)
