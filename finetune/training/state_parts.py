"""What a training stands in, as plain numbers: optimizer, schedule, random states; never as pickles.

Knows: how each of them becomes tensors (for safetensors) and values (for JSON), and comes back exactly.
Refuses to know: files, and when anything is saved.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from errors import BadRequest
from finetune.distributed.dividing import part_of, whole

_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Parts:
    """Half of it is tensors, half of it is JSON."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def optimizer_parts(optimizer: Any) -> Parts:
    """Tensors as `number.name`, where number is the parameter's as the optimizer counts."""
    held = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    values: dict[str, dict[str, Any]] = {}
    for number, state in held["state"].items():
        for name, value in state.items():
            if isinstance(value, Tensor):
                # A copy on the processor: some optimizers share one tensor between parameters.
                tensors[f"{number}.{name}"] = whole(value.detach()).to("cpu", copy=True).contiguous()
            else:
                values.setdefault(str(number), {})[name] = _plain(value)
    groups = [{key: _plain(value) for key, value in group.items()} for group in held["param_groups"]]
    return Parts(tensors, {"state": values, "param_groups": groups})


def restore_optimizer(optimizer: Any, parts: Parts) -> None:
    groups = _groups(parts, optimizer.param_groups)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for number, values in parts.values["state"].items():
        state.setdefault(int(number), {}).update(values)
    for key, value in parts.tensors.items():
        number, _, name = key.partition(".")
        state.setdefault(int(number), {})[name] = part_of(value, weights[int(number)])
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _groups(parts: Parts, now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = parts.values["param_groups"]
    if [len(group["params"]) for group in groups] != [len(group["params"]) for group in now]:
        raise BadRequest("The checkpoint holds the state of other weights than those that are trained now.")
    return groups


def schedule_values(scheduler: Any) -> dict[str, Any]:
    """Where the learning rate stands; its form is made anew from the settings."""
    held = {key: value for key, value in scheduler.state_dict().items() if key != "lr_lambdas"}
    return {key: _plain(value) for key, value in held.items()}


def restore_schedule(scheduler: Any, values: Mapping[str, Any]) -> None:
    now = scheduler.state_dict()
    # One rate holds for all groups of weights, whose number is another where DeepSpeed divides them.
    rates = {name: values[name][:1] * len(now[name]) for name in ("base_lrs", "_last_lr")}
    scheduler.load_state_dict({**now, **values, **rates})


def random_parts() -> Parts:
    """Every source of chance that a step of this process draws from."""
    tensors = {"torch": torch.get_rng_state()}
    if torch.cuda.is_available():
        tensors["cuda"] = torch.cuda.get_rng_state()
    version, words, gauss = random.getstate()
    legacy = np.random.get_state(legacy=False)
    assert isinstance(legacy, dict)
    tensors["numpy"] = torch.from_numpy(legacy["state"]["key"].astype(np.int64))
    numpy = {"pos": int(legacy["state"]["pos"]), "has_gauss": int(legacy["has_gauss"])}
    return Parts(
        tensors,
        {"python": [version, list(words), gauss], "numpy": {**numpy, "gauss": float(legacy["gauss"])}},
    )


def restore_random(parts: Parts) -> None:
    torch.set_rng_state(parts.tensors["torch"])
    if torch.cuda.is_available() and "cuda" in parts.tensors:
        torch.cuda.set_rng_state(parts.tensors["cuda"])
    version, words, gauss = parts.values["python"]
    random.setstate((version, tuple(words), gauss))
    numpy = parts.values["numpy"]
    key = parts.tensors["numpy"].numpy().astype(np.uint32)
    np.random.set_state(("MT19937", key, numpy["pos"], numpy["has_gauss"], numpy["gauss"]))


def _plain(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, Tensor) and value.numel() == 1:
        return value.item()
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")
