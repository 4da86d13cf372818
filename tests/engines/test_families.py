"""Every family answers alone, in company and after a longer question as `generate` answers on its own.

The measure is transformers' own greedy generation of one prompt on a network that never saw another: its
figures, not only its tokens. A family that cannot be stepped stands in REFUSED with its reason.

Run: python -m pytest tests/engines/test_families.py
"""

from __future__ import annotations

import copy
import warnings
from typing import Any

import pytest
import torch
from transformers import GenerationConfig, LlamaForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING

from engines import batch_stepping, families
from engines.batch_stepping import BatchStepper
from engines.families import BATCHED, READ_IN_PIECES, REFUSED, STATIC, stepper_for, try_stepping
from engines.row_stepping import RowStepper
from engines.static_stepping import StaticStepper
from engines.stepping import DecodeRow, Stepper
from engines.steps.modules_step import ModulesStep
from engines.steps.torch_ops import TorchOps
from model_registry.registry import load_registry
from tests.every_family import BUILDABLE, NETWORKS, VARIANTS, VOCABULARY, tiny_config, tiny_network

CPU = torch.device("cpu")
PROMPTS = [[20, 21, 22], [*range(20, 54)], [12, 13, 14, 15] * 6 + [16, 17, 18]]
"""Across the window (8), the chunk of these tests (7) and the reach of a rope before it stretches (32)."""
COUNT = 8
STEPPED = [name for name in NETWORKS if name not in REFUSED]
ONE_BY_ONE = {
    "llama, dynamic rope",
    "llama, longrope",
    "gpt_neox, dynamic rope",
    "qwen3, dynamic rope",
    "phi3, longrope",
    "gemma3_text, dynamic rope in its full layers",
    "falcon, alibi",
}
"""Variants of batched families whose config takes the proof away."""
STATIC_NETWORKS = [
    name for name in STEPPED if VARIANTS.get(name, (name, {}))[0] in STATIC and name not in ONE_BY_ONE
]


@pytest.fixture(autouse=True)
def quiet_old_families() -> Any:
    """Some families of long ago warn about their own code."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def generated(network: Any, name: str, prompt: list[int]) -> torch.Tensor:
    """The logits [steps, vocabulary] of transformers' own greedy generation."""
    network = copy.deepcopy(network)
    network.generation_config = GenerationConfig()
    ids = torch.tensor([prompt])
    output = network.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        max_new_tokens=COUNT,
        do_sample=False,
        # At the step where its rope comes to the longer factors, phi3 with a cache forgets all but one token.
        use_cache=name != "phi3, longrope",
        output_logits=True,
        return_dict_in_generate=True,
    )
    return torch.cat(output.logits)


def stepped(stepper: Stepper, prompts: list[list[int]], join_every: int = 3) -> list[torch.Tensor]:
    """The same of prompts that join one after another; each leaves when it has its count."""
    figures: dict[DecodeRow, list[torch.Tensor]] = {}
    order, waiting, turn = list[DecodeRow](), list(prompts), 0
    with torch.inference_mode():
        while waiting or stepper.running:
            if waiting and turn % join_every == 0:
                prompt = waiting.pop(0)
                row = stepper.open(len(prompt) + COUNT)
                for start in range(0, len(prompt), stepper.chunk):
                    logits = stepper.read(row, prompt[start : start + stepper.chunk])
                stepper.start(row)
                figures[row] = [logits]
                order.append(row)
            output = stepper.step([int(figures[row][-1].argmax()) for row in stepper.running])
            for row, logits in zip(stepper.running, output, strict=True):
                figures[row].append(logits)
            for row in [row for row in stepper.running if len(figures[row]) >= COUNT]:
                stepper.close(row)
            turn += 1
    return [torch.stack(figures[row]) for row in order]


