"""All running rows in one step that reads them from tables, so that it can be captured: each row keeps its
slot until it closes, and no key moves when another leaves.

Prompts are read as batch_stepping.py reads them; how a token is computed is the DecodeStep's (engines/steps).
A step that is launched also chooses its tokens and writes them where the next one reads them; they come to
the host while that one runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Any

import torch

from engines.batch_stepping import SlotStepper, grained
from engines.sampling import TokenSampler
from engines.stepping import DecodeRow, Limits
from engines.steps.captured_step import CapturedStep
from engines.steps.sampling_tables import SamplingTables
from engines.steps.step import DecodeStep, StepName
from engines.steps.tables import RowPlace, StepTables, bucket_of, length_class


class StaticStepper(SlotStepper):
    """For the families of families.STATIC."""

    def __init__(self, model: Any, device: torch.device, step: DecodeStep) -> None:
        super().__init__(model, device)
        self._step = step
        self.tables = StepTables(len(self._cache.layers), device)
        self._coming = _ComingTokens(device)

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
        places = self._places(tokens)
        most = self.tables.most_rows
        logits = [self._step_some(places[first : first + most]) for first in range(0, len(places), most)]
        for row in self.running:
            row.length += 1
        return logits[0] if len(logits) == 1 else torch.cat(logits)

    def launch(
        self, tokens: list[int] | None, sampling: SamplingTables, samplers: Sequence[TokenSampler]
    ) -> None:
        """One step of all running rows that chooses its tokens without the host. None: the same rows go on
        with what the step before chose."""
        bucket = bucket_of(len(self.running))
        if tokens is not None:
            self.tables.fill(self._places(tokens))
            sampling.fill(samplers, bucket)
        keys = length_class(max(row.length for row in self.running) + 1)
        logits = self._step(self.tables, bucket, keys)[:bucket]
        chosen = sampling.launch(logits)
        # Where a row is no numbers it has no token; until it is dropped it reads one that exists.
        self.tables.tokens[:bucket] = chosen.clamp(min=0)
        self.tables.lengths[:bucket] += 1
        self._coming.send(chosen[: len(self.running)], logits.dtype)
        for row in self.running:
            row.length += 1

    def collect(self) -> tuple[list[int], torch.dtype]:
        """The tokens of the first step launched and not collected yet, and the type of its logits."""
        return self._coming.take()

    def forget(self) -> None:
        """Collect nothing of what was launched."""
        self._coming = _ComingTokens(self._device)

    def close(self, row: DecodeRow) -> None:
        (self._reading if row in self._reading else self.running).remove(row)
        if not self._held():
            self._cache.drop()

    def trim(self) -> None:
        """Memory ran out: now, and only now, the rows move together."""
        if not (rows := self._held()):
            return
        for slot, row in enumerate(sorted(rows, key=lambda row: row.slot)):
            self._shift(row, slot)
        self._cache.trim(len(rows), grained(max(row.limit for row in rows), self._device))
        self.tables.point_at(self._cache)

    def _step_some(self, places: list[RowPlace]) -> torch.Tensor:
        bucket = self.tables.fill(places)
        keys = length_class(max(place.length for place in places) + 1)
        return self._step(self.tables, bucket, keys)[: len(places)]

    def _places(self, tokens: list[int]) -> list[RowPlace]:
        return [
            RowPlace(token, row.length, row.slot) for token, row in zip(tokens, self.running, strict=True)
        ]


class _ComingTokens:
    """Tokens on their way from the device to the host, the oldest first."""

    def __init__(self, device: torch.device) -> None:
        self._on_card = device.type == "cuda"
        self._coming: deque[tuple[torch.Tensor, torch.cuda.Event | None, torch.dtype]] = deque()

    def send(self, tokens: torch.Tensor, dtype: torch.dtype) -> None:
        place = torch.empty(len(tokens), dtype=torch.long, pin_memory=self._on_card)
        place.copy_(tokens, non_blocking=self._on_card)
        event = None
        if self._on_card:
            event = torch.cuda.Event()
            event.record(torch.cuda.current_stream(tokens.device))
        self._coming.append((place, event, dtype))

    def take(self) -> tuple[list[int], torch.dtype]:
        place, event, dtype = self._coming[0]
        if event is not None:
            event.synchronize()
        tokens: list[int] = place.tolist()
        self._coming.popleft()
        return tokens, dtype
