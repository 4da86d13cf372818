"""What a tuning on preferences is set by, beyond what every training is: pairs (DPO) and thumbs (KTO).

Both learn without a reward model: an answer's probability rises or falls against a reference, the model that
learning began with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from finetune.examples import Use
from finetune.run_settings import Distributed, Ranges, RunSettings

PairLoss = Literal["sigmoid", "hinge", "ipo", "orpo", "simpo"]


@dataclass(frozen=True, kw_only=True)
class PreferenceSettings(RunSettings):
    """What both kinds are set by."""

    ranges: ClassVar[Ranges] = {**RunSettings.ranges, "beta": (1e-4, 100.0)}
    reads: ClassVar[Use] = "pairs"
    lora_only: ClassVar[bool] = True
    usual_rate: ClassVar[float] = 2e-5
    usual_epochs: ClassVar[float] = 2.0
    shared_by: ClassVar[tuple[Distributed, ...]] = ("none", "ddp")

    learning_rate: float | None = None
    """None: 2e-5, a tenth of supervised tuning's: probabilities are easily pushed too far."""
    epochs: float | None = None
    """How often all rows are learned. None: twice, and more often where that makes too few steps."""
    lora_dropout: float = 0.0
    """The share of LoRA inputs dropped while learning."""
    beta: float = 0.1
    """How much an answer's probability may move away from the reference: larger stays nearer."""

    @property
    def without_reference(self) -> bool:
        """Whether nothing is compared with a reference while learning."""
        return False


@dataclass(frozen=True, kw_only=True)
class DpoSettings(PreferenceSettings):
    """One tuning on pairs of a better and a worse answer (direct preference optimization)."""

    kind: ClassVar[str] = "dpo"
    answers_each: ClassVar[int] = 2
    ranges: ClassVar[Ranges] = {
        **PreferenceSettings.ranges,
        "sft_weight": (0.0, 100.0),
        "length_weight": (0.0, 1.0),
        "simpo_margin": (0.0, 100.0),
    }

    loss: PairLoss = "sigmoid"
    """How a pair is learned. sigmoid: DPO; hinge and ipo: gentler where a pair is told apart already; orpo
    and simpo: without a reference."""
    sft_weight: float = 1.0
    """How strongly the better answer itself is learned beside the difference; without it (0) both answers can
    become unlikely, and the model says neither."""
    length_weight: float = 1.0
    """How much of an answer beyond the length of the shorter one counts; below 1 long answers win less by
    their length alone."""
    simpo_margin: float = 0.5
    """With simpo: how much better the better answer has to be."""

    @property
    def without_reference(self) -> bool:
        return self.loss in ("orpo", "simpo")


@dataclass(frozen=True, kw_only=True)
class KtoSettings(PreferenceSettings):
    """One tuning on single answers that were found good or bad (Kahneman-Tversky optimization)."""

    kind: ClassVar[str] = "kto"
    reads: ClassVar[Use] = "labeled"
    ranges: ClassVar[Ranges] = {
        **PreferenceSettings.ranges,
        "good_weight": (0.0, 100.0),
        "bad_weight": (0.0, 100.0),
    }

    good_weight: float = 1.0
    """How much a good answer counts."""
    bad_weight: float = 1.0
    """How much a bad answer counts."""
