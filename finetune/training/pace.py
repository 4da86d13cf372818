"""Between two steps: figures told, checkpoints asked for, a wish to stop heard.

Knows: when each is due.
Refuses to know: how any of it is done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.run_folder import now
from finetune.run_reports import Metric
from finetune.training.course import Course

HELD_OUT_LOSS = "eval_loss"
"""As TensorBoard and wandb know it."""
FIGURE = "figure/"
"""Begins the names under which a trainer logs the figures of its kind."""
_SECONDS_BETWEEN_CHECKPOINTS = 600.0


class Pace(TrainerCallback):
    """For a trainer of any kind; without checkpoint_steps, a checkpoint an epoch and every ten minutes."""

    def __init__(
        self, course: Course[Any], steps_an_epoch: int, tokens_seen: Callable[[], int] = lambda: 0
    ) -> None:
        """`tokens_seen`: how many tokens this process has learned so far."""
        self.course, self.steps_an_epoch, self._tokens_seen = course, steps_an_epoch, tokens_seen
        self._began = self._saved_at = time.monotonic()
        self._first_step = 0
        self._last = (0.0, 0)
        """When the last step ended, and how many tokens had been seen by then."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._began = self._saved_at = time.monotonic()
        self._first_step = state.global_step
        self._last = (self._began, self._tokens_of_all())
        self.course.status.step(state.global_step, state.max_steps, self._epoch(state), None, None)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> TrainerControl:
        wish = self.course.wish
        asked, due = self.course.group.any(wish.asked, self._is_due(state.global_step))
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
            epoch=self._epoch(state),
            loss=logs["loss"],
            learning_rate=logs.get("learning_rate"),
            held_out_loss=logs.get(HELD_OUT_LOSS),
            tokens_per_second=self._tokens_per_second(),
            memory_bytes=memory_bytes(self.course.device),
            grad_norm=_finite(logs.get("grad_norm")),
            figures={name.removeprefix(FIGURE): value for name, value in logs.items() if FIGURE in name},
        )
        self.course.status.step(metric.step, state.max_steps, metric.epoch, self._seconds_left(state), metric)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._saved_at = time.monotonic()

    def _is_due(self, step: int) -> bool:
        checkpoint_steps = self.course.settings.checkpoint_steps
        if checkpoint_steps is not None:
            return step % checkpoint_steps == 0
        epoch_ended = step % self.steps_an_epoch == 0
        return epoch_ended or time.monotonic() - self._saved_at >= _SECONDS_BETWEEN_CHECKPOINTS

    def _epoch(self, state: TrainerState) -> float:
        return round(state.global_step / self.steps_an_epoch, 4)

    def _tokens_of_all(self) -> int:
        return self.course.group.total(self._tokens_seen())

    def _tokens_per_second(self) -> float | None:
        """Since the step before, held-out measuring and saving included; None where nobody counts them."""
        (before, tokens), here = self._last, (time.monotonic(), self._tokens_of_all())
        self._last = here
        return round((here[1] - tokens) / max(here[0] - before, 1e-9), 1) if here[1] else None

    def _seconds_left(self, state: TrainerState) -> float:
        made = max(1, state.global_step - self._first_step)
        left = state.max_steps - state.global_step
        return round((time.monotonic() - self._began) / made * left, 1)


def memory_bytes(device: torch.device) -> int:
    """On a GPU the most that was ever in use; elsewhere what the process holds now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
