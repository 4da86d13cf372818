"""From logits to the next token of every row of a batch: repetition penalty, then the likeliest or a draw.

Settings, random numbers and seen tokens of the rows stand in tensors, and on a device nothing is read on the
host, so that the next step can be launched before anyone knows this token. A row's token depends on its own
logits and numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from engines.sampling import NO_TOKEN, NUMBERS_AHEAD, TokenSampler, WeighedText
from engines.steps.drawing import Draws, draw, draw_on_host

_SEEN_GRAIN = 1024
_NO_LIMIT = 1 << 40


class SamplingTables:
    """One for a model's batch, at addresses that stay while rows and seen tokens have room."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._samplers: list[TokenSampler] = []
        self._chosen: list[int] = []
        """By each of them when the tables were filled."""
        self._turns = self._most_turns = 0
        self._settings = torch.zeros(0, 3 + NUMBERS_AHEAD, dtype=torch.float64, device=device)
        """[rows]: temperature, top-p, repetition penalty, and the numbers ahead."""
        self._counts = torch.zeros(0, 3, dtype=torch.long, device=device)
        """[rows]: top-k, how many numbers were used, how many tokens were seen."""
        self._seen = torch.zeros(0, 0, dtype=torch.long, device=device)
        """[rows, room]: what the penalty is for; the last one repeated."""

    @property
    def draws(self) -> bool:
        return any(sampler.draws for sampler in self._samplers)

    @property
    def penalizes(self) -> bool:
        return any(sampler.penalizes for sampler in self._samplers)

    @property
    def turns_left(self) -> int:
        """How many more tokens a row can be given before the tables are filled anew."""
        return self._most_turns - self._turns

    def choose(self, logits: torch.Tensor, samplers: Sequence[TokenSampler]) -> list[int]:
        """The next token of each row, or NO_TOKEN; whoever hands a token out tells its sampler."""
        if not any(isinstance(sampler, WeighedText) for sampler in samplers):
            self.fill(samplers)
            tokens: list[int] = self.launch(logits).tolist()
            return tokens
        return [
            sampler.weigh(row) if isinstance(sampler, WeighedText) else self.choose(row[None], [sampler])[0]
            for row, sampler in zip(logits, samplers, strict=True)
        ]

    def fill(self, samplers: Sequence[TokenSampler], rows: int = 0) -> None:
        """Write how these choose, the first repeated up to `rows`, unless it stands there already."""
        padded = [*samplers, *[samplers[0]] * (rows - len(samplers))]
        at = [before + self._turns for before in self._chosen]
        if self._samplers == padded and [each.chosen for each in padded] == at and self.turns_left:
            return
        self._samplers, self._chosen, self._turns = padded, [each.chosen for each in padded], 0
        # Where nothing was seen, what stands for it is not penalized, and the next token must be written.
        all_seen = all(each.seen or not each.penalizes for each in padded)
        self._most_turns = NUMBERS_AHEAD if all_seen else 1
        if self.draws or self.penalizes:
            self._write(padded)
        if self.penalizes:
            self._write_seen(padded)

    def launch(self, logits: torch.Tensor) -> torch.Tensor:
        """The next token of each row [rows], NO_TOKEN where its logits are no numbers; from then on its
        number is used and it was seen."""
        self._turns += 1
        if self.penalizes:
            logits = self._penalized(logits)
        # A NaN is the greatest to `max`, so the greatest tells of the whole row.
        greatest, likeliest = logits.max(-1)
        tokens = torch.where(greatest.isfinite(), likeliest, NO_TOKEN)
        if self.draws:
            tokens = self._drawn(logits, tokens)
        if self.penalizes:
            self._see(tokens)
        return tokens

    def _drawn(self, logits: torch.Tensor, likeliest: torch.Tensor) -> torch.Tensor:
        """A draw for each row that draws; the others keep the likeliest."""
        settings, counts = self._settings[: len(logits)], self._counts[: len(logits)]
        numbers = settings[:, 3:].gather(1, counts[:, 1:2])
        counts[:, 1] += 1
        draws = Draws(settings[:, :1], counts[:, :1], settings[:, 1:2], numbers)
        if logits.device.type != "cpu":
            return torch.where((settings[:, 0] > 0) & (likeliest >= 0), draw(logits, draws), likeliest)
        for row, sampler in enumerate(self._samplers):
            if sampler.draws and likeliest[row] != NO_TOKEN:
                likeliest[row] = draw_on_host(logits[row], Draws(*(part[row : row + 1] for part in draws)))
        return likeliest

    def _penalized(self, logits: torch.Tensor) -> torch.Tensor:
        penalties = self._settings[: len(logits), 2:3].float()
        seen = self._seen[: len(logits)]
        scores = logits.gather(1, seen)
        lessened = torch.where(scores < 0, scores * penalties, scores / penalties).to(logits.dtype)
        return logits.scatter(1, seen, lessened)

    def _see(self, tokens: torch.Tensor) -> None:
        seen, counts = self._seen[: len(tokens)], self._counts[: len(tokens), 2:]
        places = torch.arange(seen.shape[1], device=seen.device)
        seen.copy_(torch.where(places >= counts, tokens.clamp(min=0)[:, None], seen))
        counts += 1

    def _write(self, samplers: Sequence[TokenSampler]) -> None:
        rows, asked = len(samplers), [each.settings for each in samplers]
        if len(self._settings) < rows:
            self._settings = self._settings.new_zeros(rows, self._settings.shape[1])
            self._counts = self._counts.new_zeros(rows, self._counts.shape[1])
        penalties = [each.settings.repetition_penalty if each.seen else 1.0 for each in samplers]
        fixed = [[how.temperature, how.top_p, at] for how, at in zip(asked, penalties, strict=True)]
        numbers = [each.numbers.ahead(each.chosen) for each in samplers]
        self._settings[:rows] = torch.cat(
            [torch.tensor(fixed, dtype=torch.float64), torch.stack(numbers)], dim=1
        ).to(self._device)
        counts = [
            [how.top_k or _NO_LIMIT, 0, len(each.seen)] for how, each in zip(asked, samplers, strict=True)
        ]
        self._counts[:rows] = torch.tensor(counts).to(self._device)

    def _write_seen(self, samplers: Sequence[TokenSampler]) -> None:
        room = max(len(each.seen) for each in samplers) + NUMBERS_AHEAD
        if self._seen.shape[0] < len(samplers) or self._seen.shape[1] < room:
            grained = -(-room // _SEEN_GRAIN) * _SEEN_GRAIN
            self._seen = self._seen.new_zeros(len(samplers), max(grained, self._seen.shape[1]))
        for row, each in enumerate(samplers):
            seen = torch.tensor(each.seen or [0])
            self._seen[row] = seen[-1]
            self._seen[row, : len(seen)] = seen
