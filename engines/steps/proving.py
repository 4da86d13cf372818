"""Whether a step gives the figures of the eager one: their logits after the same fixed tokens are compared.

Eight texts are read and stepped together twice, then three of them, then two for a while, then one alone: so
every bucket of rows is tried (and, where steps are captured, replayed), spare rows and holes too. The tokens
are given, not chosen: no difference grows by being fed back, and the likeliest token of either can be
compared at every place.

Two right computations of one network differ, because sums are rounded in another order; by how much depends
on the network's depth and type. So the eager step says itself what is allowed: three times what it differs
from transformers' own reading of the same text in one piece, yet no less than a floor by type. The floors are
about twice what right kernels were seen to differ by on a card: in bfloat16 1 to 7 % of the spread, as far as
the eager step is from the same weights computed in float32. The unit is the spread (standard deviation) of a
place's logits, after their mean is taken away, which no softmax sees.
Two things are measured: the root of the mean square, of which never more than a fifth is allowed, and a sixth
of the largest single difference, because a few wrong logits among a hundred thousand would else be lost. How
far the largest stands out depends on how logits are spread, so only the eager step bounds it. Where the
likeliest token differs within that, the two stood that close, and it is counted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import torch

from engines.stepping import DecodeRow, Stepper

LONG, SHORT = 16, 2
"""Steps with two rows, and as many with one: for a proof, and for a look at what was proven before."""
WIDE, NARROW = 8, 2
"""Rows at first. The cache of two is a quarter as large, for where eight find no memory."""
_READ = (40, 23, 9, 2, 3, 5, 7, 11)
_FLOORS = {torch.float32: 1e-3, torch.float16: 2e-2, torch.bfloat16: 0.1}
_MOST = 0.2
_TIMES = 3
_FAR = 6

FixedTexts = Sequence[Sequence[int]]
Figures = list[torch.Tensor]
"""The logits [places, vocabulary] of each text, on the host."""


class Distance(NamedTuple):
    """Between the logits of two steps, in units of their spread."""

    mean: float
    """The root of the mean square."""
    largest: float
    """A sixth of the largest single one."""


@dataclass(frozen=True)
class StepProof:
    """What came of a comparison."""

    difference: float
    allowed: float
    others: int = 0
    """Places where another token was likeliest."""

    @property
    def holds(self) -> bool:
        return self.difference <= self.allowed

    @property
    def is_finite(self) -> bool:
        return math.isfinite(self.difference)


def fixed_texts(vocabulary: int, steps: int, rows: int = WIDE) -> FixedTexts:
    """The same for every model of that vocabulary; they need not mean anything."""
    lengths = [_READ[row] + _lives(row, steps) for row in range(rows)]
    return [[(7919 * place + 104729) % vocabulary for place in range(end - length, end)]
            for end, length in zip(accumulate(lengths), lengths, strict=True)]  # fmt: skip


def _lives(row: int, steps: int) -> int:
    """In how many steps it takes part: two with all, two with three rows, then with two, then alone."""
    return (4 + steps, 4 + 2 * steps, 4)[row] if row < 3 else 2


def answered(stepper: Stepper, texts: FixedTexts, steps: int) -> Figures:
    """What the network says after each token from the last that is read on."""
    rows: list[DecodeRow] = []
    said: list[list[torch.Tensor]] = []
    limits = [len(text) for text in texts]
    for number, text in enumerate(texts):
        rows.append(stepper.open(limits[number], limits[number + 1 :]))
        said.append([_on_host(stepper.read(rows[-1], list(text[: _READ[number]])))])
        stepper.start(rows[-1])
    for step in range(1, 1 + max(_lives(number, steps) for number in range(len(texts)))):
        running = [rows.index(row) for row in stepper.running]
        tokens = [texts[which][rows[which].length] for which in running]
        for which, logits in zip(running, stepper.step(tokens), strict=True):
            said[which].append(_on_host(logits))
        for number, row in enumerate(rows):
            if _lives(number, steps) == step:
                stepper.close(row)
    return [torch.stack(places) for places in said]


def allowance(eager: Stepper, texts: FixedTexts, said: Figures, dtype: torch.dtype) -> Distance:
    """How much a candidate may differ from what the eager step `said`."""
    in_one_piece = []
    for text in texts:
        row = eager.open(len(text))
        in_one_piece.append(_on_host(eager.read(row, list(text)))[None])
        eager.close(row)
    own, floor = difference([places[-1:] for places in said], in_one_piece), _FLOORS.get(dtype, _MOST)
    return Distance(min(max(_TIMES * own.mean, floor), _MOST), max(_TIMES * own.largest, floor))


def compared(found: Figures, expected: Figures, allowed: Distance) -> StepProof:
    """Told by the distance that comes closer to what is allowed of it."""
    pairs = list(zip(found, expected, strict=True))
    others = sum(int((mine.argmax(-1) != theirs.argmax(-1)).sum()) for mine, theirs in pairs)
    told = max(zip(difference(found, expected), allowed, strict=True), key=lambda pair: pair[0] / pair[1])
    return StepProof(*told, others)


def difference(found: Figures, expected: Figures) -> Distance:
    """The largest of any place; infinite where a figure is no number."""
    mine, theirs = torch.cat(found), torch.cat(expected)
    if not bool(torch.isfinite(mine).all()):
        return Distance(math.inf, math.inf)
    off = mine - theirs
    off, spread = off - off.mean(-1, keepdim=True), theirs.std(-1)
    mean, largest = off.square().mean(-1).sqrt() / spread, off.abs().amax(-1) / _FAR / spread
    return Distance(float(mean.max()), float(largest.max()))


def _on_host(logits: torch.Tensor) -> torch.Tensor:
    """Copied at once: a captured step writes its next logits into the same place."""
    return logits.detach().to("cpu", torch.float32, copy=True)
