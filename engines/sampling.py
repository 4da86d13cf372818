"""What one answer chooses its tokens by: its settings, its random numbers and the tokens it has seen.

How tokens are chosen from logits stands in steps/sampling_tables.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from engines.base import GenerationSettings

NO_TOKEN = -1
"""It stands instead of a token where a row's logits are no numbers (NaN, infinite, or -inf throughout)."""
NUMBERS_AHEAD = 256
"""How many random numbers are drawn at once."""


class SeededNumbers:
    """One answer's random numbers: the same (seed, model, prompt) always gives the same ones."""

    def __init__(self, seed: int, model_id: str, prompt: str) -> None:
        digest = hashlib.sha256(f"{seed}\0{model_id}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
        self._drawn = torch.empty(0, dtype=torch.float64)
        self._before = 0

    def ahead(self, used: int) -> torch.Tensor:
        """The NUMBERS_AHEAD numbers after the first `used`, which never becomes less; the same one by one
        or at once."""
        wanted = used - self._before + NUMBERS_AHEAD - len(self._drawn)
        if wanted > 0:
            more = torch.rand(wanted, generator=self._generator, dtype=torch.float64)
            self._drawn = torch.cat([self._drawn, more])
        self._drawn, self._before = self._drawn[used - self._before :], used
        return self._drawn[:NUMBERS_AHEAD]


class TokenSampler:
    """How one answer chooses its tokens, and which it has chosen or read."""

    def __init__(
        self, settings: GenerationSettings, numbers: SeededNumbers, prompt_ids: Sequence[int]
    ) -> None:
        self.settings, self.numbers = settings, numbers
        self.penalizes = settings.repetition_penalty != 1.0
        self.draws = settings.temperature != 0.0
        self.seen = list(dict.fromkeys(prompt_ids)) if self.penalizes else []
        """With repeats of what it chose itself."""
        self.chosen = 0

    def took(self, token: int) -> None:
        """A token was chosen for this answer."""
        self.chosen += 1
        if self.penalizes:
            self.seen.append(token)


class WeighedText(TokenSampler):
    """In the place of what chooses tokens: weighs the text that is given."""

    name: str
    """Under which an answer's extras say what came of it."""
    value: float = 0.0
    is_done: bool = False

    def __init__(self, asked: TokenSampler) -> None:
        super().__init__(asked.settings, asked.numbers, [])

    def weigh(self, logits: torch.Tensor) -> int:
        """The next token that is given, or NO_TOKEN; `logits` [vocabulary] are those before it."""
        raise NotImplementedError
