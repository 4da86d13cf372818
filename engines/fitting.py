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
    """(weights, cache of its question) by estimate."""
    known = estimate(request.base, quantisation, device)
    tokens = min(request.cache_tokens, request.base.context_length)
    return known.weight_bytes, known.state_bytes + tokens * known.cache_bytes_per_token


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
        advice = "No quantisation of it fits; pick a smaller model or raise NARANI_MEMORY_BUDGET."
    read = "measured" if measured else "estimated"
    return NoRoom(
        f"{request.base.title} needs {format_bytes(need)} ({request.quantisation}, {read}), and the budget "
        f"is {format_bytes(budget)}. {advice}",
        model=request.base.id,
        need=need,
        budget=budget,
        fitting=fitting,
    )
