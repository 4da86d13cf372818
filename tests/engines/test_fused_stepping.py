"""The processor's fused step gives the tokens of plain generation, whoever joins and leaves beside a row.

Run: python -m pytest tests/engines/test_fused_stepping.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers import GenerationConfig

from engines.batch_stepping import grained
from engines.families import stepper_for
from engines.fused_stepping import FusedBatchStepper
from engines.stepping import DecodeRow
from errors import StepRefused
from tests.every_family import tiny_network

CPU = torch.device("cpu")
KINDS = ("gpt_neox", "llama", "mistral", "ministral", "seed_oss", "cwm", "qwen2", "qwen3", "exaone4")
PROMPTS = [[20, 21, 22], [*range(20, 54)], [12, 13, 14, 15] * 6, [7], [*range(30, 41)]]
"""Within and beyond the window (8)."""
COUNT = 9


def generated(network: Any, prompt: list[int]) -> list[int]:
    network.generation_config = GenerationConfig()
    ids = torch.tensor([prompt])
    output = network.generate(
        ids, attention_mask=torch.ones_like(ids), max_new_tokens=COUNT, do_sample=False, eos_token_id=None
    )
    return output[0, len(prompt) :].tolist()


def stepped(network: Any, prompts: list[list[int]], join_every: int) -> list[list[int]]:
    """Greedy tokens of prompts that join one after another, and leave after nearly as many as COUNT."""
    stepper = stepper_for(network, CPU, "fused")
    assert isinstance(stepper, FusedBatchStepper) and stepper.name == "fused"
    answers: dict[DecodeRow, list[int]] = {}
    waiting, turn = list(prompts), 0
    while waiting or stepper.running:
        if waiting and turn % join_every == 0:
            prompt = waiting.pop(0)
            row = stepper.open(len(prompt) + COUNT)
            answers[row] = [int(stepper.read(row, prompt).argmax())]
            stepper.start(row)
        tokens = stepper.step([answers[row][-1] for row in stepper.running]).argmax(-1).tolist()
        for row, token in zip(list(stepper.running), tokens, strict=True):
            answers[row].append(token)
            if len(answers[row]) >= COUNT - len(answers) % 3:
                stepper.close(row)
        turn += 1
    return list(answers.values())


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_rows_get_the_tokens_of_generate_alone_and_in_company(kind: str) -> None:
    network = tiny_network(kind)
    with torch.inference_mode():
        wanted = [generated(network, prompt) for prompt in PROMPTS]
        for join_every in (1, 2, 3):
            texts = stepped(network, PROMPTS, join_every)
            assert texts == [whole[: len(text)] for text, whole in zip(texts, wanted, strict=True)]
        for prompt, whole in zip(PROMPTS, wanted, strict=True):
            assert stepped(network, [prompt], 1) == [whole[: COUNT - 1]]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_read_in_parts_gives_the_tokens_of_generate_and_calls_no_module(kind: str) -> None:
    network, prompt = tiny_network(kind), PROMPTS[1]
    called = list[str]()
    with torch.inference_mode():
        wanted = generated(network, prompt)
        hook = register_module_forward_pre_hook(lambda module, _: called.append(type(module).__name__))
        for part in (1, 7, 8, 20, len(prompt)):
            stepper = stepper_for(network, CPU, "fused")
            row = stepper.open(len(prompt) + COUNT)
            for start in range(0, len(prompt), part):
                logits = stepper.read(row, prompt[start : start + part])
            stepper.start(row)
            tokens = [int(logits.argmax())]
            while len(tokens) < COUNT:
                tokens.append(int(stepper.step(tokens[-1:]).argmax()))
            assert tokens == wanted
        hook.remove()
    assert called == []


def test_rows_of_a_short_limit_hold_little_more_than_it_on_a_processor() -> None:
    """What is reserved and never filled slows every step of many rows; a card's cache costs more to move."""
    here, card = torch.device("cpu"), torch.device("cuda")
    assert all(limit <= grained(limit, here) < limit + 64 for limit in range(1, 257))
    assert all(limit <= grained(limit, here) < limit + 256 for limit in range(257, 2049))
    assert {grained(limit, card) for limit in range(1, 257)} == {256}


def test_what_the_fused_step_cannot_read_is_refused() -> None:
    with pytest.raises(StepRefused) as caught:
        stepper_for(tiny_network("gpt2"), CPU, "fused")
    assert caught.value.code == "step-network-unknown"
