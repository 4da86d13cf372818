"""Chat templates as their makers wrote them (TRL carries copies), each on a small tokenizer with its control
tokens.

Knows: which control tokens such a model's tokenizer.json calls special, and which it only adds.
Refuses to know: what is tested with them.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import trl
from tokenizers import Regex, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tests.prompts.small_tokenizers import byte_level, fast

_TEMPLATES = Path(trl.__file__).parent / "chat_templates"
_WORDS = Regex(r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
"""As Llama 3, Qwen and their kind cut a text: line breaks never belong to the word after them."""
_THINKING = ["<think>", "</think>", "<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>"]
_QWEN = (["<|endoftext|>", "<|im_start|>", "<|im_end|>"], _THINKING)
_SOLE = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
_ROLES = "<｜User｜>", "<｜Assistant｜>"

FAMILIES: dict[str, tuple[list[str], list[str], str]] = {
    "qwen3": (*_QWEN, "<|im_end|>"),
    "qwen3_instruct_2507": (*_QWEN, "<|im_end|>"),
    "qwen3_6": (*_QWEN, "<|im_end|>"),
    "deepseek_r1_distill": ([*_SOLE], [*_ROLES, "<think>", "</think>"], _SOLE[1]),
    "glm4moe": (
        ["<|endoftext|>", "[gMASK]", "<sop>", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"],
        _THINKING,
        "<|user|>",
    ),
    "phi3": (["<|endoftext|>", "<|end|>"], ["<|system|>", "<|user|>", "<|assistant|>"], "<|end|>"),
    "llama3": (
        ["<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"],
        ["<think>", "</think>"],
        "<|eot_id|>",
    ),
}
"""Special tokens, tokens that are only added, and the end of an answer."""


@cache
def real(name: str) -> PreTrainedTokenizerFast:
    special, added, end = FAMILIES[name]
    template = (_TEMPLATES / f"{name}.jinja").read_text(encoding="utf-8")
    bos = {"bos_token": special[0]} if name in ("llama3", "deepseek_r1_distill") else {}
    tokenizer = byte_level(special, added)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Split(_WORDS, "isolated"), pre_tokenizers.ByteLevel(False, use_regex=False)]
    )
    return fast(tokenizer, template, eos_token=end, **bos)
