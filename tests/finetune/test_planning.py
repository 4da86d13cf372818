"""The memory plan: near what was published and what is measured, and honest about what to lower.

Run: python -m pytest tests/finetune/test_planning.py
"""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from transformers import AutoModelForCausalLM, GPTNeoXConfig, LlamaConfig

from benchmarks.peak_of_tensors import PeakOfTensors
from finetune.base import base_for
from finetune.planning import METHODS, Device, Plan, lowered, need_of, plan
from finetune.run_settings import Method
from finetune.sft_settings import SftSettings
from finetune.shapes import NetworkShape, shape_for, shape_of
from finetune.targets import lora_targets
from model_registry.registry import load_registry
from model_registry.spec import Architecture
from tests.finetune.measured_peaks import MEASURED

GB = 10**9
CARD = Device("a card", 24 * GB, 24 * GB, is_gpu=True)
REGISTRY = load_registry()


def polyglot(hidden: int, layers: int, settings: SftSettings) -> NetworkShape:
    config = GPTNeoXConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=16,
        intermediate_size=4 * hidden,
        vocab_size=30_080,
    )
    with torch.device("meta"):
        return shape_of(AutoModelForCausalLM.from_config(config), Architecture.GPT_NEOX, settings)


def qwen_7b(r: int = 64) -> NetworkShape:
    """As its makers tuned it: r 64 on c_attn, both c_proj, w1 and w2; 32 layers, a vocabulary of 151,936."""
    layers, hidden, wide = 32, 4096, 11_008
    sides = (hidden + 3 * hidden) + 2 * hidden + 3 * (hidden + wide)
    return NetworkShape(
        layers=layers,
        hidden=hidden,
        feed_forward=wide,
        vocabulary=151_936,
        kind="gated",
        linear=layers * (4 * hidden**2 + 3 * hidden * wide),
        linear_rows=layers * (5 * hidden + 2 * wide),
        rest=2 * 151_936 * hidden,
        adapter=r * layers * sides,
        adapter_inputs=layers * (4 * hidden + wide),
        counted=True,
    )


@pytest.mark.parametrize(
    ("tokens", "lora", "qlora"),
    [(256, 20.1, 11.5), (512, 20.4, 11.5), (1024, 21.5, 12.3), (2048, 23.8, 13.9), (8192, 36.6, 23.5)],
)
def test_the_published_table_of_lora_and_qlora_is_met(tokens: int, lora: float, qlora: float) -> None:
    """LoRA within 8 %; QLoRA (there GPTQ, which keeps other parts in other widths) within 25 %."""
    settings = SftSettings(batch=8, micro_batch=1, max_tokens=tokens, gradient_checkpointing=True)
    shape = qwen_7b()
    assert need_of(settings, shape, on_gpu=True).total / GB == pytest.approx(lora, rel=0.08)
    packed = need_of(replace(settings, method="qlora"), shape, on_gpu=True)
    assert packed.total / GB == pytest.approx(qlora, rel=0.25)


@pytest.mark.parametrize(
    ("hidden", "layers", "wide", "rule"),
    [
        (4096, 32, 11_008, {"full": 120, "lora": 16, "int8-lora": 10, "qlora": 6}),
        (5120, 40, 13_824, {"full": 240, "lora": 32, "int8-lora": 20, "qlora": 12}),
    ],
)
def test_the_rule_of_thumb_is_met(hidden: int, layers: int, wide: int, rule: dict[Method, int]) -> None:
    """Within 30 %: the rule says 14B where the second of these has 13, and rounds up."""
    settings = SftSettings(batch=1, micro_batch=1, max_tokens=512, gradient_checkpointing=True)
    config = LlamaConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=32,
        intermediate_size=wide,
        vocab_size=32_000,
    )
    with torch.device("meta"):
        shape = shape_of(AutoModelForCausalLM.from_config(config), Architecture.LLAMA, settings)
    for method, gigabytes in rule.items():
        need = need_of(replace(settings, method=method), shape, on_gpu=True)
        assert need.total / GB == pytest.approx(gigabytes, rel=0.3), method


def test_what_koalpaca_published_of_its_full_tunings_is_met() -> None:
    """One A100 with adafactor about 70 GB; four with ZeRO-3 about 74 GB each."""
    one = SftSettings(method="full", optimizer="adafactor", batch=128, micro_batch=2, max_tokens=2048)
    assert need_of(one, polyglot(4096, 28, one), on_gpu=True).total / GB == pytest.approx(70, rel=0.2)
    four = SftSettings(method="full", batch=256, micro_batch=1, max_tokens=1024, distributed="zero3")
    assert need_of(four, polyglot(5120, 40, four), on_gpu=True, gpus=4).total / GB == pytest.approx(
        74, rel=0.2
    )


def measured(kind: str, settings: SftSettings) -> int:
    """The peak of two real steps, counted tensor by tensor."""
    network = AutoModelForCausalLM.from_config(MEASURED[kind])
    if settings.method == "lora":
        network.requires_grad_(False)
        targets = list(lora_targets(network, Architecture(kind)))
        config = LoraConfig(r=settings.lora_r, lora_dropout=0.05, target_modules=targets)
        inject_adapter_in_model(config, network)
    network.train()
    if settings.gradient_checkpointing:
        network.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        network.enable_input_require_grads()
    optimizer = torch.optim.AdamW([value for value in network.parameters() if value.requires_grad])
    ids = torch.zeros(settings.micro_batch, settings.max_tokens, dtype=torch.long)
    gc.collect()
    with PeakOfTensors(network) as found:
        for _ in range(2):
            network(input_ids=ids, labels=ids, use_cache=False).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
    return found.peak


