"""All running rows in one step that reads them from tables, so that it can be captured: each row keeps its
slot until it closes, and no key moves when another leaves.

Prompts are read as batch_stepping.py reads them; how a token is computed is the DecodeStep's (engines/steps).
"""

from __future__ import annotations

from typing import Any

import torch

from engines.batch_stepping import SlotStepper, grained
from engines.stepping import DecodeRow, Limits
from engines.steps.captured_step import CapturedStep
from engines.steps.step import DecodeStep, StepName
from engines.steps.tables import RowPlace, StepTables, length_class


class StaticStepper(SlotStepper):
    """For the families of families.STATIC."""

    def __init__(self, model: Any, device: torch.device, step: DecodeStep) -> None:
        super().__init__(model, device)
        self._step = step
        self.tables = StepTables(len(self._cache.layers), device)

    @property
    def name(self) -> StepName:
        return self._step.name

    @property
    def failed(self) -> str | None:
        """Why its step is not captured any more, where it should be."""
        return self._step.failed if isinstance(self._step, CapturedStep) else None

    def kept_bytes(self) -> int:
        return self.tables.nbytes + (self._step.nbytes if isinstance(self._step, CapturedStep) else 0)

    def open(self, limit: int, next_limits: Limits = ()) -> DecodeRow:
        try:
            return super().open(limit, next_limits)
        finally:
            self.tables.point_at(self._cache)

    def start(self, row: DecodeRow) -> None:
        super().start(row)
        self.tables.point_at(self._cache)

    def step(self, tokens: list[int]) -> torch.Tensor:
        places = [
            RowPlace(token, row.length, row.slot) for token, row in zip(tokens, self.running, strict=True)
        ]
        most = self.tables.most_rows
        logits = [self._step_some(places[first : first + most]) for first in range(0, len(places), most)]
        for row in self.running:
            row.length += 1
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    def close(self, row: DecodeRow) -> None:
        if row is self._reading:
            self._reading = None
        else:
            self.running.remove(row)
        if not self._held():
            self._cache.drop()

    def trim(self) -> None:
        """Memory ran out: now, and only now, the rows move together."""
        if not (rows := self._held()):
            return
        for slot, row in enumerate(sorted(rows, key=lambda row: row.slot)):
            self._shift(row, slot)
        self._cache.trim(len(rows), grained(max(row.limit for row in rows)))
        self.tables.point_at(self._cache)

    def _step_some(self, places: list[RowPlace]) -> torch.Tensor:
        bucket = self.tables.fill(places)
        keys = length_class(max(place.length for place in places) + 1)
        return self._step(self.tables, bucket, keys)[: len(places)]
