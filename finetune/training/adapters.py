"""Several LoRA adapters over one copy of a base: the one that learns, the one it is held against, a reward
model's; and which of them the network speaks with.

Never through PEFT's own switches, which set what learns anew each time.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from engines.loading.adapters import lora_config
from engines.loading.hub import files_of
from engines.loading.loaded import LoadWatch
from engines.loading.safety import check_adapter
from errors import BadRequest
from model_registry.spec import ModelSpec

LEARNS = "default"
"""The name of the adapter that learns, as in every run's files."""
REFERENCE = "reference"


@dataclass(frozen=True, eq=False)
class StoredAdapter:
    """An adapter as its files have it."""

    config: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    """By the names of the file, on the processor."""


def read_adapter(spec: ModelSpec, watch: LoadWatch) -> StoredAdapter:
    """The adapter of an entry; only plain LoRA can be gone on with."""
    from safetensors.torch import load_file

    folder = Path(files_of(spec, watch))
    checked = check_adapter(folder, spec)
    if checked.config.get("peft_type") != "LORA":
        raise BadRequest("tuned-not-lora", model=spec.title, name="base_model")
    if spec.task != "reward" and checked.config.get("modules_to_save"):
        raise BadRequest("tuned-retrains-layers", model=spec.title, name="base_model")
    return StoredAdapter(checked.config, load_file(folder / "adapter_model.safetensors"))


def add_adapter(network: Any, name: str, stored: StoredAdapter, *, learns: bool = False) -> None:
    """Put a stored adapter into PEFT's network, in float32. Which one is spoken with stays as it was."""
    before = _flags(network)
    if name not in network.peft_config:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            network.add_adapter(name, lora_config(stored.config))
    fill_adapter(network, name, stored)
    for path, value in network.named_parameters():
        parts = path.split(".")
        if name in parts:
            value.requires_grad_(learns)
        elif LEARNS in parts:
            value.requires_grad_(True)
    _set_flags(before)


@torch.no_grad()
def fill_adapter(network: Module, name: str, stored: StoredAdapter) -> None:
    """Every tensor of LoRA layers into its place; another tensor (a score head) is its reader's business."""
    places = {path.replace(f".{name}.", "."): value for path, value in network.named_parameters()}
    held = {key: value for key, value in stored.weights.items() if ".lora_" in key}
    for key, value in held.items():
        place = places.get(key)
        if place is None or place.shape != value.shape:
            raise BadRequest("tuned-over-another-base", tensor=key, name="base_model")
        place.data = value.to(place.device, torch.float32, copy=True)


@contextmanager
def speaking_with(network: Module, name: str | None) -> Iterator[None]:
    """Inside, the network answers with this adapter; None: as the base alone."""
    before = _flags(network)
    for layer, *_ in before:
        layer._disable_adapters = name is None
        if name is not None:
            layer._active_adapter = [name]
    try:
        yield
    finally:
        _set_flags(before)


_Flags = list[tuple[Any, Any, bool]]


def _flags(network: Module) -> _Flags:
    """Of each LoRA layer, which adapters it uses and whether it uses none."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    layers = [module for module in network.modules() if isinstance(module, BaseTunerLayer)]
    return [(layer, layer._active_adapter, layer._disable_adapters) for layer in layers]


def _set_flags(flags: _Flags) -> None:
    for layer, active, disabled in flags:
        layer._active_adapter, layer._disable_adapters = active, disabled
