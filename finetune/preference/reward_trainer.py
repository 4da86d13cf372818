"""The trainer of a reward model: of each pair the better answer is to have the higher score.

TRL's RewardTrainer is what it is held against (in the tests): the loss of a pair is the same. It is averaged
over the pairs of a step and not over those of a micro batch, so that neither another micro batch nor another
process learns something else.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import logsigmoid
from transformers import TrainerState

from finetune.preference.rows import PairRow
from finetune.preference.trainer import RowTrainer
from finetune.reward_settings import RewardSettings
from finetune.steps import StepPlan
from finetune.training.batches import BLOCK
from finetune.training.course import Course
from finetune.training.learner import Learner
from finetune.training.pace import FIGURE, Pace


class ScoringTrainer(RowTrainer):
    def __init__(
        self,
        course: Course[RewardSettings],
        learner: Learner,
        plan: StepPlan[RewardSettings],
        rows: Sequence[PairRow],
        pad_id: int,
    ) -> None:
        self._pad_id, self._center = pad_id, plan.settings.center
        self.held_out: dict[str, float] = {}
        """Told with the figures of the step after which it was measured."""
        super().__init__(course, learner, plan, rows)

    def tokens_of(self, numbers: Sequence[int]) -> int:
        rows = [self._rows[number] for number in self._real(numbers)]
        return sum(len(row.chosen_ids) + len(row.rejected_ids) for row in rows)

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        numbers = self._real(inputs[BLOCK].tolist())
        # Where several processes share the step, each has to compute something.
        rows = [self._rows[number] for number in numbers or [0]]
        answers = [*(row.chosen_ids for row in rows), *(row.rejected_ids for row in rows)]
        ids, mask = padded(answers, self._pad_id)
        device = self.args.device
        scores = model(input_ids=ids.to(device), attention_mask=mask.to(device)).logits.squeeze(-1)
        if not numbers:
            return scores.sum() * 0.0
        chosen, rejected = scores.float().chunk(2)
        losses = pair_losses(chosen, rejected, self._center)
        self.tell(accuracy=(chosen > rejected).sum(), margin=(chosen - rejected).detach().sum())
        # Trainer averages gradients over the processes.
        return losses.sum() / self.rows_in_step * self.accelerator.num_processes

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        if "loss" in logs:
            logs = {**logs, **{FIGURE + name: value for name, value in self.held_out.items()}}
            self.held_out = {}
        super().log(logs, *rest)


def pair_losses(chosen: Tensor, rejected: Tensor, center: float) -> Tensor:
    """[pairs]; Bradley and Terry's, and beside it what keeps the scores of a pair around zero."""
    return -logsigmoid(chosen - rejected) + center * (chosen + rejected).square()


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Ids filled up on the right, and which of them count."""
    width = max(map(len, rows))
    ids = [[*row, *[pad_id] * (width - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (width - len(row)) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)


class MeasuredPace(Pace):
    """Also measures the held-out pairs after each epoch and after the last step."""

    def __init__(
        self,
        course: Course[RewardSettings],
        steps_an_epoch: int,
        trainer: ScoringTrainer,
        measure: Callable[[], None],
    ) -> None:
        super().__init__(course, steps_an_epoch, lambda: trainer.tokens_seen)
        self._steps_an_epoch, self._measure = steps_an_epoch, measure

    def judged(self, state: TrainerState, stopping: bool) -> tuple[bool, bool]:
        ended = state.global_step % self._steps_an_epoch == 0 or state.global_step >= state.max_steps
        if ended and not stopping:
            self._measure()
        return False, False
