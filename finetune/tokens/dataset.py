"""Blocks as the data set that TRL's SFTTrainer learns from as it is, their order, and batches of tensors.

Knows: the columns, what SFTConfig has to say so that they arrive, padding on the right, that a batch with
packed rows has no attention mask, and orders that depend on seed and epoch alone.
Refuses to know: every other setting of a training, and what is done with a batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from random import Random
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from datasets import Dataset
from torch import Tensor

from finetune.tokens.blocks import NOT_LEARNED, Block, shuffled

AS_THEY_ARE: dict[str, Any] = {
    "dataset_kwargs": {"skip_prepare_dataset": True},
    "remove_unused_columns": False,
    "packing": False,
    "padding_free": False,
    "max_length": None,
    "train_sampling_strategy": "sequential",
}
"""What SFTConfig is told; the reason for each stands in the room's `__init__`."""


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


BlockLine = Mapping[str, Sequence[int]]
"""input_ids, labels and position_ids of a block."""


class Collator:
    """For a DataLoader or SFTTrainer; `pad_id` may be the end token's, for padding is never learned."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, lines: Sequence[BlockLine]) -> dict[str, Tensor]:
        lengths = [len(line["input_ids"]) for line in lines]
        is_packed = any(0 in line["position_ids"][1:] for line in lines)
        # Beside packed rows each place of the padding is one row more, which nothing looks at; counted on, it
        # would look like a long row to networks that turn their positions by the longest.
        places = [0] * max(lengths) if is_packed else range(max(lengths))
        batch = {
            "input_ids": _padded([line["input_ids"] for line in lines], [self._pad_id] * max(lengths)),
            "labels": _padded([line["labels"] for line in lines], [NOT_LEARNED] * max(lengths)),
            "position_ids": _padded([line["position_ids"] for line in lines], places),
        }
        if min(lengths) < max(lengths) and not is_packed:
            ones = [[1] * length for length in lengths]
            batch["attention_mask"] = _padded(ones, [0] * max(lengths))
        return batch


def _padded(values: Sequence[Sequence[int]], padding: Sequence[int]) -> Tensor:
    return torch.tensor([[*value, *padding[: len(padding) - len(value)]] for value in values])


class EpochOrder:
    """A sampler for torch's DataLoader: first the order that the blocks stand in, then a new one an epoch.

    `multiple`: an epoch is filled up to such a number with `count` itself, which stands for no block."""

    def __init__(self, count: int, seed: int, group: int = 1, multiple: int = 1) -> None:
        self._count, self._seed, self._group = count, seed, group
        self._filler = [count] * (-count % multiple)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Trainer and accelerate, also when a training goes on in the middle."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count + len(self._filler)

    def __iter__(self) -> Iterator[int]:
        if not self._epoch:
            return iter([*range(self._count), *self._filler])
        drawn = shuffled(self._count, self._group, Random(f"{self._seed}:{self._epoch}"))
        return iter([*drawn, *self._filler])
