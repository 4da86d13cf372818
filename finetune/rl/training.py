"""Learning by rewards, from settings to an adapter that the registry lists: GRPO, RLOO and PPO.

Knows: the order of it: prepare, ask held-out questions, update, ask again, save.
Refuses to know: how each of these is done, and how a training of any kind begins and ends (course.py).
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from finetune.data import read_prompts
from finetune.model_cards import model_card
from finetune.rl.held_out import HeldOutAnswers, asked_held_out, figure_table, markdown, report_of, went_far
from finetune.rl.preparing import PreparedPolicy, prepare
from finetune.rl.questions import PolicyAsker
from finetune.rl.rewards import refuse_without_expected
from finetune.rl.rollout import Sampler
from finetune.rl.update_loop import UpdateLoop
from finetune.rl_settings import RlSettings
from finetune.run_folder import TrainingState
from finetune.training.course import Course, TrainedModel, run_course
from finetune.training.preparing import DividedRows, read_rows, refuse_other_data

_log = logging.getLogger(__name__)


def train(
    settings: RlSettings,
    home: Path,
    **listeners: Any,
) -> Path:
    """The folder of the finished run; see run_course."""
    return run_course(settings, home, lambda course: _RlTraining(course).make(), **listeners)


class _RlTraining:
    """What these kinds do on their course."""

    def __init__(self, course: Course[RlSettings]) -> None:
        self._course = course

    def make(self) -> None:
        course = self._course
        rows = self._rows()
        begin = course.find_checkpoint()
        prepared = prepare(course, rows)
        course.settings = prepared.plan.settings
        manifest = course.add_to_manifest(prepared.facts())
        course.status.decided(prepared.notes)
        asker = self._asker(prepared)
        before = self._before(prepared, asker)
        loop = UpdateLoop(course, prepared, asker, lambda: self._asked(prepared, asker))
        course.learn(lambda: loop, begin)
        course.status.enter(TrainingState.MEASURING)
        self._finish(prepared, manifest, loop, before, loop.answered or self._asked(prepared, asker))

    def _rows(self) -> DividedRows[Any]:
        course = self._course
        course.begin()
        rows = read_rows(course.settings, read_prompts)
        refuse_other_data(course.run, rows)
        refuse_without_expected(course.settings.rewards, rows.examples.rows)
        course.wish.check()
        return rows

    def _asker(self, prepared: PreparedPolicy) -> PolicyAsker:
        settings, learner = self._course.settings, prepared.learner
        sampler = Sampler(
            learner.network,
            prepared.ends,
            temperature=settings.temperature,
            max_new_tokens=settings.max_new_tokens,
        )
        return PolicyAsker(sampler, learner.loaded.tokenizer, self._course.wish.check)

    def _asked(self, prepared: PreparedPolicy, asker: PolicyAsker) -> HeldOutAnswers:
        unended = self._course.settings.unended_reward
        return asked_held_out(asker, prepared.held_out, prepared.parts, unended)

    def _before(self, prepared: PreparedPolicy, asker: PolicyAsker) -> HeldOutAnswers:
        """Asked once: a run that goes on has its policy no more as it was."""
        run = self._course.run
        known = run.read("before.json")
        if known is not None:
            return HeldOutAnswers.read(known)
        self._course.status.enter(TrainingState.MEASURING)
        found = self._asked(prepared, asker)
        if not run.samples():
            run.add_samples(found.samples(0))
        run.write("before.json", found.written())
        return found

    def _finish(
        self,
        prepared: PreparedPolicy,
        manifest: Mapping[str, Any],
        loop: UpdateLoop,
        before: HeldOutAnswers,
        after: HeldOutAnswers,
    ) -> None:
        course = self._course
        kl = course.run.metrics()[-1].figures["kl"]
        far = went_far(kl)
        facts = prepared.report_facts(course, [far] if far else [])
        report = report_of(before, after, kl, loop.signs.why_not(after.ended), facts)
        for told in (report.get("why"), far):
            if told is not None:
                _log.warning(told)
        files = prepared.divided.examples.files
        course.finish(
            TrainedModel(
                learner=prepared.learner,
                base=prepared.base,
                ends=prepared.ends,
                data=tuple(file.name for file in files),
                card=model_card(prepared.base, files, manifest, report, figure_table(report)),
                report=report,
                report_text=markdown(report),
            )
        )
