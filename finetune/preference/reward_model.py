"""A learned reward model that scores: over a network that is in memory already, or over its base loaded anew.

Over a policy's network it is one more frozen adapter and a head, so that both share one copy of the base;
therefore it has to be one of that very base, and to know its format.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from engines.devices import pick_device
from engines.loading import LoadedModel, load_model
from engines.loading.adapters import lora_config
from engines.loading.loaded import LoadWatch
from engines.loading.score_head import read_head, scores_of
from errors import BadRequest
from finetune.base import Base, UnwatchedLoad, base_for, learned_end
from finetune.examples import Example
from finetune.tokens.rows import encoded_answers
from finetune.training.adapters import (
    StoredAdapter,
    add_adapter,
    fill_adapter,
    read_adapter,
    speaking_with,
)
from finetune.training.measuring import resting
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec

REWARD = "reward-model"
"""The name of its adapter in a policy's network."""
_LEAST_SPREAD = 1e-6


@dataclass(frozen=True, eq=False)
class RewardModel:
    """Scores rows of ids; the network speaks with what it spoke with again afterwards."""

    spec: ModelSpec
    network: Any
    head: Tensor
    """[1, hidden], in float32."""
    micro_batch: int = 8

    def scores(self, rows: Sequence[Sequence[int]], check: Callable[[], None] = lambda: None) -> list[float]:
        """`rows`: prompt, answer and end token of each, in the format that it learned; without the end token
        where the answer did not end."""
        with resting(self.network), speaking_with(self.network, REWARD):
            return scores_of(self.network, self.head, rows, micro_batch=self.micro_batch, check=check)


@dataclass(frozen=True)
class Standing:
    """Where a score stands among those of the held-out answers: 0 from one spread below their mean on, 1 from
    one above. So one weight suits every reward model, and a score beyond those measured gains nothing."""

    mean: float
    spread: float

    def of(self, score: float) -> float:
        share = 0.5 + (score - self.mean) / max(self.spread, _LEAST_SPREAD) / 2
        return share if math.isnan(share) else max(0.0, min(1.0, share))


def attach_reward_model(
    network: Any, spec: ModelSpec, base: Base, registry: Registry, watch: LoadWatch, micro_batch: int = 8
) -> RewardModel:
    """Put a reward model into PEFT's network of a policy. `base`: what the policy is tuned over."""
    _refuse_other_base(spec, base, registry)
    stored = read_adapter(spec, watch)
    add_adapter(network, REWARD, _layers_of(stored))
    return RewardModel(spec, network, read_head(stored.weights, network, spec), micro_batch)


def load_reward_model(
    spec: ModelSpec, registry: Registry, device: torch.device, watch: LoadWatch
) -> tuple[RewardModel, LoadedModel]:
    """With its base, as that is asked by default; the base brings the tokenizer."""
    from peft import get_peft_model

    refuse_no_reward_model(spec)
    assert spec.adapter is not None
    below = registry.get(spec.adapter.base)
    loaded = load_model(below, below.local.loading.default_quantization, device, watch)
    stored = read_adapter(spec, watch)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = get_peft_model(loaded.model, lora_config(_layers_of(stored).config), adapter_name=REWARD)
    fill_adapter(network, REWARD, stored)
    return RewardModel(spec, network, read_head(stored.weights, network, spec)), loaded


def answer_scores(
    model: str, examples: Sequence[Example], home: Path, device: str | None = None
) -> list[float]:
    """The score of the last answer of each conversation, in the format and with the end that it learned."""
    registry = load_registry(home / "models")
    spec = registry.get(model)
    scoring, loaded = load_reward_model(spec, registry, pick_device(device), UnwatchedLoad())
    assert spec.adapter is not None
    base = base_for(spec.adapter.base, registry, spec.prompt_format)
    last = [
        replace(each, not_learned=frozenset(range(len(each.conversation.turns) - 1))) for each in examples
    ]
    encoded = encoded_answers(last, base.format, loaded.tokenizer, learned_end(base, loaded.tokenizer))
    return scoring.scores([[*prompt, *answer] for _, ((_, prompt, answer),) in encoded])


def refuse_no_reward_model(spec: ModelSpec) -> None:
    if spec.task != "reward":
        raise BadRequest("not-a-reward-model", model=spec.title, name="model")


def refuse_unproven(spec: ModelSpec) -> Standing | None:
    """Before it may lead a policy: it has to judge held-out pairs surely better than a coin. How its scores
    count then; None where nobody measured that."""
    refuse_no_reward_model(spec)
    try:
        text = (Path(spec.local.source).parent / "report.json").read_text(encoding="utf-8")
        held_out = json.loads(text)["held_out"]
        low, high, accuracy, pairs = (float(held_out[name]) for name in ("low", "high", "accuracy", "pairs"))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if low <= 0.5:
        raise BadRequest(
            "reward-model-unproven",
            model=spec.title,
            accuracy=round(accuracy * 100),
            pairs=round(pairs),
            low=round(low * 100),
            high=round(high * 100),
            name="rewards",
        )
    return Standing(held_out["mean"], held_out["spread"]) if {"mean", "spread"} <= held_out.keys() else None


def _refuse_other_base(spec: ModelSpec, base: Base, registry: Registry) -> None:
    refuse_no_reward_model(spec)
    assert spec.adapter is not None
    below = registry.get(spec.adapter.base)
    ours, its = base.spec.local, below.local
    if (ours.source, ours.revision, ours.tokenizer) != (its.source, its.revision, its.tokenizer):
        raise BadRequest(
            "reward-model-other-base",
            model=spec.title,
            base=below.title,
            policy=base.spec.title,
            name="rewards",
        )
    if spec.prompt_format != base.format.id:
        raise BadRequest(
            "reward-model-other-format",
            model=spec.title,
            learned=spec.prompt_format,
            asked=base.format.id,
            name="rewards",
        )


def _layers_of(stored: StoredAdapter) -> StoredAdapter:
    """Without the head, which PEFT would look for in a network that has none."""
    return StoredAdapter({**stored.config, "modules_to_save": None, "task_type": "CAUSAL_LM"}, stored.weights)
