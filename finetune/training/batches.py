"""What is learned, ready for the trainer: blocks in their order, and which rows stand in each.

Knows: tokens to blocks, how many of them make a step, and that every batch says which blocks it holds.
Refuses to know: data files, networks and the loop.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor

from errors import BadRequest
from finetune.examples import TokenRow
from finetune.sft_settings import Batching, SftSettings
from finetune.steps import StepPlan, Volume, plan_steps
from finetune.tokens.blocks import Block, blocks
from finetune.tokens.dataset import Collator, EpochOrder, as_dataset

BLOCK = "block"
"""The column, and the entry of a batch, that numbers the blocks."""


@dataclass(frozen=True)
class TrainingBatches:
    """All of it; several processes take it up in turns, a micro batch each."""

    blocks: tuple[Block, ...]
    batching: Batching
    micro_batch: int
    rows_a_step: int
    """Blocks that one step learns from; the last step of an epoch may have fewer."""
    pad_id: int
    seed: int
    plan: StepPlan[SftSettings]
    processes: int = 1

    @property
    def accumulated(self) -> int:
        """How often each process takes up blocks before a step."""
        return math.ceil(self.rows_a_step / self._at_once)

    @property
    def _at_once(self) -> int:
        return self.micro_batch * self.processes

    @property
    def steps_an_epoch(self) -> int:
        return math.ceil(len(self.blocks) / self.rows_a_step)

    def dataset(self) -> Dataset:
        """After the last block stands one of nothing to learn, for processes that would have none."""
        lines = (*self.blocks, *([self._nothing] if self.processes > 1 else []))
        return as_dataset(lines).add_column(BLOCK, list(range(len(lines))))

    @property
    def _nothing(self) -> Block:
        return Block((TokenRow((self.pad_id,) * 2, (False,) * 2, "nothing"),))

    def order(self) -> EpochOrder:
        group = self.micro_batch if self.batching == "by-length" else 1
        # A process must neither wait for one that has no block, nor learn a block a second time for its sake.
        multiple = self._at_once if self.processes > 1 else 1
        return EpochOrder(len(self.blocks), self.seed, group, multiple)

    def sources(self, numbers: Sequence[int]) -> list[str]:
        return [row.source for number in self._real(numbers) for row in self.blocks[number].rows]

    def tokens(self, numbers: Sequence[int]) -> int:
        return sum(len(self.blocks[number]) for number in self._real(numbers))

    def refuse_other(self, position: Mapping[str, Any], run: str) -> None:
        """A run that goes on must go on with the steps that it began with, as its checkpoint counts them."""
        rows_a_step, blocks = position.get("rows_a_step"), position.get("blocks")
        if (rows_a_step, blocks) != (self.rows_a_step, len(self.blocks)):
            raise BadRequest("run-other-blocks", run=run, blocks=blocks, rows_a_step=rows_a_step)

    def _real(self, numbers: Sequence[int]) -> list[int]:
        return [number for number in numbers if number < len(self.blocks)]


def training_batches(
    rows: Sequence[TokenRow], settings: SftSettings, batching: Batching, pad_id: int, processes: int = 1
) -> TrainingBatches:
    """`batching`: the one that is asked for, or what the network can do instead."""
    if not any(any(row.learned) for row in rows):
        raise BadRequest("answers-beyond-max-tokens", max_tokens=settings.max_tokens)
    lengths = [len(row.ids) for row in rows]
    volume = Volume(len(rows), sum(lengths), max(lengths))
    plan = plan_steps(volume, settings, packed=batching == "packed", processes=processes)
    micro = plan.settings.micro_batch
    found = blocks(rows, batching, plan.block_tokens, settings.seed, micro_batch=micro)
    plan = replace(plan, blocks=len(found))
    # A step is never more than an epoch: small sets would otherwise be learned in fewer steps than asked for.
    return TrainingBatches(tuple(found), batching, micro, plan.batch, pad_id, settings.seed, plan, processes)


class NumberingCollator:
    """The batch as it is learned, and beside it the numbers of its blocks."""

    def __init__(self, pad_id: int) -> None:
        self._collate = Collator(pad_id)

    def __call__(self, lines: Sequence[Mapping[str, Any]]) -> dict[str, Tensor]:
        return {**self._collate(lines), BLOCK: torch.tensor([line[BLOCK] for line in lines])}
