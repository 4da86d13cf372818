"""What a supervised tuning is set by, beyond what every training is: how rows are batched and measured.

Knows: the settings, their defaults, and what a run that goes on must keep.
Refuses to know: recipes, files, torch, and what the settings do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from finetune.run_settings import Ranges, RunSettings

Batching = Literal["packed", "by-length", "plain"]
KeptWeights = Literal["last", "best"]


@dataclass(frozen=True, kw_only=True)
class SftSettings(RunSettings):
    """One supervised tuning from base and data to a finished adapter or model."""

    kind: ClassVar[str] = "sft"
    ranges: ClassVar[Ranges] = {
        **RunSettings.ranges,
        "measure_steps": (1, 1e9),
        "patience": (1, 1e6),
    }

    batching: Batching = "packed"
    """packed: short rows share a block and see nothing of each other; by-length: rows of like length;
    plain: as they come."""
    learn_prompts: bool = False
    """Also learn the questions; usually only answers are."""
    holdout: float = 0.02
    """The share of rows kept from learning to measure with; at least 8 rows."""
    measure_steps: int | None = None
    """Steps between two measurings of the held-out rows; None: once an epoch."""
    keep: KeptWeights = "last"
    """Which weights are the result: the last ones, or the best by the held-out loss of all measurings."""
    patience: int | None = None
    """Ends after so many measurings in a row without a better held-out loss; None: learns to the end."""

    def may_change(self, begun: Mapping[str, Any]) -> frozenset[str]:
        # Batches of like length are put together by micro_batch, so there it decides the order of the rows.
        # So are those of a recurrent network, which are never packed.
        by_length = "by-length" in (self.batching, begun.get("batching"))
        return super().may_change(begun) - ({"micro_batch"} if by_length else set())
