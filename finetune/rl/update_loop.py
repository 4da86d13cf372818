"""The updates of a learning by rewards, one after another: stopped, gone on with, told of and checkpointed.

A step is an update. All that it depends on is in a checkpoint or follows from the seed and the step's number,
so that a run which was killed goes on bit for bit.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import torch

from errors import NaraniError, Stopped
from finetune.rl.held_out import HeldOutAnswers
from finetune.rl.nothing_learned import Signs
from finetune.rl.preparing import PreparedPolicy
from finetune.rl.questions import PolicyAsker, RlQuestion
from finetune.rl.records import SampledAnswer
from finetune.rl.rewards import Rewards, total_rewards
from finetune.rl.updates import Policy, Updater, figures_of, lesson_of, standard_error
from finetune.run_folder import now
from finetune.run_reports import Metric
from finetune.steps import rate_at
from finetune.training.checkpoint_files import (
    Moment,
    optimizer_parts,
    random_parts,
    read_position,
    restore_optimizer_of,
    whole_weights,
    write_checkpoint,
)
from finetune.training.course import Course
from finetune.training.faults import NotANumber
from finetune.training.pace import memory_bytes
from finetune.training.step_clock import StepClock

_log = logging.getLogger(__name__)
_ERROR, _TOO_FAR = 0.2, 4.0


@dataclass
class Progress:
    global_step: int
    max_steps: int


class UpdateLoop:
    def __init__(
        self,
        course: Course[Any],
        prepared: PreparedPolicy,
        asker: PolicyAsker,
        measure: Callable[[], HeldOutAnswers],
    ) -> None:
        """`measure`: asks the held-out questions as the policy is now."""
        self._course, self._prepared, self._asker, self._measure = course, prepared, asker, measure
        self._settings, self._plan = prepared.plan.settings, prepared.plan
        self.updater = Updater(prepared.policy, self._settings, course.wish.check)
        self.state, self.signs, self.kl = Progress(0, self._plan.steps), Signs(), self._settings.kl
        self._tokens = 0
        self.answered: HeldOutAnswers | None = None
        """After the last update, where this process made it."""
        an_epoch = math.ceil(self._plan.blocks / self._plan.batch)
        self._clock = StepClock(course, an_epoch, lambda: self._tokens)

    @property
    def model(self) -> Policy:
        return self.updater.policy

    def train(self, resume_from_checkpoint: str | None = None) -> None:
        """The weights have been put back already."""
        if resume_from_checkpoint is not None:
            self._go_on_from(Path(resume_from_checkpoint))
        state, wish = self.state, self._course.wish
        self._clock.begin(state.global_step)
        epoch = self._clock.epoch(state.global_step)
        self._course.status.step(state.global_step, state.max_steps, epoch, None)
        while state.global_step < state.max_steps and not wish.asked:
            before = self._moment()
            try:
                self._update(state.global_step + 1)
            except Stopped:
                # In the middle of an update: it is made again from its beginning.
                self._save(*before)
                return
            state.global_step += 1
            step = state.global_step
            if self._clock.is_due(step) or step >= state.max_steps or wish.asked:
                self._save(*self._moment())

    def _update(self, step: int) -> None:
        settings, updater = self._settings, self.updater
        answers = self._asker.sample(self._questions(step), settings.group, settings.seed * 1_000_003 + step)
        rewards = total_rewards(self._prepared.parts, answers, settings.unended_reward)
        for dropped in rewards.dropped:
            _log.warning("update %d: %s", step, dropped.cause)
        experience = updater.experience(answers, rewards.totals)
        lesson = lesson_of(settings, experience, self.kl)
        figures = {**figures_of(experience, lesson), **_parts_told(rewards), "kl_coefficient": self.kl}
        self.signs.before_learning(experience, lesson, figures)
        self._steer(figures["kl"])
        before = [value.detach().clone() for value in self.model.learning()]
        rate = rate_at(step - 1, self._plan.warmup, self._plan.steps, settings.schedule)
        made = updater.learn(experience, lesson, rate)
        if not all(map(math.isfinite, made.values())):
            raise NotANumber("gradient", step, [answer.prompt.source for answer in answers])
        changed = any(
            not torch.equal(old, new) for old, new in zip(before, self.model.learning(), strict=True)
        )
        self.signs.after_learning(made, changed)
        self.signs.note_reward(step, figures)
        self._tell(step, answers, {**figures, **made}, rate)

    def _questions(self, step: int) -> Sequence[RlQuestion]:
        """All of them in one order of chance after another."""
        learned, wanted = self._prepared.learned, self._settings.batch // self._settings.group
        found: list[RlQuestion] = []
        for place in range((step - 1) * wanted, step * wanted):
            epoch, within = divmod(place, len(learned))
            if not found or within == 0:
                order = Random(self._settings.seed * 1_000_003 + epoch).sample(
                    range(len(learned)), len(learned)
                )
            found.append(learned[order[within]])
        return found

    def _steer(self, kl: float) -> None:
        """The coefficient rises where the policy moves away too far, and falls where it stays too near."""
        target = self._settings.kl_target
        if target is None:
            return
        if kl > _TOO_FAR * target:
            raise NaraniError("rl-kl-ran-away", kl=round(kl, 2), target=target)
        self.kl *= 1 + max(-_ERROR, min(_ERROR, kl / target - 1))

    def _tell(
        self, step: int, answers: Sequence[SampledAnswer], figures: Mapping[str, float], rate: float
    ) -> None:
        course, total = self._course, self.state.max_steps
        self._tokens += sum(len(answer.answer_ids) for answer in answers)
        measured: dict[str, float] = {}
        if step % self._settings.sample_steps == 0 or step == total:
            found = self._measure()
            measured = found.figures()
            self.answered = found if step == total else None
            course.run.add_samples(found.samples(step))
        figures = {name: round(value, 8) for name, value in {**figures, **measured}.items()}
        metric = Metric(
            at=now(),
            step=step,
            epoch=self._clock.epoch(step),
            loss=figures.get("policy_loss", 0.0) + figures.get("value_loss", 0.0),
            learning_rate=self._settings.learning_rate * rate,
            tokens_per_second=self._clock.tokens_per_second(),
            memory_bytes=memory_bytes(course.device),
            grad_norm=figures.pop("grad_norm", None),
            seconds_left=self._clock.seconds_left(step, total),
            figures=figures,
        )
        course.status.step(step, total, metric.epoch, metric)

    def _moment(self) -> tuple[Moment, dict[str, Any]]:
        """The training as it stands between two updates, and by its own counting where that is."""
        optimizer = optimizer_parts(self.updater.optimizer)
        position = {
            "step": self.state.global_step,
            "total_steps": self.state.max_steps,
            "kl_coefficient": self.kl,
            "signs": self.signs.written(),
        }
        return Moment(whole_weights(self.model), optimizer, [random_parts()], {}, None), position

    def _save(self, moment: Moment, position: Mapping[str, Any]) -> None:
        course, step = self._course, position["step"]
        course.checkpoints.save(step, lambda folder: write_checkpoint(folder, moment, position))
        course.kept = step
        self._clock.saved()

    def _go_on_from(self, folder: Path) -> None:
        position = read_position(folder)
        restore_optimizer_of(folder, self.updater.optimizer)
        self.state.global_step, self.kl = position["step"], position["kl_coefficient"]
        self.signs.go_on_from(position["signs"])


def _parts_told(rewards: Rewards) -> dict[str, float]:
    figures: dict[str, float] = {"dropped": float(len(rewards.dropped))} if rewards.dropped else {}
    for name, scores in rewards.parts.items():
        told = torch.tensor([score for score in scores if math.isfinite(score)])
        if len(told):
            figures |= {f"reward_{name}": float(told.mean()), f"reward_{name}_se": standard_error(told)}
    return figures
