"""Transformers' trainer over rows of preferences: pairs or judged answers, with a reference computed before,
and what a reward model learns by, too.

TRL's trainers of the same names are what it is held against (in the tests), and not what it is made of: they
average over a micro batch what is to be averaged over a step, so that another micro batch, or a second
process, would learn something else; and they keep one more copy of an adapter that goes on learning.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.utils.data import Dataset
from transformers import TrainingArguments

from finetune.preference.losses import ComparedAnswer
from finetune.preference.report import fell_below
from finetune.rl.log_probs import answer_figures
from finetune.steps import StepPlan
from finetune.tokens.dataset import EpochOrder
from finetune.training.arguments import trainer_arguments
from finetune.training.batches import BLOCK
from finetune.training.course import Course
from finetune.training.learner import Learner
from finetune.training.numbered_trainer import NumberedTrainer
from finetune.training.pace import FIGURE

_log = logging.getLogger(__name__)
_LOOKED_BACK = 5
"""Steps over which good answers have to stand below the reference before it is told."""


class RowTrainer(NumberedTrainer):
    """Rows in memory, whose losses and figures are averaged over a step; what a row loses, its kind says."""

    def __init__(
        self, course: Course[Any], learner: Learner, plan: StepPlan[Any], rows: Sequence[Any]
    ) -> None:
        self._rows, self._learner = rows, learner
        self._sums: dict[str, float] = {}
        at_once = plan.settings.micro_batch * course.group.size
        # A process must neither wait for one that has no row, nor learn a row a second time for its sake.
        order = EpochOrder(len(rows), plan.settings.seed, 1, at_once if course.group.size > 1 else 1)
        super().__init__(
            course=course,
            order=order,
            model=learner.network,
            args=_arguments(course, learner, plan, -(-plan.batch // at_once)),
            train_dataset=_Numbers(len(order)),
            data_collator=_numbered,
        )
        # What a step's loss is divided by is given to compute_loss, and not divided once more.
        self.model_accepts_loss_kwargs = True

    def begin_step(self, numbers: Sequence[int]) -> None:
        """`numbers`: of all rows that this process learns in the step."""
        self.rows_in_step = max(1, self.course.group.total(len(numbers)))

    def sources_of(self, numbers: Sequence[int]) -> list[str]:
        return [self._rows[number].source for number in self._real(numbers)]

    def tell(self, **sums: Tensor | float) -> None:
        """Figures of some rows, summed over them; told as the mean over the step's rows."""
        for name, value in sums.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value)

    def get_batch_samples(
        self, epoch_iterator: Iterator[Any], num_batches: int, device: torch.device
    ) -> tuple[list[Any], int]:
        batches = list(islice(epoch_iterator, num_batches))
        self.begin_step(self._real([number for batch in batches for number in batch[BLOCK].tolist()]))
        return batches, self.rows_in_step

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        if "loss" in logs:
            parts, self._sums = self.course.group.from_all(self._sums), {}
            names = {name: None for part in parts for name in part}
            means = {name: sum(part.get(name, 0.0) for part in parts) / self.rows_in_step for name in names}
            logs = {**logs, **{FIGURE + name: value for name, value in means.items()}}
            self.watch(means)
        super().log(logs, *rest)

    def watch(self, means: Mapping[str, float]) -> None:
        """The figures of a step, before they are told."""

    def _real(self, numbers: Sequence[int]) -> list[int]:
        """Without what fills up the last step of an epoch."""
        return [number for number in numbers if number < len(self._rows)]


class PreferenceTrainer(RowTrainer):
    """What learning of pairs and of judged answers has in common: a row's loss goes by log-probabilities."""

    def __init__(self, *given: Any) -> None:
        self._changes: deque[float] = deque(maxlen=_LOOKED_BACK)
        self._warned = False
        super().__init__(*given)

    @abstractmethod
    def losses(self, numbers: Sequence[int], tokens: Tensor) -> Tensor:
        """Each row's loss, divided by what it is to be averaged over in this step.

        `tokens`: the log-probabilities of the tokens of `learned_answers`, an answer a line."""

    @abstractmethod
    def learned_answers(self, number: int) -> Sequence[ComparedAnswer]:
        """Those answers of a row that get a gradient."""

    def tokens_of(self, numbers: Sequence[int]) -> int:
        answers = (answer for number in self._real(numbers) for answer in self.learned_answers(number))
        return sum(len(answer.prompt_ids) + len(answer.answer_ids) for answer in answers)

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        numbers = self._real(inputs[BLOCK].tolist())
        # Where several processes share the step, each has to compute something.
        answers = [answer for number in numbers or [0] for answer in self.learned_answers(number)]
        tokens = answer_figures(_Speaking(model, self._learner.network), answers).log_probs
        if not numbers:
            return tokens.sum() * 0.0
        # Trainer averages gradients over the processes.
        return self.losses(numbers, tokens).sum() * self.accelerator.num_processes

    def watch(self, means: Mapping[str, float]) -> None:
        """Warn once while it can still be stopped, where good answers have become less likely."""
        self._changes.append(means.get("chosen_change", 0.0))
        fell = fell_below(sum(self._changes) / len(self._changes))
        if fell and len(self._changes) == _LOOKED_BACK and not self._warned and self.course.group.first:
            self._warned = True
            _log.warning("step %d: %s", self.state.global_step, fell)


class _Numbers(Dataset[int]):
    """All rows are in memory, so a line of a batch is its number."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, number: int) -> int:
        return number


def _numbered(numbers: Sequence[int]) -> dict[str, Tensor]:
    return {BLOCK: torch.tensor(numbers)}


class _Speaking:
    """A network as it is asked for log-probabilities, through what the trainer put around it: where several
    processes learn, a pass beside that would leave their gradients apart."""

    def __init__(self, around: Module, network: Any) -> None:
        self._around, self._bare = around, network.get_base_model()

    def __call__(self, **inputs: Any) -> Any:
        return self._around(**inputs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bare, name)


def _arguments(course: Course[Any], learner: Learner, plan: StepPlan[Any], passes: int) -> TrainingArguments:
    return trainer_arguments(
        TrainingArguments,
        plan.settings,
        course.run.path,
        course.device,
        learner.compute,
        course.group,
        gradient_accumulation_steps=passes,
        remove_unused_columns=False,
    )
