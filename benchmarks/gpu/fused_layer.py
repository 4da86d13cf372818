"""Layers of a fused step in a CUDA graph on a card: microseconds a layer, and what each of its kernels takes.

Run: python -m benchmarks.gpu.fused_layer [--seconds 30] [--cpu]    a line of JSON for each figure

A layer's figure is the difference between six layers and two, whose weights no cache holds. Attention is
timed by itself over lengths, rows and sizes of a split, because its kernel reads no weights.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any
from unittest import mock

import torch
from torch import Tensor

from benchmarks.gpu.timing import Limit, capture, going_on, replay_us, wait
from engines.slot_cache import SlotCache
from engines.steps.fused_network import FusedLayer, FusedNetwork
from engines.steps.fused_step import FusedStep
from engines.steps.ops import Heads, Linear, Norm, Normed, Rotary
from engines.steps.tables import RowPlace, StepTables

_LAYERS = 6
_ROOM = 4096


def main() -> int:
    parser = argparse.ArgumentParser(description="Time the layers of a fused step on a card.")
    parser.add_argument("--seconds", type=float, default=30.0, help="what is left then is skipped")
    parser.add_argument("--cpu", action="store_true", help="once and in small, kernels interpreted")
    options = parser.parse_args()
    if options.cpu:
        os.environ["TRITON_INTERPRET"] = "1"
    os.environ.setdefault("TRITON_CACHE_DIR", tempfile.mkdtemp(prefix="triton-"))
    limit = Limit(options.seconds)
    for line, measure in [*_chains(options.cpu), *_attentions(options.cpu)]:
        if not limit.over:
            with going_on(line):
                line |= measure()
            sys.stdout.write(json.dumps(line) + "\n")
            sys.stdout.flush()
    return 0


Figures = tuple[dict[str, Any], Callable[[], dict[str, Any]]]
"""What is timed, and its timing."""


def _chains(is_small: bool) -> Iterator[Figures]:
    for rows in (1,) if is_small else (1, 8):
        for pdl in (False,) if is_small else (False, True):
            line = {"what": "neox layer", "rows": rows, "pdl": pdl, "keys": 384}
            yield line, partial(_layer, rows, pdl, is_small)


def _attentions(is_small: bool) -> Iterator[Figures]:
    shapes = {
        "neox of 5.8b": _heads(16, 16, 256, 64),
        "llama-2-7b": _heads(32, 32, 128, 128),
        "8b, grouped": _heads(32, 8, 128, 128),
    }
    if is_small:
        shapes = {"small": _heads(2, 1, 32, 32)}
    for split in (64, 32, 128):
        for name, heads in shapes.items():
            for rows, length in ((1, 384), (8, 384), (1, 4000), (8, 4000)):
                line = {"what": f"attention, {name}", "split": split, "rows": rows, "keys": length}
                yield line, partial(_attention, heads, split, rows, length, is_small)


def _heads(queries: int, groups: int, size: int, rotary: int) -> Heads:
    frequencies = 10000 ** -(torch.arange(0, rotary, 2) / rotary)
    return Heads(
        queries, groups, size, size**-0.5, packed=queries == groups, rotary=Rotary(frequencies, rotary)
    )


def _layer(rows: int, pdl: bool, is_small: bool) -> dict[str, Any]:
    """Also how many bytes a second its weights make of it."""
    from engines.steps.triton_ops import TritonOps

    heads = _heads(2, 2, 32, 16) if is_small else _heads(16, 16, 256, 64)
    network, tables = _network(heads), _tables(heads, rows, 384)
    half = replace(network, layers=network.layers[: _LAYERS - 4])
    whole_us, half_us = (
        _us(partial(FusedStep(part, TritonOps(pdl)), tables, rows, 1024)) for part in (network, half)
    )
    us = (whole_us - half_us) / 4
    layer = network.layers[0]
    assert isinstance(layer.perceptron, Normed)
    linears = (layer.inputs[0].linear, layer.perceptron.linear, layer.out, layer.down)
    moved = sum(linear.weight.nbytes for linear in linears)
    return {"us": us, "gb_s": moved / us / 1e3 if us else None, "around the layers us": half_us - 2 * us}


def _attention(heads: Heads, split: int, rows: int, length: int, is_small: bool) -> dict[str, Any]:
    from engines.steps import triton_attention
    from engines.steps.triton_ops import TritonOps

    length = length // 64 if is_small else length
    tables, ops = _tables(heads, rows, length), TritonOps()
    heads = replace(heads, rotary=_on_device(heads.rotary))
    mixed = _random(rows, (heads.queries + 2 * heads.groups) * heads.size)
    classes = max(1024, _ROOM if length >= 1024 else 0)

    def layers() -> None:
        for layer in range(_LAYERS):
            ops.attend(mixed, heads, layer, tables, classes)

    with mock.patch.object(triton_attention, "_SPLIT", split):
        us = _us(layers) / _LAYERS
    moved = 2 * rows * heads.groups * length * heads.size * mixed.itemsize
    return {"us": us, "gb_s": moved / us / 1e3 if us else None}


def _us(call: Callable[[], object]) -> float:
    """Of one replay; on the processor it is called once, to see that it runs."""
    if not torch.cuda.is_available():
        call()
        return 0.0
    us = replay_us(capture(call))
    wait()
    return us


def _network(heads: Heads) -> FusedNetwork:
    hidden, rotary = heads.queries * heads.size, _on_device(heads.rotary)
    norm = Norm(_random(hidden), _random(hidden), 1e-5)

    def linear(out: int, size: int) -> Linear:
        return Linear(_random(out, size) / size**0.5, _random(out))

    def layer() -> FusedLayer:
        return FusedLayer(
            inputs=(Normed(linear(3 * hidden, hidden), norm),),
            heads=replace(heads, rotary=rotary),
            out=linear(hidden, hidden),
            perceptron=Normed(linear(4 * hidden, hidden), norm, "gelu"),
            down=linear(hidden, 4 * hidden),
            is_parallel=True,
        )

    layers = tuple(layer() for _ in range(_LAYERS))
    return FusedNetwork(_random(16, hidden), layers, Normed(linear(16, hidden), norm))


def _tables(heads: Heads, rows: int, length: int) -> StepTables:
    cache = SlotCache(_LAYERS)
    cache.slots, cache.length = rows, _ROOM
    for layer in cache.layers:
        layer.keys, layer.values = (_random(rows, heads.groups, _ROOM, heads.size) for _ in range(2))
    tables = StepTables(_LAYERS, cache.layers[0].keys.device)
    tables.point_at(cache)
    tables.fill([RowPlace(0, length, slot) for slot in range(rows)])
    return tables


def _on_device(rotary: Rotary | None) -> Rotary:
    assert rotary is not None
    return replace(rotary, frequencies=rotary.frequencies.to(_random(1).device))


def _random(*shape: int) -> Tensor:
    if torch.cuda.is_available():
        return torch.randn(shape, device="cuda", dtype=torch.bfloat16)
    return torch.randn(shape)


if __name__ == "__main__":
    raise SystemExit(main())
