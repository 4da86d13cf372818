"""LoRA targets: what suits every architecture fits its real network, and a name that fits nothing is refused.

Run: python -m pytest tests/finetune/test_targets.py
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.models.auto.configuration_auto import CONFIG_MAPPING

from errors import BadRequest, UnknownName
from finetune.targets import SUITABLE, linear_layers, lora_targets, targeted
from model_registry.spec import Architecture

SIZES = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 48,
    "vocab_size": 64,
}
WITHOUT_A_CLASS = {Architecture.EXAONE, Architecture.SOLAR, Architecture.OTHER}
"""Those whose network is code of their makers, and what is none of them."""
ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj")
EXPECTED = {
    "gpt_neox": ("query_key_value",),
    "rwkv": ("key", "value", "receptance", "output"),
    "phi": ("q_proj", "k_proj", "v_proj", "dense"),
    "deepseek_v3": ("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj", "o_proj"),
}


def network(kind: str) -> Any:
    """The real class with small sizes and no weights."""
    config = CONFIG_MAPPING[kind]()
    text = config.get_text_config()
    for name, size in SIZES.items():
        if hasattr(text, name):
            setattr(text, name, size)
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[:2]
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(config)


def test_every_architecture_has_its_targets() -> None:
    assert set(SUITABLE) == set(Architecture)


@pytest.mark.parametrize("architecture", sorted(set(Architecture) - WITHOUT_A_CLASS))
def test_what_suits_an_architecture_fits_its_network(architecture: Architecture) -> None:
    made = network(architecture.value)
    found = lora_targets(made, architecture)
    last = tuple(dict.fromkeys(target.rpartition(".")[2] for target in found))
    assert set(last) == set(EXPECTED.get(architecture.value, ATTENTION))
    layers = targeted(made, found)
    assert layers
    assert not any("vision" in path or "audio" in path for path in layers)


def test_layers_that_read_images_are_left_alone() -> None:
    made = network("gemma3")
    found = lora_targets(made, Architecture.GEMMA3, ("q_proj",))
    assert found == tuple(f"model.language_model.layers.{n}.self_attn.q_proj" for n in range(2))


def test_a_network_of_another_kind_gets_every_linear_layer_but_the_head() -> None:
    made = network("gpt2")
    assert set(lora_targets(made, Architecture.OTHER)) == {"c_attn", "c_proj", "c_fc"}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("xxx", "named 'xxx'. Known: dense, dense_4h_to_h, dense_h_to_4h, query_key_value"),
        ("query_key_valu", "Did you mean query_key_value"),
        ("q_proj", "named 'q_proj'"),
        ("lm_head", "named 'lm_head'"),
        ("embed_in", "named 'embed_in'"),
        ("key_value", "named 'key_value'"),
    ],
)
def test_a_name_that_fits_no_linear_layer_is_refused(wanted: str, said: str) -> None:
    with pytest.raises(UnknownName, match=said):
        lora_targets(network("gpt_neox"), Architecture.GPT_NEOX, ("query_key_value", wanted))


@pytest.mark.parametrize(("kind", "head"), [("rwkv", "head"), ("llama", "lm_head")])
def test_the_head_is_never_a_target(kind: str, head: str) -> None:
    made = network(kind)
    assert head not in linear_layers(made)
    with pytest.raises(UnknownName):
        lora_targets(made, Architecture(kind), (head,))


def test_a_name_may_be_a_whole_path_or_its_end_and_is_kept_once() -> None:
    made = network("gpt_neox")
    wanted = ("gpt_neox.layers.0.mlp.dense_h_to_4h", "attention.dense", "attention.dense")
    assert lora_targets(made, Architecture.GPT_NEOX, wanted) == wanted[:2]
    assert set(targeted(made, wanted)) == {
        "gpt_neox.layers.0.mlp.dense_h_to_4h",
        "gpt_neox.layers.0.attention.dense",
        "gpt_neox.layers.1.attention.dense",
    }


def test_a_network_without_linear_layers_is_refused() -> None:
    with pytest.raises(BadRequest, match="no linear layers"):
        lora_targets(nn.LayerNorm(4), Architecture.OTHER)
