"""Drawing tokens from logits by temperature, top-k and top-p: one uniform number decides one token.

Chances are weighed in whole numbers. Their sums are exact in any order, so a row's token is the same alone
and in company, and the same whether all logits were sorted or only those on which the number may fall.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

_GREATEST_WEIGHT = 2.0**40
"""Of the likeliest token; the sum over any vocabulary stays below 2^63."""
_LOWEST = 28.0
"""So far below the greatest, in temperatures, nothing weighs anything: e^-28 is less than 2^-40."""
_BINS = 1024
_NARROWEST = 1e-30


class Draws(NamedTuple):
    """How each row draws; all [rows, 1]."""

    temperatures: torch.Tensor
    top_ks: torch.Tensor
    """The vocabulary or more where all may be drawn."""
    top_ps: torch.Tensor
    numbers: torch.Tensor
    """Uniform, from 0 up to below 1."""


def draw(logits: torch.Tensor, draws: Draws) -> torch.Tensor:
    """The token of each row [rows] on which its number falls, the likeliest first. A row that is no numbers
    gets any token. Nothing is read on the host."""
    best, tokens = torch.sort(logits.float(), descending=True, stable=True)
    weights = _weights(best, best[:, :1], draws.temperatures)
    ranks = torch.arange(best.shape[-1], device=best.device)
    sums = weights.masked_fill_(ranks >= draws.top_ks, 0).cumsum(-1)
    total = sums[:, -1:]
    limits = torch.where(draws.top_ps < 1.0, (draws.top_ps * total).ceil().long(), total)
    kept = torch.where(sums >= limits, sums, total).amin(-1, keepdim=True)
    wanted = torch.minimum((draws.numbers * kept).long(), kept - 1)
    places = (sums <= wanted).sum(-1, keepdim=True)
    return tokens.gather(-1, places.clamp_(max=best.shape[-1] - 1)).squeeze(-1)


def draw_on_host(logits: torch.Tensor, draws: Draws) -> int:
    """The same for one row [vocabulary] on the processor, where a sort costs more than all else."""
    (top_k,), (top_p,), (number,) = (part[0].tolist() for part in draws[1:])
    ordered = _Ordered(*_likeliest(logits.float(), top_k), draws.temperatures[0])
    kept = ordered.total
    if top_p < 1.0:
        kept, _ = ordered.reaching(math.ceil(top_p * kept))
    return ordered.reaching(min(int(number * kept), kept - 1) + 1)[1]


class _Ordered:
    """The likeliest tokens first, sorted only where it is asked: they are spread over bins by how far they
    lie below the greatest."""

    def __init__(self, logits: torch.Tensor, tokens: torch.Tensor | None, temperature: torch.Tensor) -> None:
        self._logits, self._tokens = logits, tokens
        below = logits.max() - logits
        self._weights = _weights(logits, logits.max(), temperature)
        widest = min(_LOWEST * float(temperature), float(below.max()))
        self._bins = below.mul_((_BINS - 1) / max(widest, _NARROWEST)).clamp_(max=_BINS - 1).long()
        sums = torch.zeros(_BINS, dtype=torch.long).scatter_add_(0, self._bins, self._weights)
        self._sums = sums.cumsum(0)
        self.total = int(self._sums[-1])

    def reaching(self, weight: int) -> tuple[int, int]:
        """The first sum that is not less than this weight, and the token that brings it there."""
        bin = int(torch.searchsorted(self._sums, weight))
        inside = (self._bins == bin).nonzero().squeeze(1)
        inside = inside[self._logits[inside].sort(descending=True, stable=True).indices]
        sums = self._weights[inside].cumsum(0)
        if bin:
            sums += self._sums[bin - 1]
        place = int(torch.searchsorted(sums, weight))
        found = inside[place]
        return int(sums[place]), int(found if self._tokens is None else self._tokens[found])


def _likeliest(logits: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
    """The logits that a stable sort would put first and their tokens, in some order that keeps equal ones in
    theirs; no tokens where it is all of them."""
    if count >= len(logits):
        return logits, None
    found = (logits >= logits.topk(count).values[-1]).nonzero().squeeze(1)
    if len(found) > count:
        found = found[logits[found].sort(descending=True, stable=True).indices[:count]]
    return logits[found], found


def _weights(logits: torch.Tensor, greatest: torch.Tensor, temperatures: torch.Tensor) -> torch.Tensor:
    """Below the greatest, not above nought: a temperature near nought makes nothing infinite."""
    return ((logits.double() - greatest) / temperatures).exp_().mul_(_GREATEST_WEIGHT).long()
