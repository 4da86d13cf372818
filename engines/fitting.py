"""What a load will need, and the sentence that refuses one which can never fit.

Knows: estimates of weights and cache, and which other quantisation would fit a budget.
Refuses to know: what is resident now, and when there is room.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from engines.lease import LeaseRequest
from engines.loading.loaded import Estimate
from errors import NoRoom
from model_registry.spec import ModelSpec
from settings import format_bytes

EstimateLoad = Callable[[ModelSpec, str, torch.device], Estimate]


def bytes_needed(
    request: LeaseRequest, quantisation: str, device: torch.device, estimate: EstimateLoad
) -> tuple[int, int]:
    """(weights with those of the adapter, cache of its question) by estimate."""
    known = estimate(request.base, quantisation, device)
    adapter = adapter_bytes(request, device, estimate)
    tokens = min(request.cache_tokens, request.base.context_length)
    return known.weight_bytes + adapter, known.state_bytes + tokens * known.cache_bytes_per_token


def adapter_bytes(request: LeaseRequest, device: torch.device, estimate: EstimateLoad) -> int:
    """What the wanted adapter adds; its weights take the type that its base is loaded in."""
    if request.adapter is None:
        return 0
    as_base = request.adapter.model_copy(update={"loading": request.base.loading})
    return estimate(as_base, "none", device).weight_bytes


def no_room(
    request: LeaseRequest,
    need: int,
    budget: int,
    device: torch.device,
    estimate: EstimateLoad,
    measured: bool,
) -> NoRoom:
    """Names the sizes and what would fit."""
    fitting = {}
    for other in request.base.loading.quantisations:
        size = sum(bytes_needed(request, other, device, estimate))
        if other != request.quantisation and size <= budget and size < need:
            fitting[other] = size
    if fitting:
        choices = ", ".join(f"{name} ({format_bytes(size)})" for name, size in fitting.items())
        advice = f"It would fit as {choices}."
    else:
        advice = "No quantisation of it fits; ask less, pick a smaller model or raise NARANI_MEMORY_BUDGET."
    read = "measured" if measured else "estimated"
    wanted, allowed = format_bytes(need), format_bytes(budget)
    if wanted == allowed:
        wanted, allowed = f"{need:,} B", f"{budget:,} B"
    return NoRoom(
        f"{request.title} with this question needs {wanted} ({request.quantisation}, {read}), and the budget "
        f"is {allowed}. {advice}",
        model=request.base.id,
        measured=measured,
        need=need,
        budget=budget,
        fitting=fitting,
    )
