"""Supervised tuning, from settings to an adapter or model that the registry lists.

Knows: the order of a training: prepare, measure, learn, measure again, save, register; how it ends otherwise.
Refuses to know: how each of these is done.
"""

from __future__ import annotations

import logging
import time
import warnings
from pathlib import Path
from typing import Any

import torch

from engines.devices import pick_device
from engines.loading.load import quieten_libraries
from errors import BadRequest, NaraniError, Stopped
from finetune.registering import Result, register
from finetune.run_folder import RunFolder, TrainingState, write_whole
from finetune.sft_settings import SftSettings
from finetune.training.answering import Asker
from finetune.training.arguments import arguments
from finetune.training.checkpoint_files import read_position, restore_weights
from finetune.training.checkpoints import Checkpoint, Checkpoints
from finetune.training.faults import explained, refuse_unfit
from finetune.training.measuring import predicted
from finetune.training.model_card import model_card
from finetune.training.opening import begin_manifest, opened
from finetune.training.pace import Pace
from finetune.training.preparing import Prepared, base_name, prepare, read_rows, refuse_other_data
from finetune.training.report import Measured, markdown, report_of
from finetune.training.saving import save_result, settle
from finetune.training.stopping import StopWish, listening
from finetune.training.telling import Show, Telling
from finetune.training.trainer import Tuner

_log = logging.getLogger(__name__)


def train(settings: SftSettings, home: Path, *, show: Show | None = None, device: str | None = None) -> Path:
    """The folder of the finished run. Raises errors.Stopped when it was stopped: a checkpoint is kept then.

    `device`: "cpu" or "cuda:0"; None: the first GPU, or the processor.
    """
    place = pick_device(device)
    refuse_unfit(settings, on_gpu=place.type == "cuda")
    with opened(settings, home) as (run, settings), listening() as wish:
        telling = Telling(run, show)
        course = _Course(settings, home, run, place, telling, wish)
        try:
            course.make()
        except Stopped:
            telling.enter(TrainingState.STOPPED)
            raise
        except Exception as error:
            status = telling.status
            failure = explained(error, settings, status.state, status.step, course.kept)
            if type(failure) is NaraniError:
                # Nothing that was foreseen, so whoever looks into it needs more than the sentence.
                _log.error("the training broke", exc_info=True)
            telling.fail(failure)
            raise failure from error
        telling.enter(TrainingState.DONE)
        return run.path


