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
from torch.nn.functional import cross_entropy, pad
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, TrainerCallback
from transformers.trainer import TRAINER_STATE_NAME
from trl import SFTConfig, SFTTrainer

from finetune.distributed.dividing import WholeOfZero
from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.steps import rate_at, warmup_steps
from finetune.tokens.blocks import NOT_LEARNED
from finetune.training.batches import BLOCK, NumberingCollator, TrainingBatches
from finetune.training.best import Best
from finetune.training.checkpoint_files import (
    Position,
    learning_weights,
    moment_of,
    restore_course,
    restore_random_state,
    restore_scaler,
    write_checkpoint,
)
from finetune.training.checkpoints import Checkpoints
from finetune.training.faults import NotANumber

HELD_OUT_LOSS = "eval_loss"
"""As TensorBoard and wandb know it."""


class Tuner(SFTTrainer):
    def __init__(
        self,
        network: Module,
        arguments: SFTConfig,
        batches: TrainingBatches,
        checkpoints: Checkpoints,
        tokenizer: Any,
        callbacks: Sequence[TrainerCallback],
        saved: Callable[[int], None],
        best: Best,
        group: ProcessGroup = ALONE,
    ) -> None:
        # TRL makes LoRA weights over a quantized base bfloat16, in which small updates are lost.
        exact = {name: value.data for name, value in learning_weights(network)}
        self._batches, self._checkpoints, self._saved = batches, checkpoints, saved
        self._best, self._group, self._order = best, group, batches.order()
        self._in_step: list[int] = []
        self.tokens_seen = 0
        self.held_out_loss: float | None = None
        """Told with the figures of the step after which it was measured."""
        super().__init__(
            model=network,
            args=arguments,
            train_dataset=batches.dataset(),
            data_collator=NumberingCollator(batches.pad_id),
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
        if self.state.global_step >= self.state.max_steps or self._best.worn_out:
            # It went on from its last checkpoint, which may stand in the middle of an epoch.
            self.control.should_training_stop = True
            return
        super()._run_epoch(*rest, **named)

    def _prepare_for_training(self, max_steps: int, train_dataloader: Any, checkpoint: str | None) -> Any:
        # Not told where from: DeepSpeed would look for a checkpoint of its own there.
        prepared = super()._prepare_for_training(max_steps, train_dataloader, None)
        self._load_optimizer_and_scheduler(checkpoint)
        self._load_scaler(checkpoint)
        return prepared

    def create_optimizer(self, *rest: Any) -> Any:
        made = super().create_optimizer(*rest)
        if self.is_deepspeed_enabled:
            self._whole = WholeOfZero(made)
        return made

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """By our own curve: the trainer's begins with a step at rate 0, and a long warm-up swallows a run."""
        if self.lr_scheduler is None:  # type: ignore[has-type]
            settings = self._batches.plan.settings
            warmup = warmup_steps(settings.warmup, num_training_steps)
            self.lr_scheduler = LambdaLR(
                optimizer or self.optimizer,
                lambda step: rate_at(step, warmup, num_training_steps, settings.schedule),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    @property
    def _course(self) -> Any:
        """The optimizer as one process would have it."""
        return self._whole.within(self.optimizer) if self.is_deepspeed_enabled else self.optimizer

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

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Trainer walks through all weights at every step for this, and nobody reads it."""
        return 0

    def _get_grad_norm(self, model: Module, grad_norm: Any = None) -> Any:
        """Called once a step, before the weights change; in float16 an infinite one only skips the step."""
        norm = super()._get_grad_norm(model, grad_norm=grad_norm)
        learned, self._in_step = self._in_step, []
        if self.accelerator.scaler is None and not torch.isfinite(torch.as_tensor(norm)):
            # It is the same in every process, so all of them come by here.
            rows = [row for part in self._group.from_all(self._batches.sources(learned)) for row in part]
            raise NotANumber("gradient", self.state.global_step + 1, rows)
        return norm

    def log(self, logs: dict[str, float], *rest: Any) -> None:
        if "loss" in logs and self.held_out_loss is not None:
            logs, self.held_out_loss = {**logs, HELD_OUT_LOSS: self.held_out_loss}, None
        super().log(logs, *rest)

    def _save_checkpoint(self, model: Module, trial: Any) -> None:
        moment = moment_of(self.model, self._course, self.lr_scheduler, self.accelerator.scaler, self._group)

        def fill(folder: Path) -> None:
            write_checkpoint(folder, moment, self._position())
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

        step, spare = self.state.global_step, self._best.step if self._best.keep else None
        self._group.first_only(lambda: self._checkpoints.save(step, fill, spare))
        self._saved(self.state.global_step)

    def _position(self) -> Position:
        batches = self._batches
        counts = (self.state.global_step, self.state.max_steps, batches.rows_a_step, len(batches.blocks))
        return Position(*counts, self._best.written())

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Module | None = None) -> None:
        """Weights were put back before anything was divided."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_course(Path(checkpoint), self._course, self.lr_scheduler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_scaler(Path(checkpoint), self.accelerator.scaler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_random_state(Path(checkpoint), self._group.rank)
