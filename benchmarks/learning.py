"""Rows to learn, and the barest loop that learns them: forward and backward, nothing else.

Knows: how long rows of Korean instruction data are, and the networks of the lines that learn.
Refuses to know: how rows are batched, and optimisers.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from random import Random
from typing import Any

import torch
from torch import Tensor

from benchmarks.networks import Shape, random_network
from benchmarks.rounds import Effort
from finetune.examples import TokenRow

NEOX = Shape("gpt_neox", hidden=256, layers=4, heads=4, intermediate=1024)
CUTOFF = 512
"""Tokens; KULLM's."""
MICRO_BATCH = 8
END_ID = 2
_MEDIAN, _SIGMA = 150, 1.0
"""Of KoAlpaca's rows: the median, and before cutting a mean of 244."""
_LIKE_THOUSANDS = 4
"""A seed with which 32 rows are as long as 4,000 are, and gain as much by packing: 2.2 times fewer places."""

Batch = dict[str, Tensor]


def some_rows(effort: Effort) -> list[TokenRow]:
    """32 at the usual effort; a third of each is its prompt."""
    draw = Random(_LIKE_THOUSANDS)
    rows = []
    for count in range(max(MICRO_BATCH, effort.tokens // 8)):
        length = min(CUTOFF, max(8, round(draw.lognormvariate(log(_MEDIAN), _SIGMA))))
        ids = [draw.randrange(3, NEOX.vocabulary) for _ in range(length - 1)]
        learned = tuple(place >= length // 3 for place in range(length))
        rows.append(TokenRow((*ids, END_ID), learned, f"row {count}"))
    return rows


def learner() -> Any:
    """All weights are learned."""
    with torch.inference_mode(False):
        return random_network(NEOX).requires_grad_(True).train()


def learn(network: Any, batches: Sequence[Batch]) -> None:
    with torch.inference_mode(False), torch.enable_grad():
        for batch in batches:
            network(**batch, use_cache=False).loss.backward()
        network.zero_grad()
