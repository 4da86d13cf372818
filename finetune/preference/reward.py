"""The training of a reward model, from settings to an adapter with a score head that the registry lists.

It is measured with pairs of held-out questions before and after; one that gives everything the same score
ends in an error, and one that judges like a coin says so and leads no policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engines.loading.score_head import scores_of
from errors import NaraniError
from finetune.data import read_pairs
from finetune.examples import PreferencePair
from finetune.model_cards import model_card
from finetune.preference.preparing import PreparedPreferences, prepare
from finetune.preference.reward_measures import Judgment, ScoredPair, mean_margin
from finetune.preference.reward_network import set_scoring
from finetune.preference.reward_report import (
    figure_table,
    how_to_score,
    judged_ids,
    judgment_of,
    markdown,
    report_of,
    scored_samples,
)
from finetune.preference.reward_trainer import MeasuredPace, ScoringTrainer
from finetune.preference.rows import own_pad_id, pair_rows
from finetune.reward_settings import RewardSettings
from finetune.run_folder import TrainingState
from finetune.training.adapters import LEARNS
from finetune.training.course import Course, TrainedModel, run_course
from finetune.training.measuring import resting
from finetune.training.preparing import DividedRows, read_rows, refuse_other_data


def train(
    settings: RewardSettings,
    home: Path,
    **listeners: Any,
) -> Path:
    """The folder of the finished run; see run_course."""
    return run_course(settings, home, lambda course: _RewardTraining(course).make(), **listeners)


class _RewardTraining:
    """What this kind of training does on its course."""

    def __init__(self, course: Course[RewardSettings]) -> None:
        self._course, self._group = course, course.group

    def make(self) -> None:
        course, group = self._course, self._group
        rows = group.each(self._rows)
        begin = course.find_checkpoint()
        prepared = group.each(lambda: prepare(course, rows, pair_rows, set_scoring, scores=True))
        course.settings = prepared.plan.settings
        self._pad_id = own_pad_id(
            prepared.learner.loaded.tokenizer,
            prepared.learner.loaded.model.get_input_embeddings().weight.shape[0],
            prepared.ends,
        )
        manifest = course.add_to_manifest({**prepared.facts(), "pad_id": self._pad_id})
        course.status.decided(prepared.notes)
        before = group.first_only(lambda: self._before(prepared))
        course.learn(lambda: self._trainer(prepared), begin)
        judgment = group.first_only(lambda: self._judged(prepared))
        if judgment.says_nothing:
            raise NaraniError("reward-says-nothing")
        self._finish(prepared, manifest, before, judgment)

    def _rows(self) -> DividedRows[PreferencePair]:
        course = self._course
        course.begin()
        rows = read_rows(course.settings, read_pairs)
        refuse_other_data(course.run, rows)
        course.wish.check()
        return rows

    def _before(self, prepared: PreparedPreferences) -> list[ScoredPair]:
        """Measured once, also by a run that goes on."""
        held = self._course.run.read("before.json")
        if held is None:
            held = {"pairs": [vars(pair) for pair in self._judged(prepared).pairs]}
            self._course.run.write("before.json", held)
        return [ScoredPair(**pair) for pair in held["pairs"]]

    def _judged(self, prepared: PreparedPreferences) -> Judgment:
        self._course.status.enter(TrainingState.MEASURING)
        rows = prepared.held_out
        return judgment_of(rows, self._scores(prepared, judged_ids(rows)))

    def _scores(self, prepared: PreparedPreferences, rows: Sequence[Sequence[int]]) -> list[float]:
        network, settings = prepared.learner.network, self._course.settings
        head = network.get_base_model().score.modules_to_save[LEARNS].weight
        with resting(network):
            check = self._course.wish.check
            return scores_of(network, head, rows, micro_batch=2 * settings.micro_batch, check=check)

    def _trainer(self, prepared: PreparedPreferences) -> ScoringTrainer:
        course = self._course
        rows = prepared.held_out
        ids = [ids for row in rows for ids in (row.chosen_ids, row.rejected_ids)]
        trainer = ScoringTrainer(course, prepared.learner, prepared.plan, prepared.learned, self._pad_id)

        def measure() -> None:
            scores = self._group.first_only(lambda: self._scores(prepared, ids))
            pairs = [ScoredPair(*two, 0, 0) for two in zip(scores[::2], scores[1::2], strict=True)]
            accuracy = sum(pair.right for pair in pairs) / len(pairs)
            trainer.held_out = {"held_out_accuracy": accuracy, "held_out_margin": mean_margin(pairs)}

        an_epoch = -(-len(prepared.learned) // prepared.plan.batch)
        trainer.add_callback(MeasuredPace(course, an_epoch, trainer, measure))
        return trainer

    def _finish(
        self,
        prepared: PreparedPreferences,
        manifest: Mapping[str, Any],
        before: Sequence[ScoredPair],
        judgment: Judgment,
    ) -> None:
        texts = {
            pair.source: (pair.conversation.turns[-1].question, pair.chosen, pair.rejected)
            for pair in prepared.divided.held_out
        }
        samples = list(scored_samples(prepared.held_out, texts, judgment.pairs))
        facts = {**prepared.report_facts(self._course), "pad_id": self._pad_id}
        report = report_of(before, judgment, samples, facts)
        files = prepared.divided.examples.files
        self._course.finish(
            TrainedModel(
                learner=prepared.learner,
                base=prepared.base,
                # The one that it was taught with: whoever scores an answer ends it so.
                ends=frozenset({prepared.end_id}),
                data=tuple(file.name for file in files),
                card=model_card(
                    prepared.base,
                    files,
                    manifest,
                    report,
                    figure_table(report),
                    scoring=how_to_score(report, prepared.end),
                ),
                report=report,
                report_text=markdown(report),
                task="reward",
            )
        )
