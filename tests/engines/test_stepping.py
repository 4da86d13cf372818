"""Stepping gives the tokens that plain generation gives, alone or in a batch that rows join and leave.

Run: python -m pytest tests/engines/test_stepping.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from engines import batch_stepping, families
from engines.batch_stepping import BatchStepper
from engines.families import stepper_for
from engines.row_stepping import RowStepper
from engines.stepping import DecodeRow, Stepper
from tests.engines.tiny_models import Kind, make_tiny_model

CPU = torch.device("cpu")
KINDS: list[Kind] = ["gpt_neox", "llama", "qwen3", "exaone4", "rwkv"]
BATCHED: list[Kind] = ["gpt_neox", "llama", "qwen3", "exaone4"]
PROMPTS = [[7, 30, 41, 5, 99, 120], [12] * 23, [200, 201, 202], list(range(20, 60))]


@pytest.fixture(scope="module")
def networks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    made = {kind: make_tiny_model(Path(folder / kind), kind, dtype=torch.float32) for kind in KINDS}
    return {kind: AutoModelForCausalLM.from_pretrained(path).eval() for kind, path in made.items()}


def generated(network: Any, prompt: list[int], count: int) -> list[int]:
    with torch.inference_mode():
        ids = torch.tensor([prompt])
        output = network.generate(
            ids, attention_mask=torch.ones_like(ids), max_new_tokens=count, do_sample=False, eos_token_id=None
        )
    return output[0, len(prompt) :].tolist()


def read_whole(stepper: Stepper, prompt: list[int], limit: int) -> tuple[DecodeRow, int]:
    row = stepper.open(limit)
    for start in range(0, len(prompt), stepper.chunk):
        logits = stepper.read(row, prompt[start : start + stepper.chunk])
    stepper.start(row)
    return row, int(logits.argmax())


def stepped(network: Any, prompts: list[list[int]], count: int, join_every: int = 3) -> list[list[int]]:
    """Greedy tokens of prompts that join one after another; each leaves when it has its count."""
    stepper = stepper_for(network, CPU)
    answers: dict[DecodeRow, list[int]] = {}
    order: list[DecodeRow] = []
    waiting = list(prompts)
    turn = 0
    with torch.inference_mode():
        while waiting or stepper.running:
            if waiting and turn % join_every == 0:
                prompt = waiting.pop(0)
                row, token = read_whole(stepper, prompt, len(prompt) + count)
                answers[row] = [token]
                order.append(row)
            logits = stepper.step([answers[row][-1] for row in stepper.running])
            for row, token in zip(list(stepper.running), logits.argmax(-1).tolist(), strict=True):
                answers[row].append(token)
            for row in [row for row in stepper.running if len(answers[row]) >= count]:
                stepper.close(row)
            turn += 1
    return [answers[row][:count] for row in order]


def test_attention_is_batched_and_rwkv_goes_row_by_row(networks: dict[str, Any]) -> None:
    chosen = {kind: type(stepper_for(networks[kind], CPU)) for kind in KINDS}
    assert chosen == {**dict.fromkeys(BATCHED, BatchStepper), "rwkv": RowStepper}


@pytest.mark.parametrize("kind", KINDS)
def test_one_row_gives_the_tokens_of_generate(networks: dict[str, Any], kind: Kind) -> None:
    prompt = PROMPTS[3]
    assert stepped(networks[kind], [prompt], 40) == [generated(networks[kind], prompt, 40)]


@pytest.mark.parametrize("kind", KINDS)
def test_rows_that_join_and_leave_get_the_tokens_they_get_alone(networks: dict[str, Any], kind: Kind) -> None:
    alone = [generated(networks[kind], prompt, 24) for prompt in PROMPTS]
    assert stepped(networks[kind], PROMPTS, 24) == alone


@pytest.mark.parametrize("kind", KINDS)
def test_a_prompt_read_in_chunks_is_the_same_prompt(
    networks: dict[str, Any], kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (batch_stepping, families):
        monkeypatch.setattr(module, "CHUNK", 7)
    assert stepped(networks[kind], PROMPTS, 12) == [generated(networks[kind], p, 12) for p in PROMPTS]


@pytest.mark.parametrize("closed", [0, 1, 2])
def test_closing_a_row_while_another_is_being_read_harms_neither(
    networks: dict[str, Any], closed: int
) -> None:
    network, count = networks["llama"], 10
    stepper = stepper_for(network, CPU)
    with torch.inference_mode():
        rows = [read_whole(stepper, prompt, 80) for prompt in PROMPTS[:3]]
        answers = {row: [token] for row, token in rows}
        newcomer = stepper.open(80)
        stepper.read(newcomer, PROMPTS[3][:10])
        stepper.close(rows[closed][0])
        answers[newcomer] = [int(stepper.read(newcomer, PROMPTS[3][10:]).argmax())]
        stepper.start(newcomer)
        for _ in range(count - 1):
            logits = stepper.step([answers[row][-1] for row in stepper.running])
            for row, token in zip(stepper.running, logits.argmax(-1).tolist(), strict=True):
                answers[row].append(token)
    left = [prompt for place, prompt in enumerate(PROMPTS[:3]) if place != closed] + [PROMPTS[3]]
    kept = [answers[row] for place, (row, _) in enumerate(rows) if place != closed] + [answers[newcomer]]
    assert kept == [generated(network, prompt, count) for prompt in left]


@pytest.mark.parametrize("kind", KINDS)
def test_the_cache_is_measured_and_given_back_with_the_last_row(networks: dict[str, Any], kind: Kind) -> None:
    stepper = stepper_for(networks[kind], CPU)
    with torch.inference_mode():
        expected = stepper.bytes_to_open(80)
        row, _ = read_whole(stepper, PROMPTS[0], 80)
        held = stepper.cache_bytes()
        assert held > 0
        if kind in BATCHED:
            assert held == expected
        stepper.close(row)
    assert stepper.cache_bytes() == 0


def test_a_step_that_broke_off_is_not_computed_twice(
    networks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """RWKV's rows step one by one: the rows before the one that failed must not advance again."""
    network = networks["rwkv"]
    stepper = stepper_for(network, CPU)
    with torch.inference_mode():
        (first, a), (second, b) = (read_whole(stepper, prompt, 80) for prompt in PROMPTS[:2])
        forward, calls = network.forward, []

        def short_of_memory(*args: Any, **kwargs: Any) -> Any:
            calls.append(1)
            if len(calls) == 2:
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return forward(*args, **kwargs)

        monkeypatch.setattr(network, "forward", short_of_memory)
        with pytest.raises(torch.OutOfMemoryError):
            stepper.step([a, b])
        assert stepper.suspect is second
        stepper.close(second)
        tokens = [a]
        for _ in range(9):
            tokens.append(int(stepper.step([tokens[-1]])[0].argmax()))
    assert first in stepper.running
    assert tokens == generated(network, PROMPTS[0], 10)


def test_whatever_steps_on_a_card_leaves_out_the_attention_that_plans_anew_for_every_length(
    networks: dict[str, Any],
) -> None:
    """The switch can be read without a card."""
    torch.backends.cuda.enable_cudnn_sdp(True)
    stepper_for(networks["llama"], CPU)
    assert torch.backends.cuda.cudnn_sdp_enabled()
    with pytest.raises((AssertionError, RuntimeError)):  # the tables of a step have no place here
        stepper_for(networks["llama"], torch.device("cuda:0"))
    assert not torch.backends.cuda.cudnn_sdp_enabled()
    torch.backends.cuda.enable_cudnn_sdp(True)
