"""The share of a model that learns, honest and as others print it: KoRani's 0.0623 % and 0.1195 %.

Run: python -m pytest tests/finetune/test_trainable.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoModelForCausalLM, GPTNeoXConfig

from engines.loading import load_model
from finetune.sft_settings import SftSettings
from finetune.shapes import NetworkShape, shape_of
from finetune.trainable import Trainable, count, foreseen
from model_registry.spec import Architecture
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import make_tiny_model, tiny_spec

TARGETS = ("query_key_value",)


def polyglot(hidden: int, layers: int) -> Any:
    """The real shapes, without weights."""
    config = GPTNeoXConfig(
        hidden_size=hidden,
        num_hidden_layers=layers,
        num_attention_heads=16,
        intermediate_size=4 * hidden,
        vocab_size=30_080,
    )
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def shape(network: Any, r: int) -> NetworkShape:
    return shape_of(network, Architecture.GPT_NEOX, SftSettings(lora_r=r))


@pytest.mark.parametrize(
    ("hidden", "layers", "r", "learned", "honest", "packed"),
    [
        (4096, 28, 8, 3_670_016, "0.0623", "0.1195"),
        (5120, 40, 8, 6_553_600, "0.0508", "0.0992"),
        (5120, 40, 16, 13_107_200, "0.1016", "0.1981"),
        (2048, 24, 8, 1_572_864, "0.1180", "0.2156"),
    ],
)
def test_published_shares_come_out_of_the_real_shapes(
    hidden: int, layers: int, r: int, learned: int, honest: str, packed: str
) -> None:
    network = polyglot(hidden, layers)
    found = foreseen(shape(network, r), "qlora")
    assert found.trainable == learned
    assert (f"{found.percent:.4f}", f"{found.packed_percent:.4f}") == (honest, packed)
    assert f"{honest} % (honest" in str(found) and f"{packed} % of {found.packed:,} (packed" in str(found)


def test_the_packed_total_is_the_published_one() -> None:
    assert foreseen(shape(polyglot(5120, 40), 8), "qlora").packed == 6_608_701_440


def test_without_packed_weights_one_figure_is_said() -> None:
    found = foreseen(shape(polyglot(2048, 24), 8), "lora")
    assert found.packed == found.total
    assert "packed" not in str(found)
    assert str(Trainable(4, 4, 4)) == "4 of 4 parameters are learned: 100.0000 %."


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_what_is_foreseen_is_what_is_counted_in_the_real_network(tmp_path: Path, method: Any) -> None:
    folder = make_tiny_model(tmp_path / "tiny", hidden=64)
    loaded = load_model(
        tiny_spec(folder), "nf4" if method == "qlora" else "none", torch.device("cpu"), RecordingWatch()
    )
    with torch.device("meta"):
        empty = AutoModelForCausalLM.from_config(loaded.model.config)
    loaded.model.requires_grad_(False)
    network = get_peft_model(loaded.model, LoraConfig(r=4, target_modules=list(TARGETS)))
    assert count(network) == foreseen(shape(empty, 4), method)


def test_of_a_full_tuning_everything_is_learned(tmp_path: Path) -> None:
    network = AutoModelForCausalLM.from_pretrained(make_tiny_model(tmp_path / "tiny"))
    assert count(network).percent == 100
    assert count(network) == foreseen(shape(network, 8), "full")
