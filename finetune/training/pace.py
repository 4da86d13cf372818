"""Between two steps: figures told, checkpoints asked for, held-out rows measured, a wish to stop heard.

Knows: when each is due.
Refuses to know: how any of it is done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psutil
import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.run_folder import Metric, now
from finetune.training.best import Best
from finetune.training.status_writer import StatusWriter
from finetune.training.stopping import StopWish
from finetune.training.trainer import HELD_OUT_LOSS

_SECONDS_BETWEEN_CHECKPOINTS = 600.0


@dataclass
class Pace(TrainerCallback):
    status: StatusWriter
    wish: StopWish
    steps_an_epoch: int
    checkpoint_steps: int | None
    """None: one an epoch, and one every ten minutes."""
    measure_steps: int | None
    """None: once an epoch."""
    measure: Callable[[], float]
    """The loss of the held-out rows as the network is now."""
    best: Best
    tokens_seen: Callable[[], int]
    device: torch.device
    group: ProcessGroup = ALONE
    _began: float = field(default_factory=time.monotonic)
    _first_step: int = 0
    _saved_at: float = field(default_factory=time.monotonic)
    _last: tuple[float, int] = (0.0, 0)
    """When the last step ended, and how many tokens had been seen by then."""

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._began = self._saved_at = time.monotonic()
        self._first_step = state.global_step
        self._last = (self._began, self.group.total(self.tokens_seen()))
        self.status.step(state.global_step, state.max_steps, self._epoch(state), None, None)
        if self.best.wanted and state.global_step > self.best.measured and self._measures(state):
            # It was stopped just then.
            self._look(state.global_step)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> TrainerControl:
        last = state.global_step >= state.max_steps
        epoch_ended = state.global_step % self.steps_an_epoch == 0
        asked, due = self.group.any(self.wish.asked, self._is_due(state.global_step, epoch_ended))
        if asked:
            self.wish.ask()
            control.should_training_stop = True
        is_best = not asked and self._measures(state) and self._look(state.global_step)
        if self.best.worn_out:
            control.should_training_stop = True
        if last or asked or due or is_best or self.best.worn_out:
            control.should_save = True
        return control

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
            memory_bytes=memory_bytes(self.device),
            grad_norm=_finite(logs.get("grad_norm")),
        )
        self.status.step(metric.step, state.max_steps, metric.epoch, self._seconds_left(state), metric)

    def on_save(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **rest: Any
    ) -> None:
        self._saved_at = time.monotonic()

    def _measures(self, state: TrainerState) -> bool:
        if state.global_step >= state.max_steps:
            # All is measured after the last step, but whether it is the best must be known before.
            return self.best.keep
        return state.global_step % (self.measure_steps or self.steps_an_epoch) == 0

    def _look(self, step: int) -> bool:
        """All processes have to decide alike."""
        return self.best.take(step, self.group.from_first(self.measure()))

    def _is_due(self, step: int, epoch_ended: bool) -> bool:
        if self.checkpoint_steps is not None:
            return step % self.checkpoint_steps == 0
        return epoch_ended or time.monotonic() - self._saved_at >= _SECONDS_BETWEEN_CHECKPOINTS

    def _epoch(self, state: TrainerState) -> float:
        return round(state.global_step / self.steps_an_epoch, 4)

    def _tokens_per_second(self) -> float:
        """Since the step before, held-out measuring and saving included."""
        (before, tokens), here = self._last, (time.monotonic(), self.group.total(self.tokens_seen()))
        self._last = here
        return round((here[1] - tokens) / max(here[0] - before, 1e-9), 1)

    def _seconds_left(self, state: TrainerState) -> float:
        made = max(1, state.global_step - self._first_step)
        left = state.max_steps - state.global_step
        return round((time.monotonic() - self._began) / made * left, 1)


class WhenDivided(TrainerCallback):
    """The first moment at which a network that no process holds whole can be asked."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work

    def on_train_begin(self, args: Any, state: Any, control: Any, **rest: Any) -> None:
        self._work()


def memory_bytes(device: torch.device) -> int:
    """On a GPU the most that was ever in use; elsewhere what the process holds now."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    return int(psutil.Process().memory_info().rss)


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
