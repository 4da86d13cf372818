"""TRL's SFTTrainer over our blocks.

Knows: in which order blocks are learned, where a loss is looked at, and when held-out rows are measured.
Refuses to know: settings, what is told to whom, and what a checkpoint is made of (resumable_trainer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy, pad
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from trl import SFTConfig, SFTTrainer

from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.sft_settings import SftSettings
from finetune.tokens.blocks import NOT_LEARNED
from finetune.tokens.dataset import AS_THEY_ARE
from finetune.training.arguments import trainer_arguments
from finetune.training.batches import BLOCK, NumberingCollator, TrainingBatches
from finetune.training.best import Best
from finetune.training.course import Course
from finetune.training.faults import NotANumber
from finetune.training.pace import HELD_OUT_LOSS, Pace
from finetune.training.resumable_trainer import ResumableTrainer


def sft_arguments(
    batches: TrainingBatches,
    run: Path,
    device: torch.device,
    compute: torch.dtype,
    group: ProcessGroup = ALONE,
) -> SFTConfig:
    """`compute`: the type that activations have."""
    more = {**AS_THEY_ARE, "gradient_accumulation_steps": batches.accumulated}
    return trainer_arguments(SFTConfig, batches.plan.settings, run, device, compute, group, **more)


class Tuner(ResumableTrainer, SFTTrainer):
    def __init__(
        self,
        network: Module,
        arguments: SFTConfig,
        batches: TrainingBatches,
        tokenizer: Any,
        best: Best,
        course: Course[SftSettings],
    ) -> None:
        self._batches, self._best, self._order = batches, best, batches.order()
        self._in_step: list[int] = []
        self.held_out_loss: float | None = None
        """Told with the figures of the step after which it was measured."""
        super().__init__(
            course=course,
            model=network,
            args=arguments,
            train_dataset=batches.dataset(),
            data_collator=NumberingCollator(batches.pad_id),
            processing_class=tokenizer,
        )
        # With it Trainer would make the network's eos that of the tokenizer, and save it as well.
        self.processing_class = None

    @property
    def position(self) -> Mapping[str, Any]:
        batches = self._batches
        counts = {"rows_a_step": batches.rows_a_step, "blocks": len(batches.blocks)}
        return {**counts, "best": self._best.written()}

    @property
    def spared_step(self) -> int | None:
        return self._best.step if self._best.keep else None

    @property
    def is_over(self) -> bool:
        return self._best.worn_out

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler:
        return self._order  # type: ignore[return-value]

    def _run_epoch(self, *rest: Any, **named: Any) -> None:
        # Not left to accelerate, which does not find the sampler of a resumed epoch on two GPUs.
        self._order.set_epoch(named["epoch"])
        super()._run_epoch(*rest, **named)

    def training_step(self, model: Module, inputs: dict[str, Any], *rest: Any, **named: Any) -> Tensor:
        numbers = inputs.pop(BLOCK).tolist()
        loss = super().training_step(model, inputs, *rest, **named)
        if not torch.isfinite(loss):
            raise NotANumber("loss", self.state.global_step + 1, self._batches.sources(numbers))
        self.tokens_seen += self._batches.tokens(numbers)
        self._in_step += numbers
        return loss

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """TRL's way never holds all logits, which pays on a GPU; a processor would compute them twice."""
        if self.args.device.type == "cuda" or self.aux_loss_enabled:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)
        labels = pad(inputs.pop("labels")[:, 1:], (0, 1), value=NOT_LEARNED).flatten()
        outputs = model(**inputs, use_cache=False)
        # By number, not by a mask, whose way back takes half as long again.
        learned = (labels != NOT_LEARNED).nonzero().squeeze(1)
        logits = outputs.logits.flatten(0, 1).index_select(0, learned).float()
        loss = cross_entropy(logits, labels[learned], reduction="sum")
        if num_items_in_batch is None:
            loss = loss / max(1, len(learned))
        else:
            # Counted over all processes, whose gradients are averaged.
            loss = loss * self.accelerator.num_processes / num_items_in_batch
        return (loss, outputs) if return_outputs else loss

    def _get_grad_norm(self, model: Module, grad_norm: Any = None) -> Any:
        """Called once a step, before the weights change; in float16 an infinite one only skips the step."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        learned, self._in_step = self._in_step, []
        if self.accelerator.scaler is None and not torch.isfinite(torch.as_tensor(norm)):
            # It is the same in every process, so all of them come by here.
            rows = [
                row for part in self.course.group.from_all(self._batches.sources(learned)) for row in part
            ]
            raise NotANumber("gradient", self.state.global_step + 1, rows)
        return norm

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        if "loss" in logs and self.held_out_loss is not None:
            logs, self.held_out_loss = {**logs, HELD_OUT_LOSS: self.held_out_loss}, None
        super().log(logs, *rest)


class MeasuringPace(Pace):
    """Also measures the held-out rows between steps, and ends where learning brings nothing better."""

    def __init__(
        self,
        course: Course[SftSettings],
        steps_an_epoch: int,
        tokens_seen: Callable[[], int],
        measure: Callable[[], float],
        best: Best,
    ) -> None:
        """`measure`: the loss of the held-out rows as the network is now."""
        super().__init__(course, steps_an_epoch, tokens_seen)
        self._measure, self._best = measure, best
        self._measure_steps = course.settings.measure_steps or steps_an_epoch

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        super().on_train_begin(args, state, control, **rest)
        if self._best.wanted and state.global_step > self._best.measured and self._measures(state):
            # It was stopped just then.
            self._look(state.global_step)

    def judged(self, state: TrainerState, stopping: bool) -> tuple[bool, bool]:
        is_best = not stopping and self._measures(state) and self._look(state.global_step)
        return is_best, self._best.worn_out

    def _measures(self, state: TrainerState) -> bool:
        if state.global_step >= state.max_steps:
            # All is measured after the last step, but whether it is the best must be known before.
            return self._best.keep
        return state.global_step % self._measure_steps == 0

    def _look(self, step: int) -> bool:
        """All processes have to decide alike."""
        return self._best.take(step, self.course.group.from_first(self._measure()))


class WhenDivided(TrainerCallback):
    """The first moment at which a network that no process holds whole can be asked."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._work()
