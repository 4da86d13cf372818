"""pad-to-cutoff: the same rows learned in packed blocks, over the ko-gpts pattern, written anew.

Knows: the pattern: every row padded to the cutoff, and everything in it learned.
Refuses to know: our own way.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch

from benchmarks.learning import CUTOFF, END_ID, MICRO_BATCH, Batch, batches_of, learn, learner, some_rows
from benchmarks.rounds import Effort, Measured, paired, processor_timed
from finetune.examples import TokenRow
from finetune.tokens.blocks import blocks


def measure(effort: Effort) -> Measured:
    """How many times faster ours learns the rows."""
    network, rows = learner(), some_rows(effort)
    packed = blocks(rows, "packed", CUTOFF, seed=1)
    values = paired(
        processor_timed(lambda: learn(network, _padded_to_cutoff(rows))),
        processor_timed(lambda: learn(network, batches_of(packed))),
        effort.rounds,
    )
    answers = sum(sum(row.learned) for row in rows)
    learned = sum(int((batch["labels"] != -100).sum()) for batch in _padded_to_cutoff(rows))
    return Measured(values, notes=(f"tokens learned: {answers} of answers, {learned} in the pattern",))


def _padded_to_cutoff(rows: Sequence[TokenRow]) -> list[Batch]:
    with torch.inference_mode(False):
        return [_batch(rows[start : start + MICRO_BATCH]) for start in range(0, len(rows), MICRO_BATCH)]


def _batch(rows: Sequence[TokenRow]) -> Batch:
    ids = torch.full((len(rows), CUTOFF), END_ID)
    mask = torch.zeros_like(ids)
    for line, row in enumerate(rows):
        ids[line, : len(row.ids)] = torch.tensor(row.ids)
        mask[line, : len(row.ids)] = 1
    return {"input_ids": ids, "attention_mask": mask, "labels": ids.masked_fill(mask == 0, -100)}
