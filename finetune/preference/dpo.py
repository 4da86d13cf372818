"""Direct preference optimization: of two answers the better one becomes likelier, held against a reference.

By default the better answer itself is learned beside the difference: from the difference alone both answers
may become unlikely, and the model says neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from finetune.data import read_pairs
from finetune.preference.losses import ComparedAnswer, pair_losses, pair_rewards, summed
from finetune.preference.preparing import PreparedPreferences
from finetune.preference.rows import PairRow, pair_rows
from finetune.preference.trainer import PreferenceTrainer
from finetune.preference.training import PreferenceTraining
from finetune.preference_settings import DpoSettings
from finetune.rl.updates import standard_error
from finetune.training.course import run_course


def train(settings: DpoSettings, home: Path, **listeners: Any) -> Path:
    """The folder of the finished run; see run_course."""
    return run_course(settings, home, lambda course: _PairTraining(course).make(), **listeners)


class PairTrainer(PreferenceTrainer):
    def __init__(self, settings: DpoSettings, reference: Tensor | None, *given: Any) -> None:
        self._settings, self._reference = settings, reference
        super().__init__(*given)

    def learned_answers(self, number: int) -> Sequence[ComparedAnswer]:
        return both_answers(self._rows[number])

    def begin_step(self, numbers: Sequence[int]) -> None:
        super().begin_step(numbers)
        self._chosen_in_step = self.course.group.total(sum(len(self._rows[n].chosen) for n in numbers))

    def losses(self, numbers: Sequence[int], tokens: Tensor) -> Tensor:
        settings, rows = self._settings, [self._rows[number] for number in numbers]
        sums = summed(tokens, [answer for row in rows for answer in both_answers(row)]).reshape(-1, 2, 2)
        lengths = lengths_of(rows).to(sums.device)
        reference = None if self._reference is None else self._reference[list(numbers)].to(sums.device)
        rewards = pair_rewards(settings, sums, reference, lengths)
        self._tell_pairs(rewards.detach(), sums.detach().sum(2), reference)
        losses = pair_losses(settings, rewards, lengths) / self.rows_in_step
        return losses - settings.sft_weight * sums[:, 0].sum(1) / self._chosen_in_step

    def _tell_pairs(self, rewards: Tensor, sums: Tensor, reference: Tensor | None) -> None:
        margins = rewards[:, 0] - rewards[:, 1]
        self.tell(accuracy=(margins > 0).sum(), margin=margins.sum())
        self.tell(chosen_log_prob=sums[:, 0].sum(), rejected_log_prob=sums[:, 1].sum())
        if reference is not None:
            self.tell(chosen_change=(sums[:, 0] - reference[:, 0].sum(1)).sum())


def both_answers(row: PairRow) -> tuple[ComparedAnswer, ComparedAnswer]:
    shared = min(len(row.chosen), len(row.rejected))
    return ComparedAnswer(row.prompt, row.chosen, shared), ComparedAnswer(row.prompt, row.rejected, shared)


def lengths_of(rows: Sequence[PairRow]) -> Tensor:
    return torch.tensor([[len(row.chosen), len(row.rejected)] for row in rows])


class _PairTraining(PreferenceTraining[DpoSettings]):
    read = staticmethod(read_pairs)
    make_ids = staticmethod(pair_rows)

    def answers_of(self, rows: Sequence[PairRow]) -> list[ComparedAnswer]:
        return [answer for row in rows for answer in both_answers(row)]

    def trainer(self, prepared: PreparedPreferences, reference: Tensor) -> PreferenceTrainer:
        settings = self.course.settings
        used = None if settings.without_reference else reference
        return PairTrainer(settings, used, self.course, prepared.learner, prepared.plan, prepared.learned)

    def figures(self, rows: Sequence[PairRow], learned: Tensor, reference: Tensor) -> dict[str, float]:
        settings = self.course.settings
        used = None if settings.without_reference else reference
        rewards = pair_rewards(settings, learned, used, lengths_of(rows))
        margins = rewards[:, 0] - rewards[:, 1]
        change = (learned - reference)[:, 0].sum(1)
        return {
            "reward": float(margins.mean()),
            "reward_error": standard_error(margins),
            "accuracy": float((margins > 0).float().mean()),
            "chosen_change": float(change.mean()),
        }
