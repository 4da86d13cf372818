"""A checkpoint's own files: what a training stands in at one moment, written as plain numbers and put back.

Knows: which file holds what, and how optimizer, schedule and random states become tensors and JSON and come
back exactly; never as pickles, so that reading one can run nothing.
Refuses to know: when to save, which checkpoint counts, and how Trainer would have done it.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module, Parameter

from errors import BadRequest
from finetune.distributed.dividing import part_of, put, whole
from finetune.distributed.process_group import ProcessGroup

_WEIGHTS, _OPTIMIZER = "weights.safetensors", "optimizer.safetensors"
_STATE = "state.json"
_PLAIN = (bool, int, float, str, type(None))


@dataclass(frozen=True)
class Parts:
    """Some of a state as tensors (for safetensors) and values (for JSON)."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def learning_weights(network: Module) -> Iterator[tuple[str, Parameter]]:
    """One by one: `state_dict()` of a network in nf4 on a processor would unpack its weights, with loss."""
    return ((name, value) for name, value in network.named_parameters() if value.requires_grad)


@dataclass(frozen=True, eq=False)
class Moment:
    """A training as it stands between two steps, whole, on the processor."""

    weights: Mapping[str, Tensor]
    optimizer: Parts
    random_states: Sequence[Parts]
    """One of each process, in their order."""
    schedule: Mapping[str, Any]
    scaler: Mapping[str, Any] | None


@torch.no_grad()
def whole_weights(network: Module) -> dict[str, Tensor]:
    """What learns; the work of all processes where it is divided among them."""
    weights = learning_weights(network)
    return {name: whole(value).to("cpu", copy=True).contiguous() for name, value in weights}


def moment_of(network: Module, optimizer: Any, scheduler: Any, scaler: Any, group: ProcessGroup) -> Moment:
    """The work of all processes, whichever of them writes it."""
    return Moment(
        whole_weights(network),
        optimizer_parts(optimizer),
        group.from_all(random_parts()),
        schedule_values(scheduler),
        None if scaler is None else scaler.state_dict(),
    )


def write_checkpoint(folder: Path, moment: Moment, position: Mapping[str, Any]) -> None:
    """`position`: where in its data the run stands, by its own counting."""
    _save(moment.weights, folder / _WEIGHTS)
    _save(moment.optimizer.tensors, folder / _OPTIMIZER)
    for rank, parts in enumerate(moment.random_states):
        _save(parts.tensors, folder / _random(rank))
    first, *others = (parts.values for parts in moment.random_states)
    state = {
        "position": position,
        "optimizer": moment.optimizer.values,
        "random": first,
        "random_of_others": others,
        "schedule": moment.schedule,
        "scaler": moment.scaler,
    }
    (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")


def read_position(folder: Path) -> Mapping[str, Any]:
    position = _state(folder).get("position")
    if not isinstance(position, dict):
        raise _not_ours()
    return position


@torch.no_grad()
def restore_weights(folder: Path, network: Module) -> None:
    held = load_file(folder / _WEIGHTS)
    wanted = dict(learning_weights(network))
    if held.keys() != wanted.keys():
        raise BadRequest("checkpoint-other-weights")
    for name, value in wanted.items():
        put(held[name], value)


def restore_optimizer_and_schedule(folder: Path, optimizer: Any, scheduler: Any) -> None:
    restore_optimizer_of(folder, optimizer)
    restore_schedule(scheduler, _state(folder)["schedule"])


def restore_optimizer_of(folder: Path, optimizer: Any) -> None:
    restore_optimizer(optimizer, Parts(load_file(folder / _OPTIMIZER), _state(folder)["optimizer"]))


def restore_scaler(folder: Path, scaler: Any) -> None:
    held = _state(folder)["scaler"]
    if scaler is not None and held is not None:
        scaler.load_state_dict(held)


def restore_random_state(folder: Path, rank: int = 0) -> None:
    """A process that was not there before has no state to go on with, and keeps its own."""
    state = _state(folder)
    values = [state["random"], *state.get("random_of_others", ())]
    if rank < len(values):
        restore_random(Parts(load_file(folder / _random(rank)), values[rank]))


def _random(rank: int) -> str:
    return f"random-{rank}.safetensors" if rank else "random.safetensors"


def _save(tensors: Mapping[str, Tensor], path: Path) -> None:
    save_file(dict(tensors), path, metadata={"format": "pt"})


def _state(folder: Path) -> Mapping[str, Any]:
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    if not isinstance(state, dict):
        raise _not_ours()
    return state


def _not_ours() -> BadRequest:
    return BadRequest("checkpoint-without-place")


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
        raise BadRequest("checkpoint-other-state")
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
    """Every random state that a step of this process draws from."""
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
