"""Blocks as the data set that TRL's SFTTrainer learns from without touching it.

Knows: the columns, and what SFTConfig has to say so that they arrive.
Refuses to know: every other setting of a training.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from datasets import Dataset

from finetune.tokens.blocks import Block

AS_THEY_ARE: dict[str, Any] = {
    "dataset_kwargs": {"skip_prepare_dataset": True},
    "remove_unused_columns": False,
    "packing": False,
    "padding_free": False,
    "max_length": None,
    "train_sampling_strategy": "sequential",
}
"""For SFTConfig; the reason for each stands in the room's `__init__`."""


def as_dataset(blocks: Sequence[Block]) -> Dataset:
    """In memory, nothing in a cache folder; a line each, in the same order."""
    return Dataset(
        pa.table(
            {
                "input_ids": _column(block.input_ids for block in blocks),
                "labels": _column(block.labels for block in blocks),
                "position_ids": _column(block.position_ids for block in blocks),
            }
        )
    )


def _column(lists: Iterable[list[int]]) -> pa.Array:
    kept = [np.array(values, dtype=np.int32) for values in lists]
    offsets = np.cumsum([0, *(len(values) for values in kept)], dtype=np.int32)
    return pa.ListArray.from_arrays(offsets, np.concatenate([np.empty(0, np.int32), *kept]))
