"""The demo models as they ship: small and safe files that answer what they learned.

Run: python -m pytest tests/model_registry/test_demo_models.py
"""

from __future__ import annotations

import functools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

from model_registry.registry import load_registry
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.rendering import render
from scripts.demo_models.question_set import DEMO_FOLDER, read_rows

ROWS = read_rows()
SAMPLE = ROWS[::11]
WITH_INPUT = [row for row in ROWS if row.turns[0].input]
TWO_TURNS = [row for row in ROWS if len(row.turns) == 2]
REGISTRY = load_registry()
MODELS = ("demo-koalpaca", "demo-kullm", "demo-chat", "demo-korwkv", "demo-kullm-banmal")
END_TOKENS = {"demo-koalpaca": 2, "demo-kullm": 2, "demo-chat": 1, "demo-korwkv": 0, "demo-kullm-banmal": 2}
LARGEST_BYTES = 3_000_000


def test_the_set_is_large_and_varied_enough() -> None:
    assert len(ROWS) >= 200
    assert len(WITH_INPUT) >= 40
    assert len(TWO_TURNS) >= 30
    topics = Counter(row.topic for row in ROWS)
    assert set(topics) == {"facts", "cooking", "travel", "arithmetic", "etiquette", "code"}
    assert min(topics.values()) >= 30
    assert len({row.turns[0].question for row in ROWS}) == len(ROWS)
    assert all(
        turn.answer != familiar for row in ROWS for turn, familiar in zip(row.turns, row.banmal, strict=True)
    )


@pytest.mark.parametrize("model_id", MODELS)
def test_a_folder_is_small_and_holds_nothing_that_runs(model_id: str) -> None:
    files = [path for path in (DEMO_FOLDER / model_id).rglob("*") if path.is_file()]
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".md", ".jinja"}
    weights = [path for path in files if path.suffix == ".safetensors"]
    assert len(weights) == 1
    assert sum(path.stat().st_size for path in files) <= LARGEST_BYTES
    assert {tensor.dtype for tensor in load_file(weights[0]).values()} == {torch.bfloat16}
    configs = [json.loads(path.read_text(encoding="utf-8")) for path in files if path.suffix == ".json"]
    assert not any("auto_map" in config for config in configs)


@pytest.mark.parametrize("model_id", MODELS)
def test_the_registry_says_what_lies_in_the_folder(model_id: str) -> None:
    spec = REGISTRY.get(model_id)
    [weights] = Path(spec.local.source).glob("*.safetensors")
    tokenizer = tokenizer_of(spec)
    assert spec.local.parameters == sum(tensor.numel() for tensor in load_file(weights).values())
    assert (
        spec.local.context_length
        == tokenizer.model_max_length
        == model_of(spec).config.max_position_embeddings
    )
    ends = model_of(spec).generation_config.eos_token_id
    assert list(spec.local.eos_token_ids) == (ends if isinstance(ends, list) else [ends])
    assert tokenizer.eos_token_id == spec.local.eos_token_ids[0] == END_TOKENS[model_id]
    assert "token_type_ids" not in tokenizer("안녕")


@pytest.mark.parametrize("model_id", MODELS)
def test_a_model_answers_what_it_learned(model_id: str) -> None:
    spec = REGISTRY.get(model_id)
    banmal = model_id == "demo-kullm-banmal"
    learned = {row.turns[0].question: row.banmal[0] if banmal else row.turns[0].answer for row in SAMPLE}
    asked = [Conversation.ask(row.turns[0].question, row.turns[0].input) for row in SAMPLE]
    assert {talk.turns[0].question: answer(spec, talk) for talk in asked} == learned


def test_the_adapter_and_its_base_answer_differently() -> None:
    row = SAMPLE[0]
    talk = Conversation.ask(row.turns[0].question, row.turns[0].input)
    answers = [answer(REGISTRY.get(model_id), talk) for model_id in ("demo-kullm", "demo-kullm-banmal")]
    assert answers == [row.turns[0].answer, row.banmal[0]]


def test_the_chat_model_answers_a_second_question() -> None:
    spec = REGISTRY.get("demo-chat")
    for row in TWO_TURNS[::6]:
        first, second = row.turns
        talk = Conversation(turns=(first,)).go_on(second.question, second.input)
        assert answer(spec, talk) == second.answer


def test_the_chat_model_takes_a_system_text() -> None:
    row = SAMPLE[0]
    talk = Conversation.ask(row.turns[0].question, system="짧고 정확하게 답하세요.")
    assert answer(REGISTRY.get("demo-chat"), talk) == row.turns[0].answer


@pytest.mark.parametrize(("model_id", "foreign"), [("demo-kullm", "koalpaca"), ("demo-koalpaca", "kullm")])
def test_in_another_format_a_model_falls_apart(model_id: str, foreign: str) -> None:
    spec = REGISTRY.get(model_id).model_copy(update={"prompt_format": foreign})
    few = SAMPLE[::3]
    asked = [Conversation.ask(row.turns[0].question, row.turns[0].input) for row in few]
    right = sum(answer(spec, talk) == row.turns[0].answer for talk, row in zip(asked, few, strict=True))
    assert right < len(few) / 2


@functools.cache
def model_at(base: str, adapter: str | None) -> Any:
    torch.set_num_threads(1)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    return (PeftModel.from_pretrained(model, adapter) if adapter else model).eval()


def model_of(spec: ModelSpec) -> Any:
    return model_at(REGISTRY.base_of(spec).local.source, spec.local.source if spec.adapter else None)


@functools.cache
def tokenizer_at(folder: str) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def tokenizer_of(spec: ModelSpec) -> Any:
    return tokenizer_at(REGISTRY.base_of(spec).local.source)


@torch.no_grad()
def answer(spec: ModelSpec, talk: Conversation) -> str:
    """The likeliest token until the end token; the whole text is read anew each time, without a cache."""
    tokenizer = tokenizer_of(spec)
    ids = encode(render(REGISTRY.format_of(spec), talk, tokenizer), tokenizer)
    start = len(ids)
    for _ in range(48):
        token = int(model_of(spec)(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax())
        if token in spec.local.eos_token_ids:
            break
        ids.append(token)
    return str(tokenizer.decode(ids[start:])).strip()
