"""Where models live: which device is used, how much memory it has, and what a model really takes of it.

Free and used bytes are read from a GPU or from the machine's own memory; a network's bytes are those of its
storages.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import psutil
import torch

from errors import BadRequest

_LEFT_FREE = 0.10
"""The share of free memory that the budget leaves to activations and to others."""


def pick_device(name: str | None) -> torch.device:
    """The named device, or the first GPU, or the processor."""
    if name is None:
        return torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    kind, _, number = name.partition(":")
    if kind not in ("cpu", "cuda") or not (number.isdecimal() or number == ""):
        raise BadRequest("device-unreadable", name=name)
    if kind == "cpu":
        return torch.device("cpu")
    here = torch.cuda.device_count()
    if int(number or 0) >= here:
        raise BadRequest("device-not-here", name=name, here=here)
    return torch.device("cuda", int(number or 0))


def free_bytes(device: torch.device) -> int:
    """What is free right now, blocks cached by this process included."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return psutil.virtual_memory().available


def bytes_beside_allocator(device: torch.device) -> int:
    """What a GPU holds that torch's allocator does not: contexts, kernels, graphs, and other processes."""
    free, total = torch.cuda.mem_get_info(device)
    return total - free - torch.cuda.memory_reserved(device)


def default_budget(device: torch.device) -> int:
    return int(free_bytes(device) * (1 - _LEFT_FREE))


def network_bytes(network: torch.nn.Module) -> int:
    """The bytes of every storage the network holds, shared ones counted once."""
    storages = (tensor.untyped_storage() for tensor in tensors_of(network))
    return sum({storage.data_ptr(): storage.nbytes() for storage in storages}.values())


def tensors_of(network: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Parameters, buffers, and what quantized weights keep beside them."""
    for tensor in (*network.parameters(), *network.buffers()):
        yield tensor
        yield from _beside(tensor, ("absmax", "code", "offset", "SCB", "CB"))


def own_tensors_of(network: torch.nn.Module) -> Iterator[torch.Tensor]:
    """Those that no other network can share: bitsandbytes has one table of codes for all."""
    for tensor in (*network.parameters(), *network.buffers()):
        yield tensor
        yield from _beside(tensor, ("absmax", "SCB", "CB"))


def _beside(tensor: torch.Tensor, names: tuple[str, ...]) -> Iterator[torch.Tensor]:
    state = getattr(tensor, "quant_state", None)
    holders = [tensor, state, getattr(state, "state2", None)]
    for holder in holders:
        for name in names:
            held = getattr(holder, name, None)
            if isinstance(held, torch.Tensor):
                yield held


class ReleaseProof:
    """Made before a network is unloaded or parked; tells afterwards how many bytes really came back."""

    def __init__(self, network: torch.nn.Module, device: torch.device, of_steps: int = 0) -> None:
        """`of_steps`: what its graphs are booked with; the driver's part of them no allocator counts."""
        self._device, self._of_steps = device, of_steps
        on_card = device.type == "cuda"
        self._allocated = torch.cuda.memory_allocated(device) if on_card else 0
        self._beside = bytes_beside_allocator(device) if on_card else 0
        self._watched = [
            (weakref.ref(tensor), tensor.untyped_storage().data_ptr(), tensor.untyped_storage().nbytes())
            for tensor in tensors_of(network)
        ]

    def returned_bytes(self) -> int:
        if self._device.type == "cuda":
            # Another process may end at this moment, so no more than was booked is taken for ours.
            beside = self._beside - bytes_beside_allocator(self._device)
            own = self._allocated - torch.cuda.memory_allocated(self._device)
            return own + min(max(0, beside), self._of_steps)
        gone = {place: size for tensor, place, size in self._watched if not _holds_bytes(tensor())}
        alive = {place for tensor, place, _ in self._watched if _holds_bytes(tensor())}
        return sum(size for place, size in gone.items() if place not in alive)


def _holds_bytes(tensor: torch.Tensor | None) -> bool:
    return tensor is not None and tensor.untyped_storage().nbytes() > 0
