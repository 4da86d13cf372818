"""Between two steps: figures told, checkpoints asked for, a wish to stop heard.

Knows: when each is told (which checkpoint is due, step_clock.py knows).
Refuses to know: how any of it is done.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.run_folder import now
from finetune.run_reports import Metric
from finetune.training.course import Course
from finetune.training.step_clock import StepClock

HELD_OUT_LOSS = "eval_loss"
"""As TensorBoard and wandb know it."""
FIGURE = "figure/"
"""Begins the names under which a trainer logs the figures of its kind."""


class Pace(TrainerCallback):
    """For a trainer of any kind; without checkpoint_steps, a checkpoint an epoch and every ten minutes."""

    def __init__(
        self, course: Course[Any], steps_an_epoch: int, tokens_seen: Callable[[], int] = lambda: 0
    ) -> None:
        """`tokens_seen`: how many tokens this process has learned so far."""
        self.course, self._clock = course, StepClock(course, steps_an_epoch, tokens_seen)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        step = state.global_step
        self._clock.begin(step)
        self.course.status.step(step, state.max_steps, self._clock.epoch(step), None)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> TrainerControl:
        wish = self.course.wish
        asked, due = self.course.group.any(wish.asked, self._clock.is_due(state.global_step))
        if asked:
            wish.ask()
        saves, ends = self.judged(state, asked)
        control.should_training_stop |= asked or ends
        control.should_save |= state.global_step >= state.max_steps or asked or due or saves or ends
        return control

    def judged(self, state: TrainerState, stopping: bool) -> tuple[bool, bool]:
        """Whether the step has to be kept, and whether it is the last for it brought nothing better."""
        return False, False

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, float] | None = None,
        **rest: Any,
    ) -> None:
        if logs is None or "loss" not in logs:
            return
        metric = Metric(
            at=now(),
            step=state.global_step,
            epoch=self._clock.epoch(state.global_step),
            loss=logs["loss"],
            learning_rate=logs.get("learning_rate"),
            held_out_loss=logs.get(HELD_OUT_LOSS),
            tokens_per_second=self._clock.tokens_per_second(),
            memory_bytes=memory_bytes(self.course.device),
            grad_norm=_finite(logs.get("grad_norm")),
            seconds_left=self._clock.seconds_left(state.global_step, state.max_steps),
            figures={name.removeprefix(FIGURE): value for name, value in logs.items() if FIGURE in name},
        )
        self.course.status.step(metric.step, state.max_steps, metric.epoch, metric)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._clock.saved()


def memory_bytes(device: torch.device) -> int:
    """On a GPU the most that was ever in use; elsewhere what the process holds now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
