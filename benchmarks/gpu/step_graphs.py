"""The parts of `decide` with whole networks: steps of transformers', the fused one, and three at once.

How the engine captures and replays is not asked here: `scripts/gpu_check --verify` does.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from transformers import StaticCache

from benchmarks.gpu.bench import CARD, GROUPED, LLAMA, NEOX, PROCESSOR, TWIN
from benchmarks.gpu.timing import Limit, call_us, capture, going_on, replay_us, wall_us
from benchmarks.networks import Shape, random_network
from engines.slot_cache import SlotCache, Window
from engines.steps.fused_network import read_network
from engines.steps.fused_step import FusedStep
from engines.steps.ops import StepOps
from engines.steps.tables import RowPlace, StepTables

_PROMPT, _KEYS, _PLACES = 384, 1024, 512
_STEPS = 16
_IN_TURN = 20
"""Replays of each model before all streams wait for each other."""

Save = Callable[[], None]


@dataclass(frozen=True)
class _Model:
    """A random network, eight rows of one prompt in a cache, and what its next step has to say."""

    network: Any
    tables: StepTables
    prompt: torch.Tensor
    wanted: torch.Tensor
    bytes: int
    """That a step reads of the weights."""
    device: str

    def step(self, pdl: bool) -> FusedStep:
        return FusedStep(read_network(self.network), _ops(self.device, pdl))


def steps(on_card: bool, found: dict[str, Any], save: Save, copy_gb_s: float | None) -> None:
    """One network at a time: the next is made when the last is gone."""
    limit, scale = Limit(60), CARD if on_card else PROCESSOR
    for name in (NEOX, LLAMA, GROUPED):
        if limit.over:
            found[name] = "skipped: out of time"
            continue
        told = found.setdefault(name, {})
        with going_on(told), torch.no_grad():
            _one(scale.shapes[name], scale.device, told, save, copy_gb_s)
        _forget(on_card)
        save()


def _one(shape: Shape, device: str, told: dict[str, Any], save: Save, copy_gb_s: float | None) -> None:
    model = _model(shape, 1, device)
    share = partial(_share, model.bytes, copy_gb_s)
    _fused(model, told, share, save)
    _transformers(model, told, share)


def streams(on_card: bool, found: dict[str, Any], save: Save, copy_gb_s: float | None) -> None:
    """Three models' steps replayed in turn on one stream, and each on a stream of its own."""
    scale = CARD if on_card else PROCESSOR
    with torch.no_grad():
        models = [
            _model(scale.shapes[name], seed, scale.device) for seed, name in enumerate((NEOX, TWIN, LLAMA))
        ]
        for pdl in (False, True) if on_card else (False,):
            calls = [partial(model.step(pdl), model.tables, 1, _KEYS) for model in models]
            name = "with dependent launches" if pdl else "plain"
            told = found.setdefault(name, {})
            if not on_card:
                told["rows"] = [len(call()) for call in calls]
                continue
            told |= _beside([capture(call, warm_ups=2) for call in calls])
            told["share of copy, one stream"] = _share(
                sum(model.bytes for model in models), copy_gb_s, told["one stream us"]
            )
            save()
    del models
    _forget(on_card)


def _beside(graphs: list[torch.cuda.CUDAGraph]) -> dict[str, Any]:
    def in_turn() -> None:
        for _ in range(_IN_TURN):
            for graph in graphs:
                graph.replay()

    alone = [replay_us(graph) for graph in graphs]
    streams = [torch.cuda.Stream() for _ in graphs]
    one, three = (call_us(call, 5) / _IN_TURN for call in (in_turn, partial(_on_streams, graphs, streams)))
    return {
        "each alone us": alone,
        "one stream us": one,
        "three streams us": three,
        "one stream over the sum of each alone": one / sum(alone),
        "three streams over one": three / one,
    }


def _on_streams(graphs: list[torch.cuda.CUDAGraph], streams: list[torch.cuda.Stream]) -> None:
    here = torch.cuda.current_stream()
    for graph, stream in zip(graphs, streams, strict=True):
        stream.wait_stream(here)
        with torch.cuda.stream(stream):
            for _ in range(_IN_TURN):
                graph.replay()
    for stream in streams:
        here.wait_stream(stream)


