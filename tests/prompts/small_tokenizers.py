"""Real fast tokenizers of a few hundred tokens, each with the habits of a family.

Knows: how Llama 3, Qwen, Gemma, Llama 2, GPT-NeoX and unigram tokenizers treat spaces and added tokens.
Refuses to know: what is tested with them.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "한국의 수도는 서울입니다. 부산은 항구 도시입니다. 아래는 작업을 설명하는 명령어입니다.",
    "### 질문: 김치찌개를 끓이는 법은?\n\n### 답변: 김치를 볶고 물을 붓습니다.",
    "Below is an instruction that describes a task. <b>a</b> </s> <s> user assistant\n\n    code",
    "### User\n### Bot\nUSER: ASSISTANT: [|user|] [|assistant|] <|im| end| endoftext|> <think> </think>",
] * 3

LLAMA3 = (
    "{{ bos_token }}{% for m in messages %}<|start_header_id|>{{ m['role'] }}<|end_header_id|>\n\n"
    "{{ m['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
CHATML = (
    "{% for m in messages %}{% set text = m['content'] %}"
    "{% if m['role'] == 'assistant' and '</think>' in text %}"
    "{% set text = text.split('</think>')[-1].lstrip('\\n') %}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\\n' + text + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}"
    "{% if enable_thinking is defined and enable_thinking is false %}"
    "{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}"
    "{{ raise_exception('System role not supported') }}{% endif %}{% for m in messages %}"
    "{% set role = 'model' if m['role'] == 'assistant' else m['role'] %}"
    "{{ '<start_of_turn>' + role + '\\n' + m['content'] | trim + '<end_of_turn>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}"
)


def byte_level(special: list[str], plain: list[str] = (), **model: Any) -> Tokenizer:  # type: ignore[assignment]
    tokenizer = Tokenizer(models.BPE(**model))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(CORPUS, trainer)
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in plain])
    return tokenizer


def _with_bytes(tokenizer: Tokenizer, first: list[str], merges: list[tuple[str, str]]) -> Tokenizer:
    """As converted from sentencepiece: control tokens and bytes among its words, and merges reaching them."""
    data = json.loads(tokenizer.to_str())
    model = data["model"]
    letters = [letter for pair in merges for letter in pair] + [left + right for left, right in merges]
    texts = [*first, *(f"<0x{byte:02X}>" for byte in range(256)), *model["vocab"], *letters]
    model["vocab"] = {text: id for id, text in enumerate(dict.fromkeys(texts))}
    model["merges"] = [*model["merges"], *merges]
    model.update(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    return Tokenizer.from_str(json.dumps(data))


def _sentencepiece(normalizer: Any, pre_tokenizer: Any, strips_space: bool) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre_tokenizer
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    reaching = [("<", "/"), ("s", ">"), ("</", "s>"), ("<", "b"), ("<b", ">")]
    tokenizer = _with_bytes(tokenizer, ["<unk>", "<s>", "</s>"], reaching)
    steps = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*steps, *([decoders.Strip(" ", 1, 0)] if strips_space else [])])
    tokenizer.add_special_tokens(
        [AddedToken(t, normalized=False, special=True) for t in ("<unk>", "<s>", "</s>")]
    )
    return tokenizer


def _first(tokenizer: Tokenizer, before: str, after: str = "") -> Tokenizer:
    tokens = [(text, tokenizer.token_to_id(text)) for text in (before, after) if text]
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{before} $A {after}".strip(), special_tokens=tokens
    )
    return tokenizer


def llama3() -> PreTrainedTokenizerFast:
    special = [
        "<|begin_of_text|>",
        "<|start_header_id|>",
        "<|end_header_id|>",
        "<|eot_id|>",
        "<|end_of_text|>",
    ]
    tokenizer = _first(byte_level(special, ignore_merges=True), "<|begin_of_text|>")
    return fast(tokenizer, LLAMA3, bos_token="<|begin_of_text|>", eos_token="<|eot_id|>")


def chatml() -> PreTrainedTokenizerFast:
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = byte_level(special, ["<think>", "</think>", "<tool_call>", "    "])
    return fast(tokenizer, CHATML, eos_token="<|im_end|>")


def gemma() -> PreTrainedTokenizerFast:
    tokenizer = _sentencepiece(normalizers.Replace(" ", "▁"), None, strips_space=False)
    special = ["<bos>", "<eos>", "<start_of_turn>", "<end_of_turn>"]
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in special])
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in ("\n", "\n\n", "▁▁", "<b>")])
    return fast(_first(tokenizer, "<bos>"), GEMMA, bos_token="<bos>", eos_token="<eos>")


def llama2() -> PreTrainedTokenizerFast:
    """Ends what it encodes with eos by itself, which a prompt must not."""
    before = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer = _first(_sentencepiece(before, None, strips_space=True), "<s>", "</s>")
    return fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def metaspace() -> PreTrainedTokenizerFast:
    space = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer = _first(_sentencepiece(None, space, strips_space=True), "<s>")
    return fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def neox() -> PreTrainedTokenizerFast:
    """Tokens that swallow the spaces beside them, one not special."""
    tokenizer = byte_level(["<|endoftext|>", "<|sep|>"])
    tokenizer.add_special_tokens([AddedToken("<|end|>", rstrip=True, normalized=False, special=True)])
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True, normalized=True)])
    return fast(tokenizer, eos_token="<|endoftext|>")


def unigram() -> PreTrainedTokenizerFast:
    """Its vocabulary holds `</s>` as a piece of the highest score."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"], unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    return fast(_first(tokenizer, "<s>"), bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def whole_words() -> PreTrainedTokenizerFast:
    """Looks up whole words, its control tokens among them."""
    words = ["<unk>", "<s>", "</s>", *dict.fromkeys(" ".join(CORPUS).replace("</s>", "").split())]
    vocabulary = {word: id for id, word in enumerate(dict.fromkeys(words))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<unk>", "<s>", "</s>"])
    return fast(tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def fast(tokenizer: Tokenizer, template: str | None = None, **special: str) -> PreTrainedTokenizerFast:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, chat_template=template, **special)


BUILDERS = {
    "llama3": llama3,
    "chatml": chatml,
    "gemma": gemma,
    "llama2": llama2,
    "metaspace": metaspace,
    "neox": neox,
    "unigram": unigram,
    "whole_words": whole_words,
}


@cache
def small(name: str) -> PreTrainedTokenizerFast:
    """One of each, built once."""
    return BUILDERS[name]()
