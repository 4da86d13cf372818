"""From logits to the next token of every row, each row by its own settings and its own random numbers.

Repetition penalty, temperature, top-k and top-p, then a draw by one uniform number a token. A row's token
depends on its own logits and numbers only.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import torch

from engines.base import GenerationSettings

NO_TOKEN = -1
"""It stands instead of a token where a row's logits are no numbers (NaN, infinite, or -inf throughout)."""


class SeededNumbers:
    """One answer's random numbers: the same (seed, model, prompt) always gives the same ones."""

    def __init__(self, seed: int, model_id: str, prompt: str) -> None:
        digest = hashlib.sha256(f"{seed}\0{model_id}\0{prompt}".encode("utf-8", "surrogatepass")).digest()
        self._generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)

    def next_number(self) -> float:
        return float(torch.rand((), generator=self._generator, dtype=torch.float64))


class TokenSampler:
    """How one answer chooses its tokens; remembers what it has seen when repeats are penalized."""

    def __init__(
        self, settings: GenerationSettings, numbers: SeededNumbers, prompt_ids: Sequence[int]
    ) -> None:
        self.settings = settings
        self.numbers = numbers
        self.greedy = settings.temperature == 0.0 and settings.repetition_penalty == 1.0
        """Whether it plainly takes the likeliest token."""
        self._seen = torch.tensor(sorted(set(prompt_ids)), dtype=torch.long)
        self._penalizes = settings.repetition_penalty != 1.0

    def choose(self, logits: torch.Tensor) -> int:
        """The next token from this row's logits [vocabulary], or NO_TOKEN."""
        if self._penalizes:
            logits = self._penalized(logits)
        if self.settings.temperature == 0.0:
            token = int(_likeliest(logits))
        else:
            token = draw(logits, self.settings, self.numbers.next_number())
        if self._penalizes and token != NO_TOKEN:
            self._seen = torch.unique(torch.cat([self._seen, torch.tensor([token])]))
        return token

    def _penalized(self, logits: torch.Tensor) -> torch.Tensor:
        seen = self._seen.to(logits.device)
        scores = logits[seen]
        penalty = self.settings.repetition_penalty
        return logits.index_copy(0, seen, torch.where(scores < 0, scores * penalty, scores / penalty))


def draw(logits: torch.Tensor, settings: GenerationSettings, number: float) -> int:
    """The token on which `number` (0 to 1) falls, the likeliest first, or NO_TOKEN."""
    limit = min(settings.top_k or logits.shape[-1], logits.shape[-1])
    best, tokens = torch.sort(logits.float(), descending=True, stable=True)
    # Below the best, not above nought: a temperature near nought makes nothing infinite.
    chances = torch.softmax((best[:limit].double() - best[0]) / settings.temperature, dim=-1)
    sums = chances.cumsum(-1)
    if settings.top_p < 1.0:
        kept = int((sums - chances < settings.top_p).sum())
        sums = sums[: max(kept, 1)]
    place = int(torch.searchsorted(sums, number * sums[-1], right=True))
    token = tokens[min(place, len(sums) - 1)]
    return int(torch.where(best[0].isfinite(), token, NO_TOKEN))


def choose_all(logits: torch.Tensor, samplers: Sequence[TokenSampler]) -> list[int]:
    """One token a row; the common case, all rows plainly greedy, is one operation."""
    if all(sampler.greedy for sampler in samplers):
        tokens: list[int] = _likeliest(logits).tolist()
        return tokens
    return [sampler.choose(row) for sampler, row in zip(samplers, logits, strict=True)]


def _likeliest(logits: torch.Tensor) -> torch.Tensor:
    """The greedy tokens. A NaN is the greatest to `max`, so the greatest tells of the whole row, and both
    are read from the device at once."""
    greatest, tokens = logits.max(-1)
    return torch.where(greatest.isfinite(), tokens, NO_TOKEN)
