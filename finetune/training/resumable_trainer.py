"""Any of transformers' or TRL's trainers, that stops and goes on by our checkpoints, not its pickles.

    class Preferring(ResumableTrainer, DPOTrainer): ...

Knows: which of Trainer's methods write or read a pickle and what stands in for each, also where weights are
divided among processes; and what happens between two steps (pace.py).
Refuses to know: what is learned, and of which data.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.nn import Module
from torch.optim.lr_scheduler import LambdaLR
from transformers import PrinterCallback, Trainer
from transformers.trainer import TRAINER_STATE_NAME

from finetune.distributed.dividing import WholeOfZero
from finetune.steps import rate_at, warmup_steps
from finetune.training.checkpoint_files import (
    learning_weights,
    moment_of,
    restore_optimizer_and_schedule,
    restore_random_state,
    restore_scaler,
    write_checkpoint,
)
from finetune.training.course import Course


class ResumableTrainer(Trainer):
    """Named before the trainer that it extends; takes that one's arguments by name, and the course."""

    def __init__(self, *, course: Course[Any], **given: Any) -> None:
        self.course = course
        self.tokens_seen = 0
        """What this process has learned so far, for the tokens per second; counted by whoever knows them."""
        # TRL makes LoRA weights over a quantized base bfloat16, in which small updates are lost.
        exact = {name: value.data for name, value in learning_weights(given["model"])}
        super().__init__(**given)
        for name, value in learning_weights(given["model"]):
            value.data = exact[name]
        self.remove_callback(PrinterCallback)

    @property
    def position(self) -> Mapping[str, Any]:
        """What a checkpoint tells, beside its step, of where in the data it stands."""
        return {}

    @property
    def spared_step(self) -> int | None:
        """The step of a checkpoint that is kept however old it is."""
        return None

    @property
    def is_over(self) -> bool:
        """Whether it ends before all steps are made."""
        return False

    def _run_epoch(self, *rest: Any, **named: Any) -> None:
        if self.state.global_step >= self.state.max_steps or self.is_over:
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
        """Our own curve: the trainer's begins with a step at rate 0, and a long warm-up swallows a run."""
        if self.lr_scheduler is None:  # type: ignore[has-type]
            settings = self.course.settings
            warmup = warmup_steps(settings.warmup, num_training_steps)
            self.lr_scheduler = LambdaLR(
                optimizer or self.optimizer,
                lambda step: rate_at(step, warmup, num_training_steps, settings.schedule),
            )
            self._created_lr_scheduler = True
        return self.lr_scheduler

    @property
    def _whole_optimizer(self) -> Any:
        """The optimizer as one process would have it."""
        return self._whole.within(self.optimizer) if self.is_deepspeed_enabled else self.optimizer

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Trainer walks through all weights at every step for this, and nobody reads it."""
        return 0

    def _save_checkpoint(self, model: Module, trial: Any) -> None:
        course, step = self.course, self.state.global_step
        moment = moment_of(
            self.model, self._whole_optimizer, self.lr_scheduler, self.accelerator.scaler, course.group
        )

        def fill(folder: Path) -> None:
            counts = {"step": step, "total_steps": self.state.max_steps}
            write_checkpoint(folder, moment, {**counts, **self.position})
            self.state.save_to_json(str(folder / TRAINER_STATE_NAME))

        spared = self.spared_step
        course.group.first_only(lambda: course.checkpoints.save(step, fill, spared))
        course.kept = step

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Module | None = None) -> None:
        """Weights were put back before anything was divided (Course.learn)."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_optimizer_and_schedule(Path(checkpoint), self._whole_optimizer, self.lr_scheduler)

    def _load_scaler(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_scaler(Path(checkpoint), self.accelerator.scaler)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        if checkpoint is not None:
            restore_random_state(Path(checkpoint), self.course.group.rank)
