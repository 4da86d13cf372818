"""Supervised tuning, from settings to an adapter or model that the registry lists.

Knows: the order of it: prepare, measure, learn, measure again, save.
Refuses to know: how each of these is done, and how a training of any kind begins and ends (course.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from errors.note import note_facts
from finetune.data import read_examples
from finetune.distributed.process_group import SharedWish
from finetune.examples import Example
from finetune.model_cards import model_card
from finetune.run_folder import TrainingState
from finetune.sft_settings import SftSettings
from finetune.stopping import StopWish
from finetune.training.best import Best
from finetune.training.checkpoint_files import read_position
from finetune.training.checkpoints import Checkpoint
from finetune.training.course import Course, TrainedModel, run_course
from finetune.training.measuring import Asker, predicted
from finetune.training.preparing import DividedRows, Prepared, prepare, read_rows, refuse_other_data
from finetune.training.report import NetworkMeasures, markdown, refuse_no_numbers, report_of
from finetune.training.saving import settle
from finetune.training.status_writer import Show, Tell
from finetune.training.trainer import MeasuringPace, Tuner, WhenDivided, sft_arguments

Measurement = TypeVar("Measurement")


def train(
    settings: SftSettings,
    home: Path,
    *,
    show: Show | None = None,
    tell: Tell | None = None,
    device: str | None = None,
) -> Path:
    """The folder of the finished run; see run_course."""
    return run_course(
        settings, home, lambda course: _Training(course).make(), show=show, tell=tell, device=device
    )


class _Training:
    """What this kind of training does on its course."""

    def __init__(self, course: Course[SftSettings]) -> None:
        self._course, self._group = course, course.group
        self._best = Best(course.settings.keep == "best", course.settings.patience)

    def make(self) -> None:
        course, group = self._course, self._group
        rows = group.each(self._rows)
        begin = course.find_checkpoint()
        begun = course.run.read("manifest.json")
        prepared = prepare(course.settings, rows, course.home, course.device, course.wish, group, begun)
        course.settings = prepared.batches.plan.settings
        manifest = course.add_to_manifest(prepared.facts())
        course.status.decided(prepared.notes)
        if not group.divided:
            self._before(prepared)
        self._learn(prepared, begin)
        if not group.divided:
            settle(prepared.learner)
        before = NetworkMeasures.read(group.first_only(self._measured_before))
        after = self._measured(lambda wish: self._measure(prepared, wish))
        refuse_no_numbers(before, after)
        report = report_of(before, after, self._facts(prepared))
        files = prepared.rows.examples.files
        course.finish(
            TrainedModel(
                learner=prepared.learner,
                base=prepared.base,
                ends=prepared.ends,
                data=tuple(file.name for file in files),
                card=model_card(prepared.base, files, manifest, report),
                report=report,
                report_text=markdown(report),
            )
        )

    def _rows(self) -> DividedRows[Example]:
        course = self._course
        course.begin()
        rows = read_rows(course.settings, read_examples)
        refuse_other_data(course.run, rows)
        course.wish.check()
        return rows

    def _before(self, prepared: Prepared) -> None:
        """NetworkMeasures once: a run that goes on has its base no more as it was."""
        if self._group.first_only(self._measured_before):
            return
        before = self._measured(lambda wish: self._measure(prepared, wish))
        if self._group.first:
            self._course.run.write("before.json", before.written())

    def _measured_before(self) -> dict[str, Any]:
        return self._course.run.read("before.json") or {}

    def _measured(self, measure: Callable[[StopWish], Measurement]) -> Measurement:
        """The first does it, but where weights are divided it is the work of all."""
        if self._group.divided:
            return measure(SharedWish(self._course.wish, self._group))
        return self._group.first_only(lambda: measure(self._course.wish))

    def _measure(self, prepared: Prepared, wish: StopWish) -> NetworkMeasures:
        self._course.status.enter(TrainingState.MEASURING)
        learner, base, device = prepared.learner, prepared.base, self._course.device
        agree = self._group.from_first if self._group.divided else int
        asker = Asker(learner.network, learner.loaded.tokenizer, base.format, prepared.ends, wish, agree)
        return NetworkMeasures(
            predicted(learner.network, prepared.held_out, device, wish),
            predicted(learner.network, prepared.forgetting, device, wish),
            tuple(asker.ask_all(prepared.asked)),
            tuple(asker.ask_all(prepared.asked_of_learned)),
        )

    def _learn(self, prepared: Prepared, begin: Checkpoint | None) -> None:
        course = self._course
        if begin is not None:
            position = read_position(begin.path)
            prepared.batches.refuse_other(position, course.run.name)
            self._best.go_on_from(position.get("best", {}))
        last = course.learn(lambda: self._trainer(prepared), begin)
        self._best.put_back(last, course.checkpoints, prepared.learner.network, self._group)

    def _trainer(self, prepared: Prepared) -> Tuner:
        learner, batches, course = prepared.learner, prepared.batches, self._course
        arguments = sft_arguments(batches, course.run.path, course.device, learner.compute, self._group)
        tuner = Tuner(learner.network, arguments, batches, learner.loaded.tokenizer, self._best, course)

        def measure() -> float:
            tuner.held_out_loss = loss = self._measured(
                lambda wish: predicted(learner.network, prepared.held_out, course.device, wish).loss
            )
            return loss

        if self._group.divided:
            tuner.add_callback(WhenDivided(lambda: self._before_learning(prepared)))
        seen = batches.steps_an_epoch, lambda: tuner.tokens_seen
        tuner.add_callback(MeasuringPace(course, *seen, measure, self._best))
        return tuner

    def _before_learning(self, prepared: Prepared) -> None:
        self._before(prepared)
        self._course.status.enter(TrainingState.TRAINING)

    def _facts(self, prepared: Prepared) -> dict[str, Any]:
        course, status = self._course, self._course.status.status
        notes = [*prepared.notes, *self._best.notes(status.step)]
        return {
            "run": course.run.name,
            "base": prepared.base.spec.title,
            "base_id": prepared.base.spec.id,
            "format": prepared.base.format.id,
            "method": course.settings.method,
            "steps": status.step,
            "epochs": status.epoch,
            "seconds": round(time.monotonic() - course.began, 1),
            "trainable": str(prepared.trainable),
            "rows": {"learned": len(prepared.rows.learned), "held_out": len(prepared.rows.held_out)},
            **prepared.rows.files(),
            **self._best.facts(status.step),
            "notes": notes,
            "note_facts": note_facts(notes),
        }
