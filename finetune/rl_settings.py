"""What learning by rewards is set by, beyond what every training is: GRPO, RLOO and PPO.

The model answers questions, each answer is rewarded, and what was rewarded more becomes likelier. A step is
an update here: `batch` answers are sampled, scored and learned from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from errors import BadRequest
from finetune.examples import Use
from finetune.rl.rewards import refuse_unreadable
from finetune.run_settings import Distributed, Ranges, RunSettings, Schedule

_USUAL_BATCH = 64
"""Answers of an update where nobody says how many."""


@dataclass(frozen=True, kw_only=True)
class RlSettings(RunSettings):
    """What all three kinds are set by."""

    ranges: ClassVar[Ranges] = {
        **RunSettings.ranges,
        "group": (1, 1024),
        "passes": (1, 64),
        "kl": (0.0, 10.0),
        "kl_target": (0.0, 1e4),
        "clip": (0.01, 1.0),
        "temperature": (0.05, 5.0),
        "max_new_tokens": (1, 32_768),
        "sample_steps": (1, 1e6),
    }
    reads: ClassVar[Use] = "prompts"
    lora_only: ClassVar[bool] = True
    shared_by: ClassVar[tuple[Distributed, ...]] = ("none",)
    usual_rate: ClassVar[float] = 5e-5

    rewards: tuple[str, ...] = ()
    """What an answer is rewarded for, each as NAME, NAME=ARGUMENT or NAME=ARGUMENT*WEIGHT, and added up:
    model=RUN (a reward model), level=familiar or level=polite, hangul, ended, no-loop, length=20-200, exact,
    contains, json. See `python -m finetune rewards`."""
    unended_reward: float | None = -1.0
    """The whole reward of an answer that did not end by itself; None: it is scored like any other."""
    batch: int | None = None
    """Answers that are sampled for one update. None: 64."""
    group: int = 8
    """Answers sampled for one question; they are compared with each other."""
    passes: int = 2
    """How often the answers of one update are learned."""
    kl: float = 0.05
    """What a token costs that moves away from the reference, the model that learning began with."""
    kl_target: float | None = None
    """The KL an answer that `kl` is steered towards; None: `kl` stays as it is."""
    clip: float = 0.2
    """A token's probability counts as moved by at most this share in one update."""
    temperature: float = 1.0
    """Of the answers that are sampled, and of the probabilities that are learned."""
    max_new_tokens: int = 128
    """The longest answer."""
    micro_batch: int = 8
    """How many answers go through the network at once while learning."""
    sample_steps: int = 5
    """Updates between two looks at the same four held-out questions, answered greedily."""
    lora_dropout: float = 0.0
    """Has to be 0: with dropout the probabilities would differ from those that were sampled with."""
    schedule: Schedule = "constant"
    """How the learning rate falls after warming up."""
    warmup: float = 0.0
    """Below 1 a share of all updates, from 1 on a number of updates."""

    def __post_init__(self) -> None:
        # Before the micro batch, which a person seldom names and which would be blamed for it.
        if self.batch is not None and self.group > 0 and self.batch % self.group:
            raise BadRequest("batch-not-groups", batch=self.batch, group=self.group, name="batch")
        super().__post_init__()
        if self.lora_dropout:
            raise BadRequest("rl-with-dropout", name="lora_dropout")
        if self.rewards:
            refuse_unreadable(self.rewards)
        if self.kl_target and not self.kl:
            raise BadRequest("rl-target-without-kl", name="kl_target")
        if self.optimizer != "adamw":
            raise BadRequest("rl-other-optimizer", optimizer=self.optimizer, name="optimizer")

    @property
    def head_tokens(self) -> int:
        return min(self.max_new_tokens, self.max_tokens)

    @property
    def sampled(self) -> int:
        return self.batch or _USUAL_BATCH

    @property
    def rewarded_for(self) -> tuple[str, ...]:
        return self.rewards

    @property
    def group_size(self) -> int:
        return self.group

    def may_change(self, begun: Mapping[str, Any]) -> frozenset[str]:
        # In another micro batch sums are rounded otherwise, and a run would not go on bit for bit.
        return super().may_change(begun) - {"micro_batch"} | {"sample_steps"}


AnyRlSettings = TypeVar("AnyRlSettings", bound=RlSettings)


@dataclass(frozen=True, kw_only=True)
class GrpoSettings(RlSettings):
    """One tuning by rewards, each answer compared with the others to its question (GRPO)."""

    kind: ClassVar[str] = "grpo"
    ranges: ClassVar[Ranges] = {**RlSettings.ranges, "group": (2, 1024)}

    scale_groups: bool = True
    """Advantages are divided by the spread of their group."""


@dataclass(frozen=True, kw_only=True)
class RlooSettings(RlSettings):
    """One tuning by rewards, each answer compared with the mean of the others to its question (RLOO)."""

    kind: ClassVar[str] = "rloo"
    ranges: ClassVar[Ranges] = {**RlSettings.ranges, "group": (2, 1024)}


@dataclass(frozen=True, kw_only=True)
class PpoSettings(RlSettings):
    """One tuning by rewards with a value head that foresees them (PPO)."""

    kind: ClassVar[str] = "ppo"
    ranges: ClassVar[Ranges] = {
        **RlSettings.ranges,
        "gamma": (0.0, 1.0),
        "gae_lambda": (0.0, 1.0),
        "value_clip": (0.01, 100.0),
        "value_learning_rate": (1e-8, 1.0),
    }

    group: int = 1
    """Answers sampled for one question."""
    gamma: float = 1.0
    """How much a reward counts one token earlier."""
    gae_lambda: float = 0.95
    """1: advantages are what came less what was foreseen; 0: each token's foresight alone."""
    value_clip: float = 0.2
    """How far the value of a token moves in one update."""
    value_learning_rate: float | None = None
    """Of the value head; None: five times the learning rate."""
