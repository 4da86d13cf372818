"""What a load will need, and what would fit instead of one that never can.

Knows: estimates of weights and cache, and which other quantization would fit a budget.
Refuses to know: what is resident now, and when there is room.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from engines.lease import LeaseRequest
from engines.loading.loaded import Estimate
from engines.no_room import Lack, no_room
from engines.resident import Resident
from errors import NoRoom
from model_registry.spec import ModelSpec

EstimateLoad = Callable[[ModelSpec, str, torch.device], Estimate]


def bytes_needed(
    request: LeaseRequest, quantization: str, device: torch.device, estimate: EstimateLoad
) -> tuple[int, int]:
    """(weights with those of the adapter, cache of its question) by estimate."""
    known = estimate(request.base, quantization, device)
    adapter = adapter_bytes(request, device, estimate)
    tokens = min(request.cache_tokens, request.base.context_length)
    return known.weight_bytes + adapter, known.state_bytes + tokens * known.cache_bytes_per_token


def adapter_bytes(request: LeaseRequest, device: torch.device, estimate: EstimateLoad) -> int:
    """What the wanted adapter adds; its weights take the type that its base is loaded in."""
    if request.adapter is None:
        return 0
    as_base = request.adapter.model_copy(update={"loading": request.base.loading})
    return estimate(as_base, "none", device).weight_bytes


def refusal(
    request: LeaseRequest,
    need: int,
    budget: int,
    device: torch.device,
    estimate: EstimateLoad,
    measured: bool,
    kept: Sequence[Resident],
) -> NoRoom:
    """Why it can never fit; `kept` stand in its way only where it would fit without them."""
    in_the_way = {str(other.key): other.weight_bytes for other in kept} if need <= budget else {}
    left = budget - sum(in_the_way.values())
    fitting: dict[str, int] = {}
    for other in request.base.loading.quantizations:
        size = sum(bytes_needed(request, other, device, estimate))
        if other != request.quantization and size <= left and size < need:
            fitting[other] = size
    return no_room(
        Lack(
            title=request.title,
            model_id=request.base.id,
            quantization=request.quantization,
            need=need,
            budget=budget,
            measured=measured,
            asked=request.cache_tokens > 0,
            kept=in_the_way,
            fitting=fitting,
        )
    )
