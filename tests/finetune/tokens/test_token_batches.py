"""Holds that rows see nothing of each other, packed or padded, and that no padding is learned.

Run: python -m pytest tests/finetune/tokens/test_token_batches.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from finetune.examples import TokenRow
from finetune.sft_settings import Batching
from finetune.tokens.blocks import NOT_LEARNED, Block, blocks
from finetune.tokens.dataset import Collator, as_dataset
from tests.engines.tiny_models import Kind, make_tiny_model

EOS = 2
LONGEST = 48
CLOSE = 1e-4


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def some_rows() -> list[TokenRow]:
    """The same tokens again and again, so that a row which sees another is told apart at once."""
    draw = torch.Generator().manual_seed(0)
    rows = []
    for count, length in enumerate((20, 7, 31, 11, 16, 5, 40, 23)):
        ids = torch.randint(3, 200, (length - 1,), generator=draw).tolist()
        rows.append(TokenRow((*ids, EOS), (False,) * 3 + (True,) * (length - 3), f"line {count}"))
    return rows


def network(folder: Path, kind: Kind, attention: str | None = None) -> Any:
    how = {"attn_implementation": attention} if attention else {}
    make_tiny_model(folder, kind, dtype=torch.float32)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **how).eval()


def batch_of(some: list[Block]) -> dict[str, torch.Tensor]:
    return Collator(pad_id=EOS)([dict(line) for line in as_dataset(some)])


@torch.inference_mode()
def farthest(model: Any, some: list[Block], **beside: Any) -> float:
    """The largest difference of any row's logits in this batch from its logits alone."""
    inputs = {name: value for name, value in batch_of(some).items() if name != "labels"}
    together = model(**inputs, **{"use_cache": False, **beside}).logits
    distance = 0.0
    for line, block in enumerate(some):
        start = 0
        for row in block.rows:
            alone = model(input_ids=torch.tensor([row.ids]), use_cache=False).logits[0]
            there = together[line, start : start + len(row.ids)]
            distance = max(distance, (there - alone).abs().max().item())
            start += len(row.ids)
    return distance


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", ["gpt_neox", "llama", "qwen3", "exaone4"])
def test_packed_rows_are_what_they_are_alone(tmp_path: Path, kind: Kind, attention: str) -> None:
    model = network(tmp_path, kind, attention)
    packed = blocks(some_rows(), "packed", LONGEST, seed=1)
    assert len(packed) < len(some_rows()) and len({len(block) for block in packed}) > 1
    assert farthest(model, packed) <= CLOSE
    if kind != "exaone4":  # its window of 16 hides the other rows by itself
        mask = torch.ones(len(packed), max(map(len, packed)), dtype=torch.long)
        assert farthest(model, packed, attention_mask=mask) > 0.01, "what the missing mask is for"


@pytest.mark.parametrize("batching", ["by-length", "plain"])
@pytest.mark.parametrize("kind", ["gpt_neox", "llama", "rwkv"])
def test_padded_rows_are_what_they_are_alone(tmp_path: Path, kind: Kind, batching: Batching) -> None:
    model = network(tmp_path, kind)
    assert farthest(model, blocks(some_rows(), batching, LONGEST, seed=1)[:4]) <= CLOSE


@pytest.mark.parametrize("batching", ["packed", "by-length", "plain"])
def test_padding_is_never_learned_and_the_end_token_always(batching: Batching) -> None:
    """Though both are the same token."""
    some = blocks(some_rows(), batching, LONGEST, seed=1)
    batch = batch_of(some)
    longest = max(map(len, some))
    assert all(values.shape == (len(some), longest) for values in batch.values())
    assert ("attention_mask" in batch) == (batching != "packed")
    for line, block in enumerate(some):
        assert batch["input_ids"][line].tolist() == block.input_ids + [EOS] * (longest - len(block))
        assert batch["labels"][line].tolist() == block.labels + [NOT_LEARNED] * (longest - len(block))
        if "attention_mask" in batch:
            assert batch["attention_mask"][line].sum() == len(block)
    assert (batch["labels"] == EOS).sum() == len(some_rows())


def test_lines_of_one_length_need_no_mask() -> None:
    row = some_rows()[0]
    assert "attention_mask" not in batch_of([Block((row,)), Block((row,))])


def test_a_data_set_keeps_lines_and_order() -> None:
    some = blocks(some_rows(), "packed", LONGEST, seed=1)
    dataset = as_dataset(some)
    assert dataset.column_names == ["input_ids", "labels", "position_ids"] and not dataset.cache_files
    assert list(dataset["input_ids"]) == [block.input_ids for block in some]
    assert list(dataset["labels"]) == [block.labels for block in some]
    assert list(dataset["position_ids"]) == [block.position_ids for block in some]
    assert len(as_dataset([])) == 0
