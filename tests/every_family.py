"""A tiny random network of every family that this transformers can build, for tests over a whole class.

Knows: how a config is made small, with each sort of layer the family has, and how weights are drawn.
Refuses to know: engines, training, and what is tested with the networks.
"""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any

import torch
from transformers import PreTrainedConfig, PreTrainedModel
from transformers.models.auto.configuration_auto import CONFIG_MAPPING
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING,
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
)

from tests.family_sizes import CHANGES, NOT_BUILDABLE, SIZES, VARIANTS, VOCABULARY

BUILDABLE = sorted(set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) - set(NOT_BUILDABLE))
"""Every model type of transformers' own mapping that is not excused by name."""
NETWORKS = [*BUILDABLE, *VARIANTS]
"""Those, and variants of some whose config switches something that matters: what `tiny_network` takes."""
__all__ = ["BUILDABLE", "NETWORKS", "NOT_BUILDABLE", "VARIANTS", "VOCABULARY", "tiny_config", "tiny_network"]

_MOST_WEIGHTS = 3_000_000
_MOST_LAYERS = 4


def tiny_network(name: str, *, seed: int = 0, **changes: Any) -> PreTrainedModel:
    """A fresh network of a model type or variant, the same for the same seed; matrices are ten times wider
    than usual, so that what leaks from one token or row to another shows in every logit."""
    config = tiny_config(name, **changes)
    network = MODEL_FOR_CAUSAL_LM_MAPPING[type(config)]
    with torch.device("meta"):
        weights = sum(parameter.numel() for parameter in network(config).parameters())
    if weights > _MOST_WEIGHTS:
        raise ValueError(f"{name} would have {weights:,} weights; name its sizes in tests/family_sizes.py.")
    generator = torch.Generator().manual_seed(seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = network(config)
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            if parameter.ndim >= 2 and not path.endswith("A_log"):
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.2)
    return model.eval()


def tiny_config(name: str, **changes: Any) -> PreTrainedConfig:
    """The config of a model type or variant with every size small; it never ends an answer."""
    model_type, variant = VARIANTS.get(name, (name, {}))
    return _small(CONFIG_MAPPING[model_type], **{**CHANGES.get(model_type, {}), **variant, **changes})


def _small(kind: type[PreTrainedConfig], **changes: Any) -> PreTrainedConfig:
    fields = _fields(kind)
    values = {name: value for name, value in SIZES.items() if name in fields}
    values.update(_layers(kind, fields))
    for name, inner in (getattr(kind, "sub_configs", None) or {}).items():
        if not isinstance(changes.get(name), str | PreTrainedConfig):
            values[name] = _small(inner, **changes.pop(name, {}))
    config = kind(**{**values, **changes})
    config.eos_token_id = None
    return config


def _fields(kind: type[PreTrainedConfig]) -> set[str]:
    if dataclasses.is_dataclass(kind):
        return {field.name for field in dataclasses.fields(kind)}
    return set(inspect.signature(kind.__init__).parameters)


def _layers(kind: type[PreTrainedConfig], fields: set[str]) -> dict[str, Any]:
    """Few layers, but one of each sort that the family's own default has, and at least two."""
    try:
        full = kind()
    except Exception:  # noqa: BLE001 - some configs cannot be made without others
        return {}
    length = getattr(full, "num_hidden_layers", None)
    lists = {name: value for name in fields if _is_list_of_names(value := _get(full, name), length)}
    if not lists:
        return {}
    sorts = list(dict.fromkeys(zip(*lists.values(), strict=True)))[:_MOST_LAYERS]
    sorts = sorts * 2 if len(sorts) == 1 else sorts
    columns = dict(zip(lists, map(list, zip(*sorts, strict=True)), strict=True))
    return {**columns, "num_hidden_layers": len(sorts)} if "num_hidden_layers" in fields else columns


def _is_list_of_names(value: Any, length: int | None) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == length
        and all(isinstance(part, str | int | float) for part in value)
    )


def _get(config: PreTrainedConfig, name: str) -> Any:
    """Some configs refuse, by errors of their own, to say for the whole what differs by layer."""
    try:
        return getattr(config, name, None)
    except Exception:  # noqa: BLE001
        return None
