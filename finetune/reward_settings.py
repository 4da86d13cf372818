"""What the training of a reward model is set by, beyond what every training is.

A reward model reads a question with an answer and says in one number how good the answer is. It learns from
pairs of answers of which people found one better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from finetune.examples import Use
from finetune.run_settings import Distributed, Ranges, RunSettings


@dataclass(frozen=True, kw_only=True)
class RewardSettings(RunSettings):
    """One reward model, from a base and pairs of answers to a model that scores answers."""

    kind: ClassVar[str] = "reward"
    ranges: ClassVar[Ranges] = {**RunSettings.ranges, "center": (0.0, 10.0)}
    reads: ClassVar[Use] = "pairs"
    lora_only: ClassVar[bool] = True
    answers_each: ClassVar[int] = 2
    shared_by: ClassVar[tuple[Distributed, ...]] = ("none", "ddp")

    lora_dropout: float = 0.0
    """The share of LoRA inputs dropped while learning."""
    center: float = 0.01
    """How strongly scores are pulled towards zero, so that those of different questions compare; 0: not."""

    @property
    def head_tokens(self) -> int:
        return 0
