"""A checkpoint's own files: weights, optimizer, schedule and chance of one moment, written and put back.

Knows: which file holds what; only safetensors and JSON, so that reading one can run nothing.
Refuses to know: when to save, which checkpoint counts, and how Trainer would have done it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn import Module, Parameter

from errors import BadRequest
from finetune.distributed.dividing import put, whole
from finetune.distributed.process_group import ProcessGroup
from finetune.training.state_parts import (
    Parts,
    optimizer_parts,
    random_parts,
    restore_optimizer,
    restore_random,
    restore_schedule,
    schedule_values,
)

_WEIGHTS, _OPTIMIZER = "weights.safetensors", "optimizer.safetensors"
_STATE = "state.json"


@dataclass(frozen=True)
class Position:
    """Where in the data a run stands, and by which counting; a run with another count must not go on here."""

    step: int
    total_steps: int
    rows_a_step: int
    blocks: int
    best: Mapping[str, Any] = field(default_factory=dict)
    """The best weights so far, as best.py writes it down."""


def learning_weights(network: Module) -> Iterator[tuple[str, Parameter]]:
    """One by one: `state_dict()` of a network in nf4 on a processor would unpack its weights, with loss."""
    return ((name, value) for name, value in network.named_parameters() if value.requires_grad)


@dataclass(frozen=True, eq=False)
class Moment:
    """A training as it stands between two steps, whole, on the processor."""

    weights: Mapping[str, Tensor]
    optimizer: Parts
    random_states: Sequence[Parts]
    """Of each process."""
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


def write_checkpoint(folder: Path, moment: Moment, position: Position) -> None:
    _save(moment.weights, folder / _WEIGHTS)
    _save(moment.optimizer.tensors, folder / _OPTIMIZER)
    for rank, chance in enumerate(moment.random_states):
        _save(chance.tensors, folder / _random(rank))
    first, *others = (chance.values for chance in moment.random_states)
    state = {
        "position": vars(position),
        "optimizer": moment.optimizer.values,
        "random": first,
        "random_of_others": others,
        "schedule": moment.schedule,
        "scaler": moment.scaler,
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
        put(held[name], value)


def restore_course(folder: Path, optimizer: Any, scheduler: Any) -> None:
    state = _state(folder)
    restore_optimizer(optimizer, Parts(load_file(folder / _OPTIMIZER), state["optimizer"]))
    restore_schedule(scheduler, state["schedule"])


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
    return BadRequest("The checkpoint does not say where it stands, so the run cannot go on from it.")
