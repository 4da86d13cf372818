"""Reward models of random weights over tiny bases, saved by PEFT itself, and their scores by transformers.

Run: python -m pytest tests/engines/test_scoring.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from model_registry.spec import ModelSpec
from tests.engines.tiny_models import Kind, tiny_spec

_TARGETS: dict[str, list[str]] = {"gpt_neox": ["query_key_value", "dense"], "rwkv": ["key", "value"]}
_HEAD = "base_model.model.score.weight"


def make_reward_adapter(folder: Path, base: Path, kind: Kind, seed: int = 3) -> Path:
    """As a training leaves it. RWKV has no classifier in transformers: its head is put beside its layers."""
    torch.manual_seed(seed)
    targets = _TARGETS.get(kind, ["q_proj", "v_proj"])
    if kind == "rwkv":
        config = LoraConfig(r=4, target_modules=targets, init_lora_weights=False)
        tuned: Any = get_peft_model(_plain(base), config)
        tuned.peft_config["default"].modules_to_save = ["score"]
        tuned.peft_config["default"].task_type = "SEQ_CLS"
    else:
        config = LoraConfig(
            r=4,
            target_modules=targets,
            init_lora_weights=False,
            task_type="SEQ_CLS",
            modules_to_save=["score"],
        )
        tuned = get_peft_model(_classifier(base), config)
    tuned.save_pretrained(folder)
    tensors = load_file(folder / "adapter_model.safetensors")
    hidden = tuned.config.get_text_config().hidden_size
    assert kind == "rwkv" or tensors[_HEAD].shape == (1, hidden)
    save_file({**tensors, _HEAD: torch.randn(1, hidden)}, folder / "adapter_model.safetensors")
    return folder


def reward_spec(folder: Path, base: ModelSpec, kind: Kind, **changes: Any) -> ModelSpec:
    spec = tiny_spec(folder, kind, id=f"{base.id}-judge", task="reward", adapter={"base": base.id}, **changes)
    return spec.with_local(parameters=1_000)


def by_transformers(base: Path, adapter: Path, kind: Kind, ids: Sequence[int]) -> float:
    """As anyone would compute it who never heard of engines: one whole pass over one row."""
    head = load_file(adapter / "adapter_model.safetensors")[_HEAD]
    with torch.inference_mode():
        if kind != "rwkv":
            judge: Any = PeftModel.from_pretrained(_classifier(base), adapter).eval()
            return float(judge(input_ids=torch.tensor([ids])).logits[0, 0])
        config = LoraConfig.from_pretrained(adapter)
        config.modules_to_save = config.task_type = None
        network = _plain(base)
        tuned: Any = PeftModel.from_pretrained(network, adapter, config=config).eval()
        hidden = tuned.base_model.model.rwkv(input_ids=torch.tensor([ids])).last_hidden_state
        return float(hidden[0, -1] @ head[0])


def _classifier(base: Path) -> Any:
    network: Any = AutoModelForSequenceClassification.from_pretrained(
        base, num_labels=1, dtype=torch.float32, pad_token_id=0
    )
    return network


def _plain(base: Path) -> Any:
    """RWKV halves the weights of some layers while it answers, but not what an adapter adds to them."""
    return AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, rescale_every=0)