def _fused(model: _Model, told: dict[str, Any], share: Callable[[float], float | None], save: Save) -> None:
    """The engine's step as a graph, plain and with dependent launches, of one row and of eight."""
    on_card = model.device != "cpu"
    for pdl in (False, True) if on_card else (False,):
        step, kind = model.step(pdl), "fused, dependent launches" if pdl else "fused"
        with going_on(told, f"{kind}: broke"):
            logits = step(model.tables, 1, _KEYS)[0].float()
            told[f"{kind}: distance"] = float((logits - model.wanted).norm() / model.wanted.norm())
            told[f"{kind}: same token"] = bool(logits.argmax() == model.wanted.argmax())
            for rows in (1, 8) if on_card else ():
                us = replay_us(capture(partial(step, model.tables, rows, _KEYS), warm_ups=2))
                told |= {f"{kind}: {rows} rows us": us, f"{kind}: {rows} rows share of copy": share(us)}
                save()


def _transformers(model: _Model, told: dict[str, Any], share: Callable[[float], float | None]) -> None:
    """Its modules over its own static cache, launched one by one and as a graph."""
    step = _StaticStep(model.network, model.prompt)
    with going_on(told, "transformers: broke"):
        eager = told["transformers, eager us"] = step.us(step, wall_us)
        told["transformers, eager share of copy"] = share(eager)
        if model.device == "cpu":
            return
        wanted = step.logits.clone()
        step.back()
        graph = capture(step, warm_ups=3)
        us = told["transformers, graph us"] = step.us(graph.replay, call_us)
        told["transformers, graph share of copy"] = share(us)
        told["transformers, graph as eager"] = float((step.logits - wanted).norm() / wanted.norm())


class _StaticStep:
    """A network, transformers' static cache, and the token that goes round."""

    def __init__(self, network: Any, prompt: torch.Tensor) -> None:
        self.network = network
        self.cache = StaticCache(config=network.config, max_cache_len=_PLACES)
        out = network(input_ids=prompt, past_key_values=self.cache, use_cache=True, logits_to_keep=1)
        self.token, self.logits = prompt[:, :1].clone(), out.logits.clone()

    def __call__(self) -> None:
        """Nothing is read on the host: the next token stays on the device."""
        out = self.network(input_ids=self.token, past_key_values=self.cache, use_cache=True)
        self.logits.copy_(out.logits)
        self.token.copy_(out.logits[:, -1].argmax(-1, keepdim=True))

    def back(self) -> None:
        """To the end of the prompt; beyond the last place the device would stop with an error."""
        self.token.zero_()
        for layer in self.cache.layers:
            layer.cumulative_length.fill_(_PROMPT)

    def us(self, once: Callable[[], object], measure: Callable[..., float]) -> float:
        """Microseconds a step; the counters are set back before and after a round that is not timed."""

        def all_steps() -> None:
            for _ in range(_STEPS):
                once()

        self.back()
        all_steps()
        self.back()
        return measure(all_steps, 3) / _STEPS


def _model(shape: Shape, seed: int, device: str) -> _Model:
    network = random_network(shape, seed, device)
    cache = SlotCache(shape.layers)
    cache.reserve(8, _KEYS)
    prompt = torch.randint(0, shape.vocabulary, (1, _PROMPT), device=device)
    tables = StepTables(shape.layers, torch.device(device))
    for slot in range(8):
        cache.window = Window(slot, 1, torch.arange(_PROMPT, device=device)[None], 0, _PROMPT)
        network(input_ids=prompt, past_key_values=cache, use_cache=True, logits_to_keep=1)
    at = torch.full((1, 1), _PROMPT, device=device)
    cache.window = Window(0, 1, at, _PROMPT, _PROMPT + 1)
    given = {"input_ids": prompt[:, :1], "position_ids": at, "past_key_values": cache, "use_cache": True}
    wanted = network(**given).logits[0, -1].float()
    tables.fill([RowPlace(int(prompt[0, 0]), _PROMPT, slot) for slot in range(8)])
    tables.point_at(cache)
    read = sum(part.nbytes for part in network.parameters()) - network.get_input_embeddings().weight.nbytes
    return _Model(network, tables, prompt, wanted, read, device)


def _share(nbytes: int, copy_gb_s: float | None, us: float) -> float | None:
    return nbytes / us / 1e3 / copy_gb_s if copy_gb_s else None


def _ops(device: str, pdl: bool) -> StepOps:
    if device == "cpu":
        from engines.steps.torch_ops import TorchOps

        return TorchOps()
    from engines.steps.triton_ops import TritonOps

    return TritonOps(pdl)


def _forget(on_card: bool) -> None:
    gc.collect()
    if on_card:
        torch.cuda.empty_cache()
