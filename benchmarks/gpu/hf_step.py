"""The fourth part of `decide`: one step of two real shapes through transformers, eager and as a graph.

Knows: that a static cache of transformers counts on the device, and must be set back before it is full.
Refuses to know: the own step of Narani.
"""

from __future__ import annotations

import gc
import statistics
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile
from transformers import GPTNeoXConfig, GPTNeoXForCausalLM, LlamaConfig, LlamaForCausalLM, StaticCache

from benchmarks.gpu.timing import Limit, call_us, capture, going_on, wait, wall_us

_BUCKET, _PROMPT, _STEPS = 512, 384, 16
_NEOX = {"hidden_size": 4096, "num_hidden_layers": 28, "num_attention_heads": 16, "intermediate_size": 16384}
_LLAMA = {"hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32, "intermediate_size": 11008}
_TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128}


class Step:
    """A network, its cache of 512 places, and the token that goes round."""

    def __init__(self, network: Any, device: str) -> None:
        self.network = network
        self.cache = StaticCache(config=network.config, max_cache_len=_BUCKET)
        self.token = torch.zeros((1, 1), dtype=torch.long, device=device)
        self.logits = torch.full((1, 1, network.config.vocab_size), float("nan"), device=device)
        self.given: dict[str, Any] = {}
        ids = torch.randint(0, network.config.vocab_size, (1, _PROMPT), device=device)
        network(input_ids=ids, past_key_values=self.cache, use_cache=True)

    def __call__(self) -> None:
        """Nothing is read on the host: the next token stays on the device."""
        out = self.network(input_ids=self.token, past_key_values=self.cache, use_cache=True, **self.given)
        self.logits.copy_(out.logits)
        self.token.copy_(out.logits[:, -1].argmax(-1, keepdim=True))

    def back(self) -> None:
        """To the end of the prompt; beyond the last place the device would stop with an error."""
        self.token.zero_()
        for layer in self.cache.layers:
            layer.cumulative_length.fill_(_PROMPT)

    def with_own_mask(self) -> None:
        """Leave the mask and the positions to the caller: the part of the step that could be uncapturable."""
        places = torch.arange(_BUCKET, device=self.token.device)
        mask = (places <= _PROMPT).view(1, 1, 1, _BUCKET)
        self.given = {"attention_mask": mask, "position_ids": torch.full_like(self.token, _PROMPT)}


def hf(on_card: bool, results: dict[str, Any], save: Callable[[], None], read_gb_s: float | None) -> None:
    """One network at a time: the second is made when the first is gone."""
    limit = Limit(50)
    shapes: tuple[tuple[str, Any, Any, dict[str, int]], ...] = (
        ("gpt-neox 5.8b", GPTNeoXForCausalLM, GPTNeoXConfig, {**_NEOX, "vocab_size": 30080}),
        ("llama-2-7b", LlamaForCausalLM, LlamaConfig, {**_LLAMA, "vocab_size": 32000}),
    )
    for name, network_class, config_class, numbers in shapes:
        if limit.over:
            results[name] = "skipped: out of time"
            continue
        found = results.setdefault(name, {})
        sizes = numbers if on_card else {**_TINY, "vocab_size": 320}
        config = config_class(max_position_embeddings=2048, **sizes)
        with going_on(found), torch.no_grad():
            _one(network_class, config, on_card, found, save, read_gb_s, limit)
        gc.collect()
        if on_card:
            torch.cuda.empty_cache()
        save()


def _one(
    network_class: Any,
    config: Any,
    on_card: bool,
    found: dict[str, Any],
    save: Callable[[], None],
    read_gb_s: float | None,
    limit: Limit,
) -> None:
    started = time.perf_counter()
    device = "cuda" if on_card else "cpu"
    with torch.device(device):
        network = network_class._from_config(config, dtype=torch.bfloat16).eval().requires_grad_(False)
    step = Step(network, device)
    wait()
    found["seconds to make"] = round(time.perf_counter() - started, 1)
    embedding = network.get_input_embeddings().weight.nbytes
    weights = sum(part.nbytes for part in network.parameters()) - embedding
    found["weight bytes a step"] = weights
    found["eager us"] = _eager(step)
    save()
    with going_on(found, "eager profile"):
        found["eager profile"] = _profiled(step, step, on_card)
    save()
    if not on_card or limit.over:
        found["graph us"] = "needs a card" if not on_card else "skipped: out of time"
        return
    eager_logits = step.logits.clone()
    graph = _captured(step, found)
    step.back()
    graph.replay()
    wait()
    found["graph logits as eager"] = float((step.logits - eager_logits).norm() / eager_logits.norm())
    us = _many(step, graph.replay, call_us, rounds=6)
    found |= {"graph us": us, "tokens a second": 1e6 / us, "gb_s": weights / us / 1e3}
    found["share of read bandwidth"] = weights / us / 1e3 / read_gb_s if read_gb_s else None
    save()
    with going_on(found, "graph profile"):
        found["graph profile"] = _profiled(step, graph.replay, on_card)
    graph.reset()


def _eager(step: Step) -> float:
    """Microseconds a step on the host's clock; the first round is not counted."""
    return _many(step, step, wall_us, rounds=4)


def _many(step: Step, once: Callable[[], None], measure: Callable[..., float], rounds: int) -> float:
    """Microseconds a step; the counters are set back outside of what is timed."""

    def steps() -> None:
        for _ in range(_STEPS):
            once()

    spent = []
    for _ in range(rounds):
        step.back()
        spent.append(measure(steps, 3) / _STEPS)
    return statistics.median(spent[1:])


def _captured(step: Step, found: dict[str, Any]) -> torch.cuda.CUDAGraph:
    step.back()
    try:
        graph = capture(step, warm_ups=3)
        found["mask in the graph"] = "made by transformers"
    except Exception:  # noqa: BLE001 - the second way is what is asked then
        traceback.print_exc()
        step.with_own_mask()
        step.back()
        graph = capture(step, warm_ups=3)
        found["mask in the graph"] = "given from outside"
    return graph


def _profiled(step: Step, once: Callable[[], None], on_card: bool) -> dict[str, Any]:
    """Kernels of one step and their time on the device; the dearest twelve by name."""
    step.back()
    once()
    step.back()
    wait()
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    with profile(activities=activities) as profiler:
        once()
        wait()
    wanted = "CUDA" if on_card else "CPU"
    seen = [event for event in profiler.events() or [] if str(event.device_type).endswith(wanted)]
    spent: Counter[str] = Counter()
    count: Counter[str] = Counter()
    for event in seen:
        spent[event.name[:90]] += event.time_range.elapsed_us()
        count[event.name[:90]] += 1
    return {
        "kernels": len(seen),
        "sum us": sum(spent.values()),
        "top": [{"name": name, "us": us, "count": count[name]} for name, us in spent.most_common(12)],
    }
