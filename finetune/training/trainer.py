"""TRL's SFTTrainer over our blocks, with our checkpoints in place of its pickles.

Knows: which of Trainer's methods write or read a pickle, what stands in for each, where a loss is looked at.
Refuses to know: settings, what is told to whom, and when a checkpoint is due.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.functional import cross_entropy
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from trl import SFTConfig, SFTTrainer

from finetune.tokens.blocks import NOT_LEARNED
from finetune.training.checkpoint_files import (
    Position,
    learning_weights,
    restore_chance,
    restore_course,
    restore_scaler,
    restore_weights,
    write_checkpoint,
)
from finetune.training.checkpoints import Checkpoints
from finetune.training.faults import NotANumber
from finetune.training.lesson import BLOCK, Lesson, NumberingCollator


class Tuner(SFTTrainer):
    def __init__(
        self,
        network: Module,
        arguments: SFTConfig,
        lesson: Lesson,
        checkpoints: Checkpoints,
        tokenizer: Any,
        callbacks: Sequence[TrainerCallback],
        saved: Callable[[int], None],
    ) -> None:
        # TRL makes LoRA weights over a quantised base bfloat16, in which small updates are lost.
        exact = {name: value.data for name, value in learning_weights(network)}
        self._lesson, self._checkpoints, self._saved = lesson, checkpoints, saved
        self._order = lesson.order()
        self._in_step: list[int] = []
        self.tokens_seen = 0
        super().__init__(
            model=network,
            args=arguments,
            train_dataset=lesson.dataset(),
            data_collator=NumberingCollator(lesson.pad_id),
            processing_class=tokenizer,
            callbacks=list(callbacks),
        )
        for name, value in learning_weights(network):
            value.data = exact[name]
        # With it Trainer would make the network's eos that of the tokenizer, and save it as well.
        self.processing_class = None
        self.remove_callback(PrinterCallback)

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
            raise NotANumber("loss", self.state.global_step + 1, self._lesson.sources(numbers))
        self.tokens_seen += self._lesson.tokens(numbers)
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
        labels = inputs.pop("labels")[:, 1:]
        outputs = model(**inputs, use_cache=False)
        learned = labels != NOT_LEARNED
        loss = cross_entropy(outputs.logits[:, :-1][learned].float(), labels[learned], reduction="sum")
        if num_items_in_batch is None:
            loss = loss / learned.sum().clamp(min=1)
        else:
            # Counted over all processes, whose gradients are averaged.
            loss = loss * self.accelerator.num_processes / num_items_in_batch
        return (loss, outputs) if return_outputs else loss

    def _get_grad_norm(self, model: Module, grad_norm: Any = None) -> Any:
        """Called once a step, before the weights change; in float16 an infinite one only skips the step."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        learned, self._in_step = self._in_step, []
        if self.accelerator.scaler is None and not torch.isfinite(torch.as_tensor(norm)):
            raise NotANumber("gradient", self.state.global_step + 1, self._lesson.sources(learned))
        return norm

    def _save_checkpoint(self, model: Module, trial: Any) -> None:
        def fill(folder: Path) -> None:
            write_checkpoint(
                folder,
                self.model,
                self.optimizer,
                self.lr_scheduler,
                self.accelerator.scaler,
                self._position(),
            )
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

        if self.args.should_save:
            self._checkpoints.save(self.state.global_step, fill)
            self._saved(self.state.global_step)

    def _position(self) -> Position:
        lesson = self._lesson
        return Position(self.state.global_step, self.state.max_steps, lesson.rows_a_step, len(lesson.blocks))

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Module | None = None) -> None:
        restore_weights(Path(resume_from_checkpoint), self.model)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_course(Path(checkpoint), self.optimizer, self.lr_scheduler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_scaler(Path(checkpoint), self.accelerator.scaler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_chance(Path(checkpoint))
