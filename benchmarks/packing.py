"""packing: the same rows learned in packed blocks, over padded to the longest of their batch.

Knows: the two ways of batching, and that no row of a block may see another.
Refuses to know: the network, the rows, and how rows are packed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from benchmarks.learning import CUTOFF, MICRO_BATCH, batches_of, learn, learner, some_rows
from benchmarks.rounds import Effort, Measured, paired, processor_timed
from finetune.sft_settings import Batching
from finetune.tokens.blocks import Block, blocks

_CLOSE = 1e-4


def measure(effort: Effort) -> Measured:
    """How many times faster the packed rows are learned."""
    network, rows = learner(), some_rows(effort)
    packed, padded = _blocks(rows, "packed"), _blocks(rows, "plain")
    by_length = _blocks(rows, "by-length")
    values = paired(
        processor_timed(lambda: learn(network, batches_of(padded))),
        processor_timed(lambda: learn(network, batches_of(packed))),
        effort.rounds,
    )
    distance = _farthest(network, packed)
    broken = () if distance <= _CLOSE else (f"Logits of packed rows are {distance:.1g} off.",)
    shares = ", ".join(
        f"{name} {_filled(some):.0%}"
        for name, some in (("packed", packed), ("by-length", by_length), ("padded", padded))
    )
    return Measured(values, broken, notes=(f"logits differ by {distance:.1g}", f"no padding: {shares}"))


def _blocks(rows: Sequence[Any], batching: Batching) -> list[Block]:
    return blocks(rows, batching, CUTOFF, seed=1, micro_batch=MICRO_BATCH)


def _filled(some: Sequence[Block]) -> float:
    places = sum(batch["input_ids"].numel() for batch in batches_of(some))
    return sum(map(len, some)) / places


@torch.no_grad()
def _farthest(network: Any, some: Sequence[Block]) -> float:
    """The largest difference of a packed row's logits from its logits alone."""
    batch = batches_of(some)[0]
    together = network(
        input_ids=batch["input_ids"], position_ids=batch["position_ids"], use_cache=False
    ).logits
    distance = 0.0
    for line, block in enumerate(some[:MICRO_BATCH]):
        start = 0
        for row in block.rows:
            alone = network(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0]
            there = together[line, start : start + len(row.ids)]
            distance = max(distance, (there - alone).abs().max().item())
            start += len(row.ids)
    return distance
