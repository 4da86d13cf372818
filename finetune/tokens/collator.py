"""Lines of a data set as one batch of tensors.

Knows: padding on the right, and that a batch with packed rows has no attention mask.
Refuses to know: where the lines come from and what is done with the batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from finetune.tokens.blocks import NOT_LEARNED

Line = Mapping[str, Sequence[int]]
"""input_ids, labels and position_ids of a block."""


class Collator:
    """For a DataLoader or SFTTrainer; `pad_id` may be the end token's, for padding is never learned."""

    def __init__(self, pad_id: int) -> None:
        self._pad_id = pad_id

    def __call__(self, lines: Sequence[Line]) -> dict[str, Tensor]:
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
