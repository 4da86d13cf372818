"""Steps whose tokens are still on the device, apart from the batch so that it only asks for what has come.

A step is launched before the tokens of the one before are known, so a card never waits for the host to read
them. The rows stay the same from the first step launched to the last one collected.
"""

from __future__ import annotations

from collections import deque

import torch

from engines.sampling import WeighedText
from engines.sequence import Sequence
from engines.static_stepping import StaticStepper
from engines.stepping import DecodeRow, Stepper
from engines.steps.sampling_tables import SamplingTables


class LaunchedSteps:
    """Of one batch; none where the stepper cannot launch."""

    def __init__(self, stepper: Stepper, sampling: SamplingTables) -> None:
        self._stepper = stepper if isinstance(stepper, StaticStepper) else None
        self._sampling = sampling
        self._rows: deque[list[DecodeRow]] = deque()

    def __len__(self) -> int:
        return len(self._rows)

    def may_launch(self, running: dict[DecodeRow, Sequence]) -> bool:
        """Whether one more step can choose without the host, and nobody would be given too many tokens."""
        if self._stepper is None or len(running) > self._stepper.tables.most_rows:
            return False
        if self._rows and not self._sampling.turns_left:
            return False
        return not any(
            isinstance(sequence.sampler, WeighedText) or sequence.tokens_left <= len(self._rows)
            for sequence in running.values()
        )

    def launch(self, running: dict[DecodeRow, Sequence]) -> None:
        assert self._stepper is not None, "only what can be launched is"
        rows = list(self._stepper.running)
        tokens = None if self._rows else [running[row].last_token for row in rows]
        self._stepper.launch(tokens, self._sampling, [running[row].sampler for row in rows])
        self._rows.append(rows)

    def collect(self) -> tuple[list[DecodeRow], list[int], torch.dtype]:
        """Rows, tokens and the type of the logits of the oldest step."""
        assert self._stepper is not None, "only a launched step is collected"
        tokens, dtype = self._stepper.collect()
        return self._rows.popleft(), tokens, dtype

    def forget(self) -> None:
        """Collect nothing of what was launched."""
        if self._stepper is not None and self._rows:
            self._stepper.forget()
        self._rows.clear()
