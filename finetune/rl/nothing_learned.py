"""The signs that a learning by rewards learns nothing, each said in a sentence instead of a zero in a log.

A policy that is held against itself, a value head that is the reward model, a reward that tells nothing
apart: none of these is an error to a computer, and all of them run to the end without one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch

from errors import Cause, NaraniError
from finetune.rl.updates import NOTHING, Experience, Lesson

_log = logging.getLogger(__name__)
_IN_A_ROW = 5
"""Updates of one question each may well all be rewarded alike, but not as many as these."""
_FLAT = 10
"""The updates over which a reward should rise."""


class NothingLearned(NaraniError):
    """Going on would change nothing, or nothing for the better."""

    category = "nothing-learned"


@dataclass
class Signs:
    """What has been seen so far; it stands in each checkpoint."""

    alike: int = 0
    """Updates in a row whose answers were all rewarded alike."""
    endless: int = 0
    """Updates in a row in which no answer ended."""
    differed: bool = False
    """Whether the answers of any update were rewarded differently."""
    learned: bool = False
    """Whether any update changed weights."""
    rewards: list[tuple[float, float]] = field(default_factory=list)
    """Mean and standard error of the last updates."""

    def written(self) -> dict[str, Any]:
        return asdict(self)

    def go_on_from(self, held: Mapping[str, Any]) -> None:
        for name, value in held.items():
            setattr(self, name, value)

    def before_learning(self, experience: Experience, lesson: Lesson, figures: Mapping[str, float]) -> None:
        rewards = experience.rewards[experience.kept]
        differ = float(rewards.amax() - rewards.amin()) > NOTHING
        self.endless = 0 if figures["ended"] else self.endless + 1
        self.differed = self.differed or differ
        # A value head that does not foresee a constant reward yet makes advantages of nothing.
        self.alike = self.alike + 1 if lesson.empty or not self.differed else 0
        if self.endless >= _IN_A_ROW:
            raise NothingLearned("rl-never-ends", updates=self.endless)
        if differ and lesson.equal is None and lesson.empty:
            raise NothingLearned("rl-critic-is-reward")
        if self.learned and figures["kl"] == 0:
            raise NothingLearned("rl-kl-stays-zero")
        if self.alike >= _IN_A_ROW:
            code = "rl-rewards-alike" if lesson.equal is None else "rl-groups-alike"
            raise NothingLearned(code, updates=self.alike, reward=figures["reward"])

    def after_learning(self, made: Mapping[str, float], changed: bool) -> None:
        """`made`: figures of the passes, none where there was nothing to learn."""
        if made and not made["grad_norm"]:
            raise NothingLearned("rl-gradient-zero")
        if made and not changed:
            raise NothingLearned("rl-adapter-unchanged")
        self.learned = self.learned or bool(made)

    def note_reward(self, step: int, figures: Mapping[str, float]) -> None:
        """Warns where it has not risen, which is no error: it may be as high as it can be."""
        self.rewards = [*self.rewards, (figures["reward"], figures["reward_se"])][-_FLAT:]
        if step % _FLAT == 0 and (flat := self.flat()):
            _log.warning(str(flat))

    def why_not(self, ended: float) -> Cause | None:
        """Why held-out answers may be no better after all updates. `ended`: the share of them that end."""
        if self.endless and not ended:
            return Cause("rl-never-ends", updates=self.endless)
        return self.flat()

    def flat(self) -> Cause | None:
        if len(self.rewards) < _FLAT:
            return None
        means, errors = torch.tensor(self.rewards).T.view(2, 2, -1).unbind(0)
        risen = float(means[1].mean() - means[0].mean())
        noise = float((errors.square().sum(1) / errors.shape[1] ** 2).sum().sqrt())
        return (
            Cause("rl-reward-flat", updates=_FLAT, reward=float(means[1].mean())) if risen < noise else None
        )