def assert_same(got: list[torch.Tensor], expected: list[torch.Tensor], where: str) -> None:
    for mine, theirs in zip(got, expected, strict=True):
        assert mine.argmax(-1).tolist() == theirs.argmax(-1).tolist(), where
        torch.testing.assert_close(mine, theirs, atol=2e-3, rtol=1e-3, msg=lambda said: f"{where}: {said}")


@pytest.mark.parametrize("name", STEPPED)
def test_an_answer_does_not_depend_on_company_or_on_what_was_asked_before(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (batch_stepping, families):
        monkeypatch.setattr(module, "CHUNK", 7)
    network = tiny_network(name)
    expected = [generated(network, name, prompt) for prompt in PROMPTS]
    with torch.no_grad():
        assert try_stepping(network, CPU), "at loading"
    stepper = stepper_for(network, CPU)
    is_proven = VARIANTS.get(name, (name, {}))[0] in BATCHED and name not in ONE_BY_ONE
    assert type(stepper) is (BatchStepper if is_proven else RowStepper)
    assert_same(stepped(stepper, PROMPTS[:1]), expected[:1], "alone")
    assert_same(stepped(stepper, PROMPTS), expected, "in company")
    assert_same(stepped(stepper, PROMPTS[:1]), expected[:1], "after a longer question")
    if name in STATIC_NETWORKS:
        static = StaticStepper(network, CPU, ModulesStep(network, TorchOps()))
        assert_same(stepped(static, PROMPTS[:1]), expected[:1], "by tables, alone")
        assert_same(stepped(static, PROMPTS, join_every=1), expected, "by tables, in company")


@pytest.mark.parametrize("name", STATIC_NETWORKS)
def test_a_step_by_tables_reads_no_number_on_the_host(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the device "meta" there are none, and a list would be copied to the device anew at each step."""
    config, meta = tiny_config(name), torch.device("meta")
    with meta:
        network = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)](config).eval().to(torch.bfloat16)
    step = ModulesStep(network, TorchOps())
    stepper = StaticStepper(network, meta, step)
    with torch.inference_mode():
        row = stepper.open(8)
        stepper.read(row, [1, 2])
        stepper.start(row)
        monkeypatch.setattr(torch, "tensor", None)
        assert step(stepper.tables, 4, 1024).shape == (4, VOCABULARY)


def test_every_family_has_its_place() -> None:
    assert set(BUILDABLE) >= BATCHED | READ_IN_PIECES | set(REFUSED)
    assert not BATCHED & READ_IN_PIECES
    assert not set(REFUSED) & (BATCHED | READ_IN_PIECES)
    assert STATIC < BATCHED


@pytest.mark.parametrize("name", ["falcon", "longcat_flash", "gemma4_text, shared keys"])
def test_what_a_further_row_takes_is_measured_once_a_row_has_been_read(name: str) -> None:
    """Families that keep other layers or heads than their config says."""
    stepper = stepper_for(tiny_network(name), CPU)
    with torch.inference_mode():
        for _ in range(2):
            foreseen = stepper.bytes_to_open(40)
            row = stepper.open(40)
            stepper.read(row, PROMPTS[0])
            stepper.start(row)
    assert foreseen == stepper.cache_bytes()


def test_what_ships_is_batched_but_rwkv_and_what_runs_code_of_its_own() -> None:
    """Speed of the registry's models and the demos rests on it; SOLAR is a llama."""
    types = {str(spec.local.architecture) for spec in load_registry().models.values() if spec.adapter is None}
    assert types - BATCHED == {"rwkv", "exaone", "solar"}


def test_a_network_whose_class_is_not_transformers_own_is_not_taken_for_its_model_type() -> None:
    class Remote(LlamaForCausalLM):
        pass

    network = Remote(tiny_config("llama")).eval()
    stepper = stepper_for(network, CPU)
    assert type(stepper) is RowStepper
    expected = [generated(network, "llama", prompt) for prompt in PROMPTS]
    assert_same(stepped(stepper, PROMPTS), expected, "in company")
