"""A tuning on preferences from begin to end, whichever kind: what pairs and judged answers have in common.

    def train(settings: DpoSettings, home: Path, **listeners: Any) -> Path:
        return run_course(settings, home, lambda course: PairTraining(course).make(), **listeners)

A kind says how its data is read and made into ids, what its trainer learns, and what is measured of a row.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import torch
from torch import Tensor

from errors import NaraniError
from errors.note import Note
from finetune.data import DataRows
from finetune.model_cards import model_card
from finetune.preference.losses import ComparedAnswer
from finetune.preference.preparing import MakeIds, PreparedPreferences, prepare
from finetune.preference.reference import as_reference, log_probs_of, reference_log_probs
from finetune.preference.report import (
    PreferenceMeasures,
    fell_below,
    figure_table,
    markdown,
    nothing_learned,
    report_of,
)
from finetune.preference.trainer import PreferenceTrainer
from finetune.preference_settings import PreferenceSettings
from finetune.rl.held_out import went_far
from finetune.rl.log_probs import all_figures
from finetune.rl.rollout import Sampler
from finetune.run_folder import TrainingState
from finetune.training.checkpoint_files import learning_weights
from finetune.training.course import Course, TrainedModel
from finetune.training.measuring import Asker, resting
from finetune.training.pace import Pace
from finetune.training.preparing import DividedRows, read_rows, refuse_other_data

Kind = TypeVar("Kind", bound=PreferenceSettings)
_log = logging.getLogger(__name__)
_LONGEST_SAMPLE = 256


class PreferenceTraining(ABC, Generic[Kind]):
    read: ClassVar[Any]
    """finetune.data.read_pairs or read_labeled."""
    make_ids: ClassVar[MakeIds]

    def __init__(self, course: Course[Kind]) -> None:
        self.course, self.group = course, course.group

    @abstractmethod
    def answers_of(self, rows: Sequence[Any]) -> list[ComparedAnswer]:
        """All answers whose log-probability the kind goes by, the same number of each row."""

    @abstractmethod
    def trainer(self, prepared: PreparedPreferences, reference: Tensor) -> PreferenceTrainer:
        """`reference`: [rows, answers of a row, 2]."""

    @abstractmethod
    def figures(self, rows: Sequence[Any], learned: Tensor, reference: Tensor) -> dict[str, float]:
        """Of held-out rows: reward with reward_error, accuracy, chosen_change."""

    def refuse(self, rows: Sequence[Any]) -> None:
        """Data that nothing can be learned of."""

    def make(self) -> None:
        course, group = self.course, self.group
        rows = group.each(self._rows)
        begin = course.find_checkpoint()
        prepared = group.each(lambda: prepare(course, rows, type(self).make_ids))
        course.settings = prepared.plan.settings
        manifest = course.add_to_manifest(prepared.facts())
        course.status.decided(prepared.notes)
        course.status.enter(TrainingState.MEASURING)
        network = prepared.learner.network
        self._first = {name: value.detach().clone() for name, value in learning_weights(network)}
        compared = [] if course.settings.without_reference else prepared.learned
        every = [*compared, *prepared.held_out]
        # Apart, for what a row is compared with is sought among the rows that it stands with.
        answers = [*self.answers_of(compared), *self.answers_of(prepared.held_out)]
        found = reference_log_probs(course, network, answers).reshape(len(every), -1, 2)
        reference, held = found.split([len(compared), len(prepared.held_out)])
        begun = self._begun(prepared, held)
        course.learn(lambda: self._paced(prepared, reference), begin)
        after = group.first_only(lambda: self._measured(prepared, held))
        self._finish(prepared, manifest, PreferenceMeasures.read(begun), after)

    def _rows(self) -> DividedRows[Any]:
        course = self.course
        course.begin()
        rows = read_rows(course.settings, type(self).read)
        refuse_other_data(course.run, rows)
        self.refuse(rows.learned)
        course.wish.check()
        return rows

    def _begun(self, prepared: PreparedPreferences, held: Tensor) -> Mapping[str, Any]:
        """Measured once: a run that goes on has its base no more as it was."""

        def measured() -> Mapping[str, Any]:
            known = self.course.run.read("before.json")
            if known is None:
                known = self._measured(prepared, held).written()
                self.course.run.write("before.json", known)
            return known

        return self.group.first_only(measured)

    def _paced(self, prepared: PreparedPreferences, reference: Tensor) -> PreferenceTrainer:
        trainer = self.trainer(prepared, reference)
        an_epoch = -(-len(prepared.learned) // prepared.plan.batch)
        trainer.add_callback(Pace(self.course, an_epoch, lambda: trainer.tokens_seen))
        return trainer

    def _measured(self, prepared: PreparedPreferences, held: Tensor) -> PreferenceMeasures:
        course, learner = self.course, prepared.learner
        course.status.enter(TrainingState.MEASURING)
        answers, micro = self.answers_of(prepared.held_out), course.settings.micro_batch
        learned = log_probs_of(learner.network, answers, micro, course.wish.check)
        figures = self.figures(prepared.held_out, learned.reshape(held.shape), held)
        tokenizer, format = learner.loaded.tokenizer, prepared.base.format
        asker = Asker(learner.network, tokenizer, format, prepared.ends, course.wish)
        answered = tuple(asker.ask_all(prepared.asked))
        return PreferenceMeasures({**figures, "kl": self._kl(prepared)}, answered)

    def _kl(self, prepared: PreparedPreferences) -> float:
        """About how far an answer has moved away from the reference, by one sampled to each question."""
        network, check = prepared.learner.network, self.course.wish.check
        prompts = list(dict.fromkeys(row.prompt for row in prepared.held_out))[: len(prepared.asked)]
        chance = torch.Generator().manual_seed(self.course.settings.seed)
        sampler = Sampler(network, prepared.ends, max_new_tokens=_LONGEST_SAMPLE)
        sampled = sampler.sample(prompts, 1, chance, check)
        with resting(network):
            micro = self.course.settings.micro_batch
            now = all_figures(network, sampled, 1.0, micro, check=check).log_probs
            with as_reference(network):
                before = all_figures(network, sampled, 1.0, micro, check=check).log_probs
        # Never negative, and with less noise than the difference alone.
        gone = before - now
        return float((gone.expm1() - gone).sum(1).mean())

    def _finish(
        self,
        prepared: PreparedPreferences,
        manifest: Mapping[str, Any],
        before: PreferenceMeasures,
        after: PreferenceMeasures,
    ) -> None:
        course = self.course
        if not all(map(_is_number, after.figures.values())):
            raise NaraniError("holdout-loss-no-number")
        why = nothing_learned(before, after, self._moved(prepared), self._largest_gradient())
        fell = fell_below(after.figures.get("chosen_change", 0.0))
        seen = [*([Note.of(fell)] if fell else []), *filter(None, [went_far(after.figures.get("kl"))])]
        for told in (why, *seen):
            if told is not None:
                _log.warning(str(told))
        report = report_of(before, after, why, prepared.report_facts(course, seen))
        data: DataRows[Any] = prepared.divided.examples
        course.finish(
            TrainedModel(
                learner=prepared.learner,
                base=prepared.base,
                ends=prepared.ends,
                data=tuple(file.name for file in data.files),
                card=model_card(prepared.base, data.files, manifest, report, figure_table(report)),
                report=report,
                report_text=markdown(report),
            )
        )

    def _moved(self, prepared: PreparedPreferences) -> bool:
        """LoRA's second matrices are zero to begin with, unless the adapter was learned before."""
        first = self._first
        return any(
            not torch.equal(first[name], value) for name, value in learning_weights(prepared.learner.network)
        )

    def _largest_gradient(self) -> float:
        return max((metric.grad_norm or 0.0 for metric in self.course.run.metrics()), default=0.0)


def _is_number(value: float) -> bool:
    return value == value and abs(value) != float("inf")