@pytest.mark.parametrize(
    ("kind", "method", "checkpointing", "tokens"),
    [
        ("gpt_neox", "lora", False, 128),
        ("gpt_neox", "lora", True, 128),
        ("gpt_neox", "full", False, 128),
        ("llama", "lora", False, 128),
        ("llama", "full", True, 128),
        ("rwkv", "lora", False, 24),
    ],
)
def test_a_measured_peak_is_met(kind: str, method: Method, checkpointing: bool, tokens: int) -> None:
    """Within 25 %, and rather above than below: not more than 10 % below."""
    torch.set_num_threads(1)
    settings = SftSettings(
        method=method, gradient_checkpointing=checkpointing, batch=4, micro_batch=4, max_tokens=tokens
    )
    with torch.device("meta"):
        shape = shape_of(AutoModelForCausalLM.from_config(MEASURED[kind]), Architecture(kind), settings)
    need = need_of(settings, shape, on_gpu=False)
    assert 0.9 <= (need.total - need.runtime) / measured(kind, settings) <= 1.25


@pytest.mark.parametrize("name", ["polyglot-ko-1.3b", "polyglot-ko-5.8b", "polyglot-ko-12.8b"])
def test_a_shape_guessed_from_the_registry_is_near_the_counted_one(name: str) -> None:
    settings = SftSettings()
    base = base_for(name, REGISTRY, "koalpaca")
    guessed = shape_for(settings, replace(base, folder=None))
    counted = polyglot(guessed.hidden, guessed.layers, settings)
    assert not guessed.counted and counted.counted
    assert guessed.adapter == counted.adapter
    assert guessed.parameters == pytest.approx(counted.parameters, rel=0.001)
    for method in METHODS:
        asked = replace(settings, method=method)
        expected = need_of(asked, counted, on_gpu=True).total
        assert need_of(asked, guessed, on_gpu=True).total == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", ["demo-koalpaca", "demo-chat", "demo-korwkv"])
def test_a_base_that_is_here_is_counted(name: str) -> None:
    base = base_for(name, REGISTRY)
    shape = shape_for(SftSettings(), base)
    assert shape.counted
    assert shape.parameters == base.spec.local.parameters


def plan_on(card: Device, **changes: Any) -> Plan:
    settings = SftSettings(**changes)
    return plan(settings, polyglot(4096, 28, settings), (card,))


def test_each_method_is_planned_with_and_without_checkpointing() -> None:
    found = plan_on(CARD)
    assert {(need.method, need.checkpointing) for need in found.needs} == {
        (method, again) for method in METHODS for again in (False, True)
    }
    assert found.chosen in found.needs
    by = {(need.method, need.checkpointing): need for need in found.needs}
    for again in (False, True):
        totals = [by[method, again].total for method in ("qlora", "int8-lora", "lora", "full")]
        assert totals == sorted(totals)
    assert by["lora", True].activations < by["lora", False].activations / 5
    assert by["qlora", True] in found.fitting() and by["full", True] not in found.fitting()


def test_what_does_not_fit_is_told_what_to_lower() -> None:
    found = plan_on(CARD, batch=64, micro_batch=16, max_tokens=1024)
    assert not found.fits
    (advice,) = found.advice
    assert "does not fit a card (24.0 GB free)" in advice and "--micro-batch" in advice


def test_the_cheapest_change_comes_first_and_the_batch_stays() -> None:
    settings = SftSettings(batch=64, micro_batch=16, max_tokens=1024)
    shape = polyglot(4096, 28, settings)
    bytes_free = round(need_of(replace(settings, micro_batch=4), shape, on_gpu=True).total / 0.94)
    change = lowered(settings, shape, bytes_free, on_gpu=True)
    assert change is not None
    assert (change.options, change.settings.micro_batch, change.settings.batch) == ("--micro-batch 4", 4, 64)
    small = lowered(settings, shape, 8 * GB, on_gpu=True)
    assert small is not None
    assert small.options.startswith("--micro-batch 1 --gradient-checkpointing --method qlora")
    assert small.need.total <= 8 * GB
    assert lowered(settings, shape, 2 * GB, on_gpu=True) is None


def test_nothing_helps_where_the_base_alone_is_too_large() -> None:
    tiny = Device("a small card", 2 * GB, 2 * GB, is_gpu=True)
    assert plan_on(tiny).advice == (
        "Nothing that can be lowered makes it fit a small card. Choose a smaller base.",
    )


def test_checkpointing_that_is_not_needed_is_said() -> None:
    large = Device("a large card", 141 * GB, 141 * GB, is_gpu=True)
    found = plan_on(large, gradient_checkpointing=True)
    assert found.fits
    assert found.advice == ("It would fit without gradient checkpointing too, which is faster.",)


def test_zero_shares_what_is_learned_among_the_gpus() -> None:
    settings = SftSettings(method="full", distributed="zero3")
    shape = polyglot(2048, 24, settings)
    one, four = (need_of(settings, shape, on_gpu=True, gpus=gpus) for gpus in (1, 4))
    assert (four.weights, four.gradients) == (one.weights // 4, one.gradients // 4)
    second = need_of(replace(settings, distributed="zero2"), shape, on_gpu=True, gpus=4)
    assert second.weights == one.weights and second.optimizer == four.optimizer
