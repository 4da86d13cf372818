"""Random networks of a given shape, saved as a model of the hub is: config, safetensors, tokenizer.

Knows: how to make them on any device, and make them say whole Hangul characters and never an end.
Refuses to know: what is measured with them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from benchmarks.korean import ordinary
from model_registry.spec import ModelSpec

END = "<|endoftext|>"
_VOCABULARY = 2400
_CONTEXT = 2048


@dataclass(frozen=True)
class Shape:
    """What a network looks like."""

    kind: Literal["gpt_neox", "llama"]
    hidden: int
    layers: int
    heads: int
    intermediate: int
    vocabulary: int = _VOCABULARY
    dtype: torch.dtype = torch.float32
    more: Mapping[str, Any] = field(default_factory=dict)
    """Further settings of its config."""


def save_random(folder: Path, shape: Shape, seed: int = 0, device: str = "cpu") -> Path:
    """A folder that the real loader takes; the network is made on the device, where it is big."""
    disable_progress_bar()
    tokenizer = korean_tokenizer()
    network = random_network(shape, seed, device)
    network.config.eos_token_id = network.generation_config.eos_token_id = tokenizer.eos_token_id
    network.generation_config.pad_token_id = tokenizer.eos_token_id
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def random_network(shape: Shape, seed: int = 0, device: str = "cpu") -> Any:
    cards = [device] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cards), torch.inference_mode(False):
        torch.manual_seed(seed)
        network = _build(shape, device)
    _let_it_say_hangul_only(network)
    return network.eval().requires_grad_(False)


def bytes_of(shape: Shape) -> int:
    """What the weights will take, without making them."""
    return sum(tensor.nbytes for tensor in _build(shape, "meta").parameters())


def spec_of(id: str, folder: Path, shape: Shape) -> ModelSpec:
    entry: dict[str, Any] = {
        "id": id,
        "title": id,
        "source": str(folder),
        "family": "benchmark",
        "architecture": shape.kind,
        "parameters": 1,
        "context_length": _CONTEXT,
        "license": {"name": "none", "commercial": "yes"},
        "prompt_format": "koalpaca",
        "eos_token_ids": [korean_tokenizer().eos_token_id],
    }
    return ModelSpec.of_entry(entry)


@cache
def korean_tokenizer() -> PreTrainedTokenizerFast:
    """Byte-level BPE, as Polyglot's: a rare syllable is up to three tokens, a usual word is one."""
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=_VOCABULARY,
        special_tokens=["<|unused0|>", "<|sep|>", END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(ordinary().splitlines(), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False
    )


def _build(shape: Shape, device: str) -> Any:
    config_class, network_class = _CLASSES[shape.kind]
    config = config_class(
        vocab_size=shape.vocabulary,
        hidden_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        intermediate_size=shape.intermediate,
        max_position_embeddings=_CONTEXT,
        **shape.more,
    )
    with torch.device(device):
        return network_class._from_config(config, dtype=shape.dtype)


@torch.no_grad()
def _let_it_say_hangul_only(network: Any) -> None:
    """Random numbers would say broken characters and ends. A row of zeros never has the highest logit; what
    is left is one syllable a token, so that equal texts are equal tokens."""
    backend = korean_tokenizer().backend_tokenizer
    head = network.get_output_embeddings().weight
    said = [_is_syllable(backend.decode([id])) for id in range(backend.get_vocab_size())]
    silent = torch.ones(head.shape[0], dtype=torch.bool, device=head.device)
    silent[: len(said)] = ~torch.tensor(said, device=head.device)
    head[silent] = 0.0


def _is_syllable(text: str) -> bool:
    return len(text) == 1 and "가" <= text <= "힣"


_CLASSES: dict[str, tuple[Any, Any]] = {
    "gpt_neox": (GPTNeoXConfig, GPTNeoXForCausalLM),
    "llama": (LlamaConfig, LlamaForCausalLM),
}
