"""The course of a training of any kind: begun or gone on with, learned, and how it ends.

    def train(settings: MySettings, home: Path, **listeners: Any) -> Path:
        return run_course(settings, home, my_training, **listeners)

Knows: the run's folder and its status, the processes that share the work, the wish to stop, the checkpoint to
go on from, and what a finished training leaves behind.
Refuses to know: what is learned and measured. A kind of training is a function that takes its course.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Literal, Protocol

import torch
from transformers import set_seed

from engines.devices import pick_device
from engines.loading.load import quieten_libraries
from errors import NaraniError, Stopped
from finetune.base import Base
from finetune.distributed.process_group import ALONE, ProcessGroup, joined, refuse_lost
from finetune.distributed.ranks import device_of, launched, report_once
from finetune.registering import TrainingResult, register
from finetune.run_folder import RunFolder, TrainingState
from finetune.run_settings import AnySettings
from finetune.stopping import StopWish, listening
from finetune.training.checkpoint_files import restore_weights, whole_weights
from finetune.training.checkpoints import Checkpoint, Checkpoints
from finetune.training.faults import explained, refuse_unfit
from finetune.training.learner import Learner
from finetune.training.opening import begin_manifest, opened
from finetune.training.saving import save_result
from finetune.training.status_writer import Show, StatusWriter, Tell
from whole_files import write_whole

_log = logging.getLogger(__name__)


class StepsMade(Protocol):
    """As transformers' TrainerState has them."""

    global_step: int
    max_steps: int


class StepTrainer(Protocol):
    """What makes the steps: one of transformers' trainers (resumable_trainer.py), or a loop of our own."""

    @property
    def state(self) -> StepsMade: ...
    @property
    def model(self) -> Any:
        """The network, and what else learns, as one module."""

    def train(self, resume_from_checkpoint: str | None = None) -> Any: ...


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """What is left behind when all steps are made."""

    learner: Learner
    base: Base
    ends: frozenset[int]
    """The ids of the tokens that end its answers."""
    data: tuple[str, ...]
    """Names of the files or datasets."""
    card: str
    """The README beside it."""
    report: Mapping[str, Any]
    """For report.json; `model_id` comes to it."""
    report_text: str
    """The same for people, in Markdown."""
    task: Literal["answer", "reward"] = "answer"


@dataclass(eq=False)
class Course(Generic[AnySettings]):
    """One training on its way, in one process or in each of several."""

    settings: AnySettings
    """As asked for; once its steps are planned, with everything decided."""
    home: Path
    run: RunFolder
    device: torch.device
    status: StatusWriter
    wish: StopWish
    group: ProcessGroup = ALONE
    kept: int | None = None
    """The step of the newest checkpoint."""
    began: float = field(default_factory=time.monotonic)

    @cached_property
    def checkpoints(self) -> Checkpoints:
        return Checkpoints(self.run.checkpoints, self.settings.keep_checkpoints)

    def begin(self) -> None:
        """Write down what was asked for, before anything is read."""
        if self.group.first:
            begin_manifest(self.run, self.settings)

    def find_checkpoint(self) -> Checkpoint | None:
        """The checkpoint to go on from, the same in every process; broken ones are told of."""
        begin = self.group.first_only(self._found)
        self.kept = begin.step if begin else None
        return begin

    def _found(self) -> Checkpoint | None:
        self.checkpoints.sweep()
        found = self.checkpoints.find()
        for sentence in found.broken:
            _log.warning(sentence)
        self.run.forget_reports_after(found.newest.step if found.newest else 0)
        return found.newest

    def add_to_manifest(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The whole manifest, in every process."""
        more = {**facts, "device": self.device.type, "processes": self.group.size}
        return self.group.first_only(lambda: self._add_to_manifest(more))

    def _add_to_manifest(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        manifest = {**(self.run.read("manifest.json") or {}), **facts}
        self.run.write("manifest.json", manifest)
        return manifest

    def learn(self, make_trainer: Callable[[], StepTrainer], begin: Checkpoint | None) -> int:
        """All steps, or those that are left after the checkpoint `begin`; the last one's number."""
        self.status.enter(TrainingState.TRAINING)
        with warnings.catch_warnings():
            # What libraries warn each other of; nothing of it is for the person who trains.
            warnings.simplefilter("ignore")
            trainer = make_trainer()
            if begin is not None:
                # Not before: some trainers keep a copy of what they are given as a reference.
                restore_weights(begin.path, trainer.model)
            if not self.group.first:
                # What the first drops out, the others should not.
                set_seed((self.settings.seed + self.group.rank) % 2**32)
            trainer.train(resume_from_checkpoint=str(begin.path) if begin else None)
        step = int(trainer.state.global_step)
        if self.wish.asked and step < trainer.state.max_steps:
            raise Stopped("training-stopped-after", step=step)
        return step

    def finish(self, trained: TrainedModel) -> None:
        """Save the adapter or model, enter it into the registry, and write the report."""
        weights = whole_weights(trained.learner.network)
        self.group.first_only(lambda: self._finish(trained, weights))

    def _finish(self, trained: TrainedModel, weights: Mapping[str, torch.Tensor]) -> None:
        self.status.enter(TrainingState.SAVING)
        steps, method = self.status.status.step, self.settings.method
        result = TrainingResult(
            run=self.run.name,
            folder=save_result(trained.learner, weights, self.run, trained.card),
            is_adapter=method != "full",
            learned=sum(value.numel() for value in weights.values()),
            ends=tuple(sorted(trained.ends)),
            data=trained.data,
            notes=f"Tuned over {trained.base.title}: {method}, {steps} steps.",
            task=trained.task,
        )
        report = {**trained.report, "model_id": register(result, trained.base, self.home)}
        self.run.write("report.json", report)
        write_whole(self.run.path / "report.md", trained.report_text)


def run_course(
    settings: AnySettings,
    home: Path,
    training: Callable[[Course[AnySettings]], None],
    *,
    show: Show | None = None,
    tell: Tell | None = None,
    device: str | None = None,
) -> Path:
    """The folder of the finished run. Raises errors.Stopped when it was stopped: a checkpoint is kept then.

    `device`: "cpu" or "cuda:0"; None: the first GPU, or the processor."""
    ranks = launched()
    place = pick_device(device_of(ranks, device))
    with ExitStack() as held:
        with report_once(ranks):
            refuse_unfit(settings, on_gpu=place.type == "cuda")
            group = held.enter_context(joined(settings.distributed, place))
            run, settings = held.enter_context(opened(settings, home, group))
        wish = held.enter_context(listening(run.stop_wish(os.getpid())))
        course = Course(settings, home, run, place, StatusWriter(run, show, group, tell), wish, group)
        try:
            quieten_libraries()
            course.status.enter(TrainingState.PREPARING)
            training(course)
        except Stopped:
            course.status.enter(TrainingState.STOPPED)
            with report_once(ranks):
                raise
        except Exception as error:
            raise _failed(course, error) from error
        course.status.enter(TrainingState.DONE)
        return run.path


def _failed(course: Course[Any], error: Exception) -> NaraniError:
    at, known = course.status.status, refuse_lost(error, course.group)
    failure = explained(known, course.settings, at.state, at.step, course.kept)
    course.status.fail(failure)
    if type(failure) is NaraniError:
        # Nothing that was foreseen, so whoever looks into it needs more than the sentence.
        _log.error("the training broke", exc_info=True)
    return failure
