"""TRL's SFTTrainer over our blocks.

Knows: how the loss of a block is computed, and when held-out rows are measured.
Refuses to know: settings, what is told to whom, the order of blocks (numbered_trainer.py), and what a
checkpoint is made of (resumable_trainer.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
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
from finetune.training.numbered_trainer import NumberedTrainer
from finetune.training.pace import HELD_OUT_LOSS, Pace


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


class Tuner(NumberedTrainer, SFTTrainer):
    def __init__(
        self,
        network: Module,
        arguments: SFTConfig,
        batches: TrainingBatches,
        tokenizer: Any,
        best: Best,
        course: Course[SftSettings],
    ) -> None:
        self._batches, self._best = batches, best
        self.held_out_loss: float | None = None
        """Told with the figures of the step after which it was measured."""
        super().__init__(
            course=course,
            order=batches.order(),
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

    def sources_of(self, numbers: Sequence[int]) -> list[str]:
        return self._batches.sources(numbers)

    def tokens_of(self, numbers: Sequence[int]) -> int:
        return self._batches.tokens(numbers)

    def compute_loss(
        self,
        model: Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """TRL's way never holds all logits, which pays on a GPU; a processor would compute them twice."""
        del inputs[BLOCK]
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
