"""How well a network predicts rows it does not learn from.

Knows: loss over the learned tokens of some rows, perplexity, and the fixed sentences that show forgetting.
Refuses to know: who asks, and when.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from finetune.examples import TokenRow
from finetune.tokens.blocks import NOT_LEARNED, Block
from finetune.tokens.dataset import Collator
from finetune.training.stopping import StopWish

_SENTENCES = Path(__file__).parent / "forgetting.txt"


@dataclass(frozen=True)
class Predicted:
    """How well some tokens were predicted, weighed by token."""

    loss: float
    tokens: int

    @property
    def perplexity(self) -> float:
        return math.exp(min(self.loss, 700.0))


@torch.no_grad()
def predicted(network: Any, blocks: Sequence[Block], device: torch.device, wish: StopWish) -> Predicted:
    """A block at a time, so that measuring never needs more memory than learning."""
    total, tokens = 0.0, 0
    collate = Collator(0)
    with resting(network):
        for block in blocks:
            wish.check()
            batch = collate([block.line])
            labels = batch.pop("labels").to(device)[:, 1:]
            inputs = {name: value.to(device) for name, value in batch.items()}
            logits = network(**inputs, use_cache=False).logits[:, :-1].float()
            total += float(
                functional.cross_entropy(
                    logits.flatten(0, 1), labels.flatten(), ignore_index=NOT_LEARNED, reduction="sum"
                )
            )
            tokens += int((labels != NOT_LEARNED).sum())
    return Predicted(total / max(1, tokens), tokens)


@contextmanager
def resting(network: Any) -> Iterator[None]:
    """Without dropout; learning goes on afterwards as before."""
    was_learning = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_learning)


def forgetting_rows(tokenizer: Any) -> list[TokenRow]:
    """Plain sentences that no tuning is about; each begins after the token that stands between texts."""
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    rows = []
    for number, sentence in enumerate(forgetting_sentences(), start=1):
        ids = tokenizer.backend_tokenizer.encode(sentence, add_special_tokens=False).ids
        whole = (*([start] if start is not None else []), *ids)
        rows.append(TokenRow(whole, (False, *[True] * (len(whole) - 1)), f"forgetting set, {number}"))
    return rows


def forgetting_sentences() -> list[str]:
    return [line for line in _SENTENCES.read_text(encoding="utf-8").splitlines() if line]
