"""The best weights so far by the held-out loss, and whether learning still brings better ones.

Knows: what counts as progress, how it goes into a checkpoint, and how the best weights become the result.
Refuses to know: how and when anything is measured.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch.nn import Module

from errors.note import Note
from finetune.distributed.process_group import ProcessGroup
from finetune.training.checkpoint_files import restore_weights
from finetune.training.checkpoints import Checkpoints, fault_of

_KEPT = ("step", "loss", "in_vain", "measured")


@dataclass
class Best:
    keep: bool
    """The best weights are the result, not the last."""
    patience: int | None
    """After so many measurings without progress it ends; None: never."""
    step: int | None = None
    loss: float | None = None
    in_vain: int = 0
    """Measurings since the best one."""
    measured: int = 0
    """The step of the last measuring."""
    fault: str | None = None
    """Why the best weights cannot be the result."""

    @property
    def wanted(self) -> bool:
        return self.keep or self.patience is not None

    @property
    def worn_out(self) -> bool:
        return self.patience is not None and self.in_vain >= self.patience

    def take(self, step: int, loss: float) -> bool:
        """Whether the weights as they are now have to be kept."""
        self.measured = step
        if not math.isfinite(loss) or (self.loss is not None and loss >= self.loss):
            self.in_vain += 1
            return False
        self.step, self.loss, self.in_vain = step, loss, 0
        return self.keep

    def written(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _KEPT}

    def go_on_from(self, held: Mapping[str, Any]) -> None:
        for name in _KEPT:
            setattr(self, name, held.get(name, getattr(self, name)))

    def put_back(self, last: int, checkpoints: Checkpoints, network: Module, group: ProcessGroup) -> None:
        """Into the network; `last`: the step after which it stands now."""
        if not self.keep or self.step in (None, last):
            return
        path = checkpoints.at(self.step or 0)
        self.fault = group.first_only(lambda: fault_of(path))
        if self.fault is None:
            restore_weights(path, network)

    def facts(self, last: int) -> dict[str, Any]:
        """What the report tells of it."""
        is_best = self.keep and self.step is not None and self.fault is None
        return {
            "kept_step": self.step if is_best else last,
            "ended": "no-progress" if self.worn_out else "all-steps",
        }

    def notes(self, last: int) -> Iterator[Note]:
        if self.worn_out:
            yield Note("note-ended-early", step=last, count=self.in_vain)
        if self.fault is not None:
            yield Note("note-best-unreadable", step=self.step, why=self.fault)
        elif self.keep and self.loss is not None:
            yield Note("note-best-kept", step=self.step, last=last, loss=self.loss)
