"""Peaks of memory of real steps over small networks, counted tensor by tensor.

Run: python -m pytest tests/finetune/test_planning.py tests/finetune/test_planning_of_kinds.py
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    GPTNeoXConfig,
    GradientCheckpointingLayer,
    LlamaConfig,
    RwkvConfig,
)

from benchmarks.peak_of_tensors import PeakOfTensors
from engines.loading.score_head import backbone_of, last_states
from finetune.rl.log_probs import answer_figures
from finetune.rl.rollout import Sampler
from finetune.rl_settings import RlSettings
from finetune.run_settings import RunSettings
from finetune.targets import lora_targets
from model_registry.spec import Architecture

MEASURED = {
    "gpt_neox": GPTNeoXConfig(
        hidden_size=128, num_hidden_layers=3, num_attention_heads=4, intermediate_size=512, vocab_size=512
    ),
    "llama": LlamaConfig(
        hidden_size=128, num_hidden_layers=3, num_attention_heads=4, intermediate_size=384, vocab_size=512
    ),
    "rwkv": RwkvConfig(hidden_size=128, num_hidden_layers=3, vocab_size=512, rescale_every=0),
}


@dataclass(frozen=True)
class Answered:
    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]


def measured_kind(kind: str, settings: RunSettings) -> int:
    """The peak of two steps of a kind of training by its own forward pass; of learning by rewards with the
    sampling before it."""
    network = AutoModelForCausalLM.from_config(MEASURED[kind])
    targets = list(lora_targets(network, Architecture(kind)))
    tuned: Any = get_peft_model(network, LoraConfig(r=settings.lora_r, target_modules=targets))
    if isinstance(settings, RlSettings):
        tuned.eval()
    if settings.gradient_checkpointing:
        tuned.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        tuned.enable_input_require_grads()
    twice = [
        each
        for each in tuned.modules()
        if isinstance(settings, RlSettings)
        and settings.gradient_checkpointing
        and isinstance(each, GradientCheckpointingLayer)
    ]
    learned = [value for value in tuned.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(learned)
    loss, sample = _loss_of(tuned, settings), _sampling(tuned, settings)
    gc.collect()
    with PeakOfTensors(tuned) as found:
        for _ in range(2):
            sample()
            for layer in twice:
                layer.training = True
            loss().backward()
            for layer in twice:
                layer.training = False
            optimizer.step()
            optimizer.zero_grad()
    return found.peak


def _loss_of(tuned: Any, settings: RunSettings) -> Callable[[], torch.Tensor]:
    rows, width = settings.micro_batch * settings.answers_each, settings.max_tokens
    if settings.kind == "reward":
        ids, head = torch.zeros(rows, width, dtype=torch.long), torch.ones(tuned.config.hidden_size)
        return lambda: (last_states(backbone_of(tuned), ids, torch.ones_like(ids)) @ head).sum()
    answer = settings.max_new_tokens if isinstance(settings, RlSettings) else width - 1
    answers = [Answered((1,) * (width - answer), (2,) * answer)] * rows
    return lambda: answer_figures(tuned, answers).log_probs.sum()


def _sampling(tuned: Any, settings: RunSettings) -> Callable[[], object]:
    if not isinstance(settings, RlSettings):
        return lambda: None
    sampler = Sampler(tuned, (), max_new_tokens=settings.max_new_tokens)
    prompt = [1] * (settings.max_tokens - settings.max_new_tokens)
    questions = (settings.batch or 1) // settings.group
    return lambda: sampler.sample([prompt] * questions, settings.group, torch.Generator())