class _Course:
    """One training on its way."""

    def __init__(
        self,
        settings: SftSettings,
        home: Path,
        run: RunFolder,
        device: torch.device,
        telling: Telling,
        wish: StopWish,
    ) -> None:
        self._settings, self._home, self._run = settings, home, run
        self._device, self._telling, self._wish = device, telling, wish
        self._checkpoints = Checkpoints(run.checkpoints, settings.keep_checkpoints)
        self._began = time.monotonic()
        self.kept: int | None = None
        """The step of the newest checkpoint."""

    def make(self) -> None:
        quieten_libraries()
        self._telling.enter(TrainingState.PREPARING)
        manifest = begin_manifest(self._run, self._settings)
        rows = read_rows(self._settings)
        refuse_other_data(self._run, rows)
        self._wish.check()
        begin = self._found()
        prepared = prepare(self._settings, rows, self._home, self._device, self._wish)
        manifest |= prepared.facts()
        self._run.write("manifest.json", manifest)
        before = self._before(prepared)
        self._learn(prepared, begin)
        settle(prepared.learner)
        after = self._measure(prepared)
        self._finish(prepared, manifest, report_of(before, after, self._facts(prepared)))

    def _found(self) -> Checkpoint | None:
        """The checkpoint to go on from; broken ones are told of."""
        self._checkpoints.sweep()
        found = self._checkpoints.find()
        for sentence in found.broken:
            _log.warning(sentence)
        self.kept = found.newest.step if found.newest else None
        self._run.forget_metrics_after(self.kept or 0)
        return found.newest

    def _before(self, prepared: Prepared) -> Measured:
        """Measured once: a run that goes on has its base no more as it was."""
        held = self._run.read("before.json")
        if held is not None:
            return Measured.read(held)
        before = self._measure(prepared)
        self._run.write("before.json", before.written())
        return before

    def _measure(self, prepared: Prepared) -> Measured:
        self._telling.enter(TrainingState.MEASURING)
        learner = prepared.learner
        asker = Asker(
            learner.network, learner.loaded.tokenizer, prepared.base.format, prepared.ends, self._wish
        )
        return Measured(
            predicted(learner.network, prepared.held_out, self._device, self._wish),
            predicted(learner.network, prepared.forgetting, self._device, self._wish),
            tuple(asker.ask_all(prepared.asked)),
            tuple(asker.ask_all(prepared.asked_of_learned)),
        )

    def _learn(self, prepared: Prepared, begin: Checkpoint | None) -> None:
        self._telling.enter(TrainingState.TRAINING)
        if begin is not None and self._ended_there(prepared, begin):
            restore_weights(begin.path, prepared.learner.network)
            return
        trainer = self._trainer(prepared)
        with warnings.catch_warnings():
            # What libraries warn each other of; nothing of it is for the person who trains.
            warnings.simplefilter("ignore")
            trainer.train(resume_from_checkpoint=str(begin.path) if begin else None)
        if self._wish.asked and trainer.state.global_step < trainer.state.max_steps:
            step = trainer.state.global_step
            raise Stopped(
                f"Stopped after step {step}; its checkpoint is kept. Go on with --resume.", step=step
            )

    def _ended_there(self, prepared: Prepared, begin: Checkpoint) -> bool:
        """Whether nothing is left to learn; a checkpoint that counts otherwise is refused."""
        position = read_position(begin.path)
        lesson = prepared.lesson
        if (position.rows_a_step, position.blocks) != (lesson.rows_a_step, len(lesson.blocks)):
            raise BadRequest(
                f"'{self._run.name}' began with {position.blocks} blocks, {position.rows_a_step} a step; now "
                "they are others, so it cannot go on. Put settings and data back as they were."
            )
        self._telling.step(
            position.step, position.total_steps, position.step / lesson.steps_an_epoch, None, None
        )
        return position.step >= position.total_steps

    def _trainer(self, prepared: Prepared) -> Tuner:
        learner, lesson = prepared.learner, prepared.lesson

        def saved(step: int) -> None:
            self.kept = step

        def measure() -> float | None:
            return predicted(learner.network, prepared.held_out, self._device, self._wish).loss

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            trainer = Tuner(
                learner.network,
                arguments(self._settings, lesson, self._run.path, self._device, learner.compute),
                lesson,
                self._checkpoints,
                learner.loaded.tokenizer,
                [],
                saved,
            )
        trainer.add_callback(
            Pace(
                self._telling,
                self._wish,
                lesson.steps_an_epoch,
                self._settings.checkpoint_steps,
                measure,
                lambda: trainer.tokens_seen,
                self._device,
            )
        )
        return trainer

    def _facts(self, prepared: Prepared) -> dict[str, Any]:
        status = self._telling.status
        return {
            "run": self._run.name,
            "base": prepared.base.spec.title,
            "base_id": prepared.base.spec.id,
            "format": prepared.base.format.id,
            "method": self._settings.method,
            "steps": status.step,
            "epochs": status.epoch,
            "seconds": round(time.monotonic() - self._began, 1),
            "trainable": str(prepared.trainable),
            "rows": {"learned": len(prepared.rows.learned), "held_out": len(prepared.rows.held_out)},
            "notes": list(prepared.notes),
        }

    def _finish(self, prepared: Prepared, manifest: dict[str, Any], report: dict[str, Any]) -> None:
        self._telling.enter(TrainingState.SAVING)
        files = prepared.rows.examples.files
        name = base_name(prepared.base)
        card = model_card(prepared.base, name, files, manifest, report)
        folder = save_result(prepared.learner, self._run, name, card)
        result = Result(
            run=self._run.name,
            folder=folder,
            is_adapter=self._settings.method != "full",
            learned=prepared.trainable.trainable,
            ends=tuple(sorted(prepared.ends)),
            data=tuple(file.name for file in files),
            notes=f"Tuned over {prepared.base.spec.title}: {self._settings.method}, {report['steps']} steps.",
        )
        report = {**report, "model_id": register(result, prepared.base, self._home)}
        self._run.write("report.json", report)
        write_whole(self._run.path / "report.md", markdown(report))
