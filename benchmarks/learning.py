"""Rows to learn, networks that learn them, and the barest loop: forward and backward, nothing else.

Knows: how long rows of Korean instruction data are, and a network made ready as a training makes it.
Refuses to know: how rows are batched.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from math import log
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor

from benchmarks.networks import Shape, random_network, save_random, spec_of
from benchmarks.rounds import Effort
from engines.devices import pick_device
from finetune.examples import TokenRow
from finetune.sft_settings import SftSettings
from finetune.stopping import StopWish
from finetune.tokens.blocks import Block
from finetune.tokens.dataset import Collator, as_dataset
from finetune.training.batches import TrainingBatches, training_batches
from finetune.training.learner import Learner, load_base, set_learning
from model_registry.spec import ModelSpec

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
    for count in range(max(4, effort.tokens // 8)):
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


def full_batches(settings: SftSettings, steps: int) -> TrainingBatches:
    """Rows that fill a block each, of which every token is learned: both sides then compute one loss."""
    draw, length = Random(_LIKE_THOUSANDS), settings.max_tokens
    learned = (False, *(True,) * (length - 1))
    rows = [
        TokenRow(tuple(draw.randrange(3, NEOX.vocabulary) for _ in range(length)), learned, "row")
        for _ in range(steps * (settings.batch or 1))
    ]
    return training_batches(rows, settings, settings.batching, pad_id=END_ID)


def batches_of(some: Sequence[Block], rows: int = MICRO_BATCH) -> list[Batch]:
    """Of so many rows, or blocks, each; made anew at each call, as a training makes them."""
    dataset, collator = as_dataset(some), Collator(END_ID)
    with torch.inference_mode(False):
        return [
            collator([dataset[index] for index in range(start, min(start + rows, len(some)))])
            for start in range(0, len(some), rows)
        ]


def adapted(shape: Shape, settings: SftSettings) -> Learner:
    """Random weights with LoRA layers."""
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of("base", save_random(Path(folder) / "base", shape), shape)
        return made_ready(spec, settings, "cpu")


def made_ready(spec: ModelSpec, settings: SftSettings, device: str) -> Learner:
    """As a training loads a base and sets free what its method learns."""
    with torch.inference_mode(False):
        loaded, compute = load_base(spec, settings, pick_device(device), StopWish())
        return set_learning(loaded, compute, settings, ("query_key_value",))


def optimizer_of(network: Any) -> torch.optim.Optimizer:
    with torch.inference_mode(False):
        return torch.optim.AdamW([value for value in network.parameters() if value.requires_grad], lr=1e-4)
