"""The prompts that a batch is reading, apart from the batch, which decides who joins it: a long one chunk by
chunk, or, where the stepper can, several short ones in one pass.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engines.fused_stepping import FusedBatchStepper
from engines.sequence import Sequence
from engines.stepping import DecodeRow, Stepper

_TOGETHER = 128
"""Tokens of a pass. One costs a processor a third less than in 32, and no more than in 512."""


@dataclass(eq=False)
class _Prompt:
    row: DecodeRow
    sequence: Sequence
    read: int = 0
    """Tokens."""

    @property
    def left(self) -> int:
        return len(self.sequence.prompt_ids) - self.read


class PromptReading:
    """Of one batch."""

    def __init__(self, stepper: Stepper) -> None:
        self._stepper = stepper
        self._prompts: list[_Prompt] = []

    def __len__(self) -> int:
        return len(self._prompts)

    @property
    def sequences(self) -> list[Sequence]:
        return [prompt.sequence for prompt in self._prompts]

    @property
    def next_tokens(self) -> int:
        """That the next pass reads."""
        return min(sum(prompt.left for prompt in self._prompts), self._stepper.chunk)

    def takes(self, sequence: Sequence) -> bool:
        """Whether it can be read in one pass with those that are here."""
        if not self._prompts:
            return True
        tokens = sum(prompt.left for prompt in self._prompts) + len(sequence.prompt_ids)
        is_begun = self._prompts[0].read > 0
        return isinstance(self._stepper, FusedBatchStepper) and not is_begun and tokens <= _TOGETHER

    def add(self, row: DecodeRow, sequence: Sequence) -> None:
        self._prompts.append(_Prompt(row, sequence))

    def read(self) -> torch.Tensor | None:
        """One pass: the logits [prompts, vocabulary] after each, or nothing while one is not read whole. It
        may be asked again until they start, as when memory ran out behind it."""
        for prompt in self._prompts:
            prompt.row.length = prompt.read
        if isinstance(self._stepper, FusedBatchStepper) and len(self._prompts) > 1:
            rows = [prompt.row for prompt in self._prompts]
            return self._stepper.read_together(rows, [s.prompt_ids for s in self.sequences])
        (prompt,) = self._prompts
        end = prompt.read + self.next_tokens
        logits = self._stepper.read(prompt.row, prompt.sequence.prompt_ids[prompt.read : end])
        if end == len(prompt.sequence.prompt_ids):
            return logits[None]
        prompt.read = end
        return None

    def start(self) -> dict[DecodeRow, Sequence]:
        """All are read: they run from now on."""
        started = {prompt.row: prompt.sequence for prompt in self._prompts}
        for row in started:
            self._stepper.start(row)
        self._prompts.clear()
        return started

    def drop_ended(self) -> None:
        for prompt in [prompt for prompt in self._prompts if prompt.sequence.ended]:
            self._stepper.close(prompt.row)
            self._prompts.remove(prompt)

    @property
    def progress(self) -> float:
        """Of the one that is not read whole."""
        (prompt,) = self._prompts
        return prompt.read / len(prompt.sequence.prompt_ids)
