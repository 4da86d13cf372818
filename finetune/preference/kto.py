"""Kahneman-Tversky optimization: single answers that were found good or bad become likelier or less likely.

How far is measured against what the tuning does to any answer: the reward of answers that belong to other
questions, which is computed of a whole step before anything of it is learned.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import hypot
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from errors import BadRequest
from finetune.data import read_labeled
from finetune.examples import LabeledAnswer
from finetune.preference.losses import ComparedAnswer, judged_losses, summed
from finetune.preference.preparing import PreparedPreferences
from finetune.preference.reference import log_probs_of
from finetune.preference.rows import LabeledRow, labeled_rows
from finetune.preference.trainer import PreferenceTrainer
from finetune.preference.training import PreferenceTraining
from finetune.preference_settings import KtoSettings
from finetune.rl.updates import standard_error
from finetune.training.course import run_course


def train(settings: KtoSettings, home: Path, **listeners: Any) -> Path:
    """The folder of the finished run; see run_course."""
    return run_course(settings, home, lambda course: _JudgedTraining(course).make(), **listeners)


class JudgedTrainer(PreferenceTrainer):
    def __init__(self, settings: KtoSettings, reference: Tensor, *given: Any) -> None:
        """`reference`: [rows, 2, 2]: of each row's own answer, and of another row's to its question."""
        self._settings, self._reference = settings, reference.sum(2)
        super().__init__(*given)
        self._others = answers_to_others(self._rows)
        self._usual = torch.zeros(())

    def learned_answers(self, number: int) -> Sequence[ComparedAnswer]:
        return (_own(self._rows[number]),)

    def begin_step(self, numbers: Sequence[int]) -> None:
        super().begin_step(numbers)
        moved = 0.0
        if numbers:
            others = [self._others[number] for number in numbers]
            now = log_probs_of(self._learner.network, others, self._settings.micro_batch).sum(1)
            moved = float((now - self._reference[list(numbers), 1]).sum())
        total = sum(self.course.group.from_all(moved)) / self.rows_in_step
        self._usual = torch.tensor(self._settings.beta * max(0.0, total))

    def losses(self, numbers: Sequence[int], tokens: Tensor) -> Tensor:
        rows = [self._rows[number] for number in numbers]
        sums = summed(tokens, [_own(row) for row in rows]).sum(1)
        rewards = self._settings.beta * (sums - self._reference[list(numbers), 0].to(sums.device))
        good = torch.tensor([row.good for row in rows], device=sums.device)
        usual = self._usual.to(sums.device)
        told = rewards.detach() - usual
        self.tell(accuracy=((told > 0) == good).sum(), kl=usual / self._settings.beta * len(rows))
        self.tell(margin=torch.where(good, told, -told).sum())
        return judged_losses(self._settings, rewards, good, usual) / self.rows_in_step


def _own(row: LabeledRow) -> ComparedAnswer:
    return ComparedAnswer(row.prompt, row.answer, len(row.answer))


def answers_to_others(rows: Sequence[LabeledRow]) -> list[ComparedAnswer]:
    """To each row's question an answer to another one: that of the next row which has another question."""
    found: list[ComparedAnswer] = []
    other = 0
    for number, row in enumerate(rows):
        other = max(other, number + 1)
        while other < number + len(rows) and rows[other % len(rows)].prompt == row.prompt:
            other += 1
        answer = rows[other % len(rows)].answer
        found.append(ComparedAnswer(row.prompt, answer, len(answer)))
    return found


class _JudgedTraining(PreferenceTraining[KtoSettings]):
    read = staticmethod(read_labeled)
    make_ids = staticmethod(labeled_rows)

    def refuse(self, rows: Sequence[LabeledAnswer]) -> None:
        good = sum(row.good for row in rows)
        if good in (0, len(rows)):
            label = "good" if good else "bad"
            raise BadRequest("kto-one-kind", count=len(rows), label=label, name="data")

    def answers_of(self, rows: Sequence[LabeledRow]) -> list[ComparedAnswer]:
        pairs = zip(map(_own, rows), answers_to_others(rows), strict=True)
        return [answer for pair in pairs for answer in pair]

    def trainer(self, prepared: PreparedPreferences, reference: Tensor) -> PreferenceTrainer:
        given = self.course, prepared.learner, prepared.plan, prepared.learned
        return JudgedTrainer(self.course.settings, reference, *given)

    def figures(self, rows: Sequence[LabeledRow], learned: Tensor, reference: Tensor) -> dict[str, float]:
        changes = (learned - reference).sum(2)
        good = torch.tensor([row.good for row in rows])
        rewards = self.course.settings.beta * (changes[:, 0] - changes[:, 1].mean().clamp(min=0.0))
        found = {"accuracy": float(((rewards > 0) == good).float().mean())}
        if good.any() and not good.all():
            found["reward"] = float(rewards[good].mean() - rewards[~good].mean())
            found["reward_error"] = hypot(standard_error(rewards[good]), standard_error(rewards[~good]))
        return found | ({"chosen_change": float(changes[good, 0].mean())} if good.any() else {})
