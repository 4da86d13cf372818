"""A checkpoint's own files: weights, optimiser, schedule and chance of one moment, written and put back.

Knows: which file holds what; only safetensors and JSON, so that reading one can run nothing.
Refuses to know: when to save, which checkpoint counts, and how Trainer would have done it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module, Parameter

from errors import BadRequest
from finetune.training.state_parts import (
    Parts,
    optimizer_parts,
    random_parts,
    restore_optimizer,
    restore_random,
    restore_schedule,
    schedule_values,
)

_WEIGHTS, _OPTIMIZER, _RANDOM = "weights.safetensors", "optimizer.safetensors", "random.safetensors"
_STATE = "state.json"


@dataclass(frozen=True)
class Position:
    """Where in the data a run stands, and by which counting; a run with another count must not go on here."""

    step: int
    total_steps: int
    rows_a_step: int
    blocks: int


def learning_weights(network: Module) -> Iterator[tuple[str, Parameter]]:
    """One by one: `state_dict()` of a network in nf4 on a processor would unpack its weights, with loss."""
    return ((name, value) for name, value in network.named_parameters() if value.requires_grad)


def write_checkpoint(
    folder: Path, network: Module, optimizer: Any, scheduler: Any, scaler: Any, position: Position
) -> None:
    weights = {name: value.detach().to("cpu", copy=True) for name, value in learning_weights(network)}
    _save({name: value.contiguous() for name, value in weights.items()}, folder / _WEIGHTS)
    kept, chance = optimizer_parts(optimizer), random_parts()
    _save(kept.tensors, folder / _OPTIMIZER)
    _save(chance.tensors, folder / _RANDOM)
    state = {
        "position": vars(position),
        "optimizer": kept.values,
        "random": chance.values,
        "schedule": schedule_values(scheduler),
        "scaler": None if scaler is None else scaler.state_dict(),
    }
    (folder / _STATE).write_text(json.dumps(state), encoding="utf-8")


def read_position(folder: Path) -> Position:
    try:
        return Position(**_state(folder)["position"])
    except (KeyError, TypeError):
        raise _not_ours() from None


@torch.no_grad()
def restore_weights(folder: Path, network: Module) -> None:
    held = load_file(folder / _WEIGHTS)
    wanted = dict(learning_weights(network))
    if held.keys() != wanted.keys():
        raise BadRequest(
            "The checkpoint holds other weights than those that are trained now. Go on with the settings "
            "that the run began with."
        )
    for name, value in wanted.items():
        value.copy_(held[name])


def restore_course(folder: Path, optimizer: Any, scheduler: Any) -> None:
    state = _state(folder)
    restore_optimizer(optimizer, Parts(load_file(folder / _OPTIMIZER), state["optimizer"]))
    restore_schedule(scheduler, state["schedule"])


def restore_scaler(folder: Path, scaler: Any) -> None:
    held = _state(folder)["scaler"]
    if scaler is not None and held is not None:
        scaler.load_state_dict(held)


def restore_chance(folder: Path) -> None:
    restore_random(Parts(load_file(folder / _RANDOM), _state(folder)["random"]))


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    save_file(tensors, path, metadata={"format": "pt"})


def _state(folder: Path) -> Mapping[str, Any]:
    state = json.loads((folder / _STATE).read_text(encoding="utf-8"))
    if not isinstance(state, dict):
        raise _not_ours()
    return state


def _not_ours() -> BadRequest:
    return BadRequest("The checkpoint does not say where it stands, so the run cannot go on from it.")
