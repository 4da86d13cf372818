"""The last part of `decide`: the fused step of real shapes as a graph, its logits held against transformers'.

Knows: how a graph of it is captured and timed, and which weights a token costs.
Refuses to know: how the engine captures and replays; `scripts/gpu_check --verify` asks that.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from benchmarks.gpu.bench import CARD, PROCESSOR
from benchmarks.gpu.timing import Limit, capture, going_on, replay_us
from benchmarks.networks import Shape, random_network
from engines.slot_cache import SlotCache, Window
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.ops import StepOps
from engines.steps.tables import RowPlace, StepTables

_PROMPT, _KEYS = 384, 1024


def own(on_card: bool, found: dict[str, Any], save: Callable[[], None], read_gb_s: float | None) -> None:
    """One network at a time: the next is made when the last is gone."""
    limit, scale = Limit(75), CARD if on_card else PROCESSOR
    for name, shape in {"5.8b": scale.neox, "llama-2-7b": scale.llama, "8b grouped": scale.grouped}.items():
        if limit.over:
            found[name] = "skipped: out of time"
            continue
        told = found.setdefault(name, {})
        with going_on(told), torch.inference_mode():
            _one(shape, scale.device, told, save, read_gb_s)
        gc.collect()
        if on_card:
            torch.cuda.empty_cache()
        save()


def _one(
    shape: Shape, device: str, told: dict[str, Any], save: Callable[[], None], read_gb_s: float | None
) -> None:
    network = random_network(shape, 1, device)
    tables, wanted = _read(network, shape, device)
    cost = sum(part.nbytes for part in network.parameters()) - network.get_input_embeddings().weight.nbytes
    for pdl in (False, True) if device != "cpu" else (False,):
        step, kind = FusedStep(read_network(network), _ops(device, pdl)), " pdl" if pdl else ""
        with going_on(told, f"broke{kind}"):
            logits = step(tables, 1, _KEYS)[0].float()
            told[f"distance{kind}"] = float((logits - wanted).norm() / wanted.norm())
            told[f"same token{kind}"] = bool(logits.argmax() == wanted.argmax())
            for rows in (1, 8) if device != "cpu" else ():
                us = replay_us(capture(partial(step, tables, rows, _KEYS), warm_ups=2))
                told[f"{rows} rows us{kind}"] = us
                told[f"{rows} rows share of read{kind}"] = cost / us / 1e3 / read_gb_s if read_gb_s else None
                save()


def _ops(device: str, pdl: bool) -> StepOps:
    if device == "cpu":
        from engines.steps.torch_ops import TorchOps

        return TorchOps()
    from engines.steps.triton_ops import TritonOps

    return TritonOps(pdl)


def _read(network: Any, shape: Shape, device: str) -> tuple[StepTables, torch.Tensor]:
    """Eight rows of one prompt in a cache, and transformers' logits of the step after it."""
    cache = SlotCache(shape.layers)
    cache.reserve(8, _KEYS)
    ids = torch.randint(0, shape.vocabulary, (1, _PROMPT), device=device)
    tables = StepTables(shape.layers, torch.device(device))
    for slot in range(8):
        cache.window = Window(slot, 1, torch.arange(_PROMPT, device=device)[None], 0, _PROMPT)
        network(input_ids=ids, past_key_values=cache, use_cache=True, logits_to_keep=1)
    at = torch.full((1, 1), _PROMPT, device=device)
    cache.window = Window(0, 1, at, _PROMPT, _PROMPT + 1)
    given = {"input_ids": ids[:, :1], "position_ids": at, "past_key_values": cache, "use_cache": True}
    wanted = network(**given).logits[0, -1].float()
    tables.fill([RowPlace(int(ids[0, 0]), _PROMPT, slot) for slot in range(8)])
    tables.point_at(cache)
    return tables, wanted
