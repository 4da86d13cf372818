"""Supervised tuning, from settings to an adapter or model that the registry lists.

Knows: the order of a training: prepare, measure, learn, measure again, save, register; how it ends otherwise.
Refuses to know: how each of these is done.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from transformers import set_seed

from engines.devices import pick_device
from engines.loading.load import quieten_libraries
from errors import NaraniError, Stopped
from finetune.distributed.process_group import ProcessGroup, joined, refuse_lost
from finetune.distributed.ranks import device_of, launched, report_once
from finetune.registering import Result, register
from finetune.run_folder import RunFolder, TrainingState
from finetune.sft_settings import SftSettings
from finetune.training.answering import Asker
from finetune.training.arguments import arguments
from finetune.training.best import Best
from finetune.training.checkpoint_files import read_position, restore_weights, whole_weights
from finetune.training.checkpoints import Checkpoint, Checkpoints
from finetune.training.faults import explained, refuse_unfit
from finetune.training.measuring import predicted
from finetune.training.model_card import model_card
from finetune.training.opening import begin_manifest, opened
from finetune.training.pace import Pace, WhenDivided
from finetune.training.preparing import Prepared, Rows, prepare, read_rows, refuse_other_data
from finetune.training.report import Measured, markdown, refuse_no_numbers, report_of
from finetune.training.saving import save_result, settle
from finetune.training.status_writer import Show, StatusWriter, Tell
from finetune.training.stopping import SharedWish, StopWish, listening
from finetune.training.trainer import Tuner
from whole_files import write_whole

_log = logging.getLogger(__name__)
Made = TypeVar("Made")


def train(
    settings: SftSettings,
    home: Path,
    *,
    show: Show | None = None,
    tell: Tell | None = None,
    device: str | None = None,
) -> Path:
    """The folder of the finished run. Raises errors.Stopped when it was stopped: a checkpoint is kept then.

    `device`: "cpu" or "cuda:0"; None: the first GPU, or the processor.
    """
    ranks = launched()
    place = pick_device(device_of(ranks, device))
    with ExitStack() as held:
        with report_once(ranks):
            refuse_unfit(settings, on_gpu=place.type == "cuda")
            group = held.enter_context(joined(settings.distributed, place))
            run, settings = held.enter_context(opened(settings, home, group))
        wish = held.enter_context(listening(run.stop_wish(os.getpid())))
        status = StatusWriter(run, show, group, tell)
        course = _Course(settings, home, run, place, status, wish, group)
        try:
            course.make()
        except Stopped:
            status.enter(TrainingState.STOPPED)
            with report_once(ranks):
                raise
        except Exception as error:
            at = status.status
            known = refuse_lost(error, group)
            failure = explained(known, course.settings, at.state, at.step, course.kept)
            status.fail(failure)
            if type(failure) is NaraniError:
                # Nothing that was foreseen, so whoever looks into it needs more than the sentence.
                _log.error("the training broke", exc_info=True)
            raise failure from error
        status.enter(TrainingState.DONE)
        return run.path


class _Course:
    """One training on its way, in one process or in each of several."""

    def __init__(
        self,
        settings: SftSettings,
        home: Path,
        run: RunFolder,
        device: torch.device,
        status: StatusWriter,
        wish: StopWish,
        group: ProcessGroup,
    ) -> None:
        self.settings, self._home, self._run = settings, home, run
        self._device, self._status, self._wish = device, status, wish
        self._group = group
        self._checkpoints = Checkpoints(run.checkpoints, settings.keep_checkpoints)
        self._best = Best(settings.keep == "best", settings.patience)
        self._began = time.monotonic()
        self.kept: int | None = None
        """The step of the newest checkpoint."""

    def make(self) -> None:
        quieten_libraries()
        group = self._group
        self._status.enter(TrainingState.PREPARING)
        rows = group.each(self._rows)
        begin = group.first_only(self._found)
        self.kept = begin.step if begin else None
        begun = self._run.read("manifest.json")
        prepared = prepare(self.settings, rows, self._home, self._device, self._wish, group, begun)
        self.settings = prepared.batches.plan.settings
        manifest = group.first_only(lambda: self._manifest(prepared))
        self._status.decided(prepared.notes)
        if not group.divided:
            self._before(prepared)
        self._learn(prepared, begin)
        if not group.divided:
            settle(prepared.learner)
        before = Measured.read(group.first_only(self._measured_before))
        after = self._measured(lambda wish: self._measure(prepared, wish))
        refuse_no_numbers(before, after)
        weights = whole_weights(prepared.learner.network)
        report = report_of(before, after, self._facts(prepared))
        group.first_only(lambda: self._finish(prepared, weights, manifest, report))

    def _rows(self) -> Rows:
        if self._group.first:
            begin_manifest(self._run, self.settings)
        rows = read_rows(self.settings)
        refuse_other_data(self._run, rows)
        self._wish.check()
        return rows

    def _found(self) -> Checkpoint | None:
        """The checkpoint to go on from; broken ones are told of."""
        self._checkpoints.sweep()
        found = self._checkpoints.find()
        for sentence in found.broken:
            _log.warning(sentence)
        self._run.forget_metrics_after(found.newest.step if found.newest else 0)
        return found.newest

    def _manifest(self, prepared: Prepared) -> dict[str, Any]:
        facts = {"device": self._device.type, "processes": self._group.size}
        manifest = {**(self._run.read("manifest.json") or {}), **prepared.facts(), **facts}
        self._run.write("manifest.json", manifest)
        return manifest

    def _before(self, prepared: Prepared) -> None:
        """Measured once: a run that goes on has its base no more as it was."""
        if self._group.first_only(self._measured_before):
            return
        before = self._measured(lambda wish: self._measure(prepared, wish))
        if self._group.first:
            self._run.write("before.json", before.written())

    def _measured_before(self) -> dict[str, Any]:
        return self._run.read("before.json") or {}

    def _measured(self, measure: Callable[[StopWish], Made]) -> Made:
        """The first does it, but where weights are divided it is the work of all."""
        if self._group.divided:
            return measure(SharedWish(self._wish, self._group))
        return self._group.first_only(lambda: measure(self._wish))

    def _measure(self, prepared: Prepared, wish: StopWish) -> Measured:
        self._status.enter(TrainingState.MEASURING)
        learner, base = prepared.learner, prepared.base
        agree = self._group.from_first if self._group.divided else int
        asker = Asker(learner.network, learner.loaded.tokenizer, base.format, prepared.ends, wish, agree)
        return Measured(
            predicted(learner.network, prepared.held_out, self._device, wish),
            predicted(learner.network, prepared.forgetting, self._device, wish),
            tuple(asker.ask_all(prepared.asked)),
            tuple(asker.ask_all(prepared.asked_of_learned)),
        )

    def _learn(self, prepared: Prepared, begin: Checkpoint | None) -> None:
        self._status.enter(TrainingState.TRAINING)
        if begin is not None:
            position = read_position(begin.path)
            prepared.batches.refuse_other(position.blocks, position.rows_a_step, self._run.name)
            restore_weights(begin.path, prepared.learner.network)
            self._best.go_on_from(position.best)
        with warnings.catch_warnings():
            # What libraries warn each other of; nothing of it is for the person who trains.
            warnings.simplefilter("ignore")
            trainer = self._trainer(prepared)
            if not self._group.first:
                # What the first drops out, the others should not.
                set_seed((self.settings.seed + self._group.rank) % 2**32)
            trainer.train(resume_from_checkpoint=str(begin.path) if begin else None)
        if self._wish.asked and trainer.state.global_step < trainer.state.max_steps:
            step = trainer.state.global_step
            raise Stopped(
                f"Stopped after step {step}; its checkpoint is kept. Go on with --resume.", step=step
            )
        self._best.put_back(
            trainer.state.global_step, self._checkpoints, prepared.learner.network, self._group
        )

    def _trainer(self, prepared: Prepared) -> Tuner:
        learner, batches, group = prepared.learner, prepared.batches, self._group

        def saved(step: int) -> None:
            self.kept = step

        def measure() -> float:
            trainer.held_out_loss = loss = self._measured(
                lambda wish: predicted(learner.network, prepared.held_out, self._device, wish).loss
            )
            return loss

        trainer = Tuner(
            learner.network,
            arguments(self.settings, batches, self._run.path, self._device, learner.compute, group),
            batches,
            self._checkpoints,
            learner.loaded.tokenizer,
            [],
            saved,
            self._best,
            group,
        )
        if group.divided:
            trainer.add_callback(WhenDivided(lambda: self._before_learning(prepared)))
        trainer.add_callback(
            Pace(
                self._status,
                self._wish,
                batches.steps_an_epoch,
                self.settings.checkpoint_steps,
                self.settings.measure_steps,
                measure,
                self._best,
                lambda: trainer.tokens_seen,
                self._device,
                group,
            )
        )
        return trainer

    def _before_learning(self, prepared: Prepared) -> None:
        self._before(prepared)
        self._status.enter(TrainingState.TRAINING)

    def _facts(self, prepared: Prepared) -> dict[str, Any]:
        status = self._status.status
        return {
            "run": self._run.name,
            "base": prepared.base.spec.title,
            "base_id": prepared.base.spec.id,
            "format": prepared.base.format.id,
            "method": self.settings.method,
            "steps": status.step,
            "epochs": status.epoch,
            "seconds": round(time.monotonic() - self._began, 1),
            "trainable": str(prepared.trainable),
            "rows": {"learned": len(prepared.rows.learned), "held_out": len(prepared.rows.held_out)},
            **prepared.rows.files(),
            **self._best.facts(status.step),
            "notes": [*prepared.notes, *self._best.notes(status.step)],
        }

    def _finish(
        self,
        prepared: Prepared,
        weights: Mapping[str, Tensor],
        manifest: dict[str, Any],
        report: dict[str, Any],
    ) -> None:
        self._status.enter(TrainingState.SAVING)
        files = prepared.rows.examples.files
        card = model_card(prepared.base, files, manifest, report)
        folder = save_result(prepared.learner, weights, self._run, card)
        result = Result(
            run=self._run.name,
            folder=folder,
            is_adapter=self.settings.method != "full",
            learned=prepared.trainable.trainable,
            ends=tuple(sorted(prepared.ends)),
            data=tuple(file.name for file in files),
            notes=f"Tuned over {prepared.base.spec.title}: {self.settings.method}, {report['steps']} steps.",
        )
        report = {**report, "model_id": register(result, prepared.base, self._home)}
        self._run.write("report.json", report)
        write_whole(self._run.path / "report.md", markdown(report))
