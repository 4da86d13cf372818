"""Holds that TRL's SFTTrainer learns our blocks exactly as they are, in our order.

Run: python -m pytest tests/finetune/tokens/test_token_trl.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import SFTConfig, SFTTrainer

from finetune.examples import Example
from finetune.sft_settings import Batching
from finetune.tokens.blocks import Block, blocks
from finetune.tokens.dataset import AS_THEY_ARE, Collator, EpochOrder, as_dataset
from finetune.tokens.rows import token_rows
from prompts.catalog import load_formats
from prompts.conversation import Conversation
from tests.engines.tiny_models import Kind, make_tiny_model


class Watched(Collator):
    """Remembers what a training was given."""

    def __init__(self, pad_id: int) -> None:
        super().__init__(pad_id)
        self.seen: list[list[list[int]]] = []

    def __call__(self, lines: Any) -> Any:
        self.seen.append([list(line["input_ids"]) for line in lines])
        return super().__call__(lines)


class InOrder(SFTTrainer):
    """As the docstring of the room says."""

    order: EpochOrder

    def _get_train_sampler(self, train_dataset: Any = None) -> Any:
        return self.order


@torch.no_grad()
def own_loss(model: Any, some: list[Block], pad_id: int) -> float:
    batch = Collator(pad_id)([dict(line) for line in as_dataset(some)])
    labels = batch.pop("labels")
    logits = model(**batch, use_cache=False).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten()).item()


@pytest.mark.parametrize(
    ("kind", "batching"), [("gpt_neox", "packed"), ("llama", "by-length"), ("rwkv", "by-length")]
)
def test_the_trainer_learns_the_blocks_as_they_are(tmp_path: Path, kind: Kind, batching: Batching) -> None:
    torch.set_num_threads(1)
    make_tiny_model(tmp_path / "base", kind, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "base")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "base", dtype=torch.float32)
    talks = (Conversation.ask("왜? " * (count % 4)).answered("네 " * (count % 5 + 1)) for count in range(9))
    examples = [Example(talk, "data") for talk in talks]
    koalpaca = load_formats().get("koalpaca")
    made = token_rows(examples, koalpaca, tokenizer, tokenizer.eos_token, max_tokens=96, learn_prompts=False)
    some = blocks(made.rows, batching, 96, seed=1, micro_batch=2)
    expected = own_loss(model, some[:2], tokenizer.pad_token_id)
    settings = SFTConfig(
        str(tmp_path / "out"),
        **AS_THEY_ARE,
        per_device_train_batch_size=2,
        num_train_epochs=2,
        logging_steps=1,
        bf16=False,
        use_cpu=True,
        gradient_checkpointing=False,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
    )
    watched = Watched(tokenizer.pad_token_id)
    dataset = as_dataset(some)
    trainer = InOrder(model, settings, watched, dataset, processing_class=tokenizer)
    assert trainer.train_dataset is dataset
    trainer.order = EpochOrder(len(some), seed=1, group=2)
    trainer.train()
    assert trainer.state.log_history[0]["loss"] == pytest.approx(expected, abs=1e-4)
    order = EpochOrder(len(some), seed=1, group=2)
    wanted = list(order)
    order.set_epoch(1)
    wanted += list(order)
    assert [ids for batch in watched.seen for ids in batch] == [some[index].input_ids for index in wanted]
