"""What a load will need by estimate, and the refusal of one for which there can never be room.

The refusal names the sizes, which kept models are in the way, and which other quantization would fit. What is
resident at this moment, and when there is room, the books know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from errors import Cause, NoRoom
from model_registry.spec import ModelSpec
from settings import format_bytes

if TYPE_CHECKING:
    import torch

    from engines.lease_request import LeaseRequest
    from engines.loading.loaded import Estimate

EstimateLoad = Callable[[ModelSpec, str, "torch.device"], "Estimate"]


def bytes_needed(
    request: LeaseRequest, quantization: str, device: torch.device, estimate: EstimateLoad
) -> tuple[int, int]:
    """(weights with those of the adapter, cache of its question) by estimate."""
    known = estimate(request.base, quantization, device)
    adapter = adapter_bytes(request, device, estimate)
    tokens = min(request.cache_tokens, request.base.local.context_length)
    return known.weight_bytes + adapter, known.state_bytes + tokens * known.cache_bytes_per_token


def adapter_bytes(request: LeaseRequest, device: torch.device, estimate: EstimateLoad) -> int:
    """What the wanted adapter adds; its weights take the type that its base is loaded in."""
    if request.adapter is None:
        return 0
    as_base = request.adapter.with_local(loading=request.base.local.loading)
    return estimate(as_base, "none", device).weight_bytes


def refusal(
    request: LeaseRequest,
    need: int,
    budget: int,
    device: torch.device,
    estimate: EstimateLoad,
    measured: bool,
    kept: Mapping[str, int],
) -> NoRoom:
    """Why it can never fit; `kept` models stand in its way only where it would fit without them."""
    in_the_way = kept if need <= budget else {}
    left = budget - sum(in_the_way.values())
    fitting: dict[str, int] = {}
    for other in request.base.local.loading.quantizations:
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
            has_question=request.cache_tokens > 0,
            kept=in_the_way,
            fitting=fitting,
        )
    )


@dataclass(frozen=True)
class Lack:
    """What is wanted, and what there is."""

    title: str
    model_id: str
    quantization: str
    need: int
    budget: int
    measured: bool = False
    has_question: bool = True
    """A question wants it, whose cache counts too."""
    kept: Mapping[str, int] = field(default_factory=dict)
    """The bytes of the kept models without which it would fit, by their name."""
    fitting: Mapping[str, int] = field(default_factory=dict)
    """Other quantizations that would fit, with their bytes."""


def no_room(lack: Lack) -> NoRoom:
    """Names the sizes, who is in the way, and what would fit."""
    left = lack.budget - sum(lack.kept.values())
    need: int | str = lack.need
    if format_bytes(lack.need) == format_bytes(left):
        need = f"{lack.need:,} B"
    wanted = Cause(
        "memory-wanted-asking" if lack.has_question else "memory-wanted",
        model=lack.title,
        need=need,
        quantization=lack.quantization,
        read="measured" if lack.measured else "estimated",
    )
    if lack.kept:
        code = "no-room-kept-fits" if lack.fitting else "no-room-kept"
    else:
        code = "no-room-fits" if lack.fitting else "no-room"
    return NoRoom(
        code,
        wanted=wanted,
        left=left if need == lack.need else f"{left:,} B",
        model=lack.model_id,
        measured=lack.measured,
        need=lack.need,
        budget=lack.budget,
        kept=tuple(lack.kept),
        fitting=dict(lack.fitting),
    )
