"""training-loop: what a training adds to each step, over the barest loop of the very same steps.

Knows: how a training sets its trainer up, and when each step ended.
Refuses to know: the network and the rows.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch

from benchmarks.learning import NEOX, adapted, batches_of, full_batches, optimizer_of
from benchmarks.rounds import Effort, Measured, paired
from finetune.run_folder import RunFolder, TrainingStatus
from finetune.run_reports import Metric
from finetune.sft_settings import SftSettings
from finetune.stopping import StopWish
from finetune.training.batches import TrainingBatches
from finetune.training.best import Best
from finetune.training.course import Course
from finetune.training.learner import Learner
from finetune.training.status_writer import Show, StatusWriter
from finetune.training.trainer import MeasuringPace, Tuner, sft_arguments

_TOKENS = 256
_NEVER = 10**6
_SETTINGS = SftSettings(
    batch=1, micro_batch=1, max_tokens=_TOKENS, epochs=1.0, checkpoint_steps=_NEVER, measure_steps=_NEVER
)
"""One block a step: nothing hides what a step costs besides, as accumulating would."""


def measure(effort: Effort) -> Measured:
    """Tokens a second of processor time of ours, over the bare loop's."""
    learner = adapted(NEOX, _SETTINGS)
    batches = full_batches(_SETTINGS, steps=max(3, effort.tokens // 8))
    bare, ours = Ends(), Ends()
    values = paired(
        lambda: _bare(learner, batches, bare),
        lambda: trained(learner, batches, _SETTINGS, ours),
        effort.rounds,
    )
    clock = f"on the clock {ours.step * 1000:.0f} ms against {bare.step * 1000:.0f} ms"
    return Measured(values, notes=(f"{_TOKENS} tokens a step; {clock}",))


@dataclass
class Ends:
    """When steps ended, by the processor's time, which others' work does not touch, and by the clock."""

    processor: list[float] = field(default_factory=list)
    clock: list[float] = field(default_factory=list)

    def clear(self) -> None:
        self.processor.clear()
        self.clock.clear()

    def mark(self) -> None:
        self.processor.append(time.process_time())
        self.clock.append(time.perf_counter())

    def drop_last(self) -> None:
        """The last step, where more than the step lies before its mark."""
        self.processor.pop()
        self.clock.pop()

    @property
    def seconds(self) -> float:
        """Of all steps after the first, which warms up."""
        return self.processor[-1] - self.processor[0]

    @property
    def step(self) -> float:
        return (self.clock[-1] - self.clock[0]) / (len(self.clock) - 1)


def _bare(learner: Learner, batches: TrainingBatches, ends: Ends) -> float:
    network = learner.network.train()
    optimizer = optimizer_of(network)
    ends.clear()
    with torch.inference_mode(False), torch.enable_grad():
        for batch in batches_of(batches.blocks, rows=1):
            network(**batch, use_cache=False).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            ends.mark()
    return ends.seconds


def trained(learner: Learner, batches: TrainingBatches, settings: SftSettings, ends: Ends) -> float:
    """A training's own loop: batches made, losses looked at, figures on the disk and shown."""

    def show(status: TrainingStatus, metric: Metric | None) -> None:
        if metric is not None:
            ends.mark()

    ends.clear()
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode(False), torch.enable_grad():
        _tuner(learner, batches, settings, RunFolder(Path(folder)), show).train()
    return ends.seconds


def _tuner(
    learner: Learner, batches: TrainingBatches, settings: SftSettings, run: RunFolder, show: Show
) -> Tuner:
    device = learner.loaded.device
    best = Best(keep=False, patience=None)
    course = Course(settings, run.path, run, device, StatusWriter(run, show), StopWish())
    arguments = sft_arguments(batches, run.path, device, learner.compute)
    tuner = Tuner(learner.network, arguments, batches, learner.loaded.tokenizer, best, course)
    seen = batches.steps_an_epoch, lambda: tuner.tokens_seen
    tuner.add_callback(MeasuringPace(course, *seen, lambda: 0.0, best))
    return tuner
