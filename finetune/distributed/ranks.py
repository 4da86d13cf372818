"""Which of several processes this one is, and what cannot be learned by several.

Knows: what launchers write into the environment, and which settings do not go together with dividing.
Refuses to know: torch, and how the processes talk with each other.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec

from errors import BadRequest, NaraniError
from finetune.run_settings import Distributed, RunSettings

DIVIDED: frozenset[Distributed] = frozenset({"zero3", "fsdp2"})
"""No process holds all weights: each holds a part, and a forward pass is the work of all."""
_ZERO: frozenset[Distributed] = frozenset({"zero2", "zero3"})
_DEEPSPEED = "0.19.8"


class ReportedElsewhere(NaraniError):
    """Another process of this training has told what went wrong; nothing is left to say."""

    def __init__(self) -> None:
        super().__init__("reported-elsewhere")


@dataclass(frozen=True)
class Ranks:
    """The place of this process among those that learn together."""

    rank: int = 0
    size: int = 1
    local: int = 0
    """Its number on this machine, which is its GPU's."""

    @property
    def first(self) -> bool:
        return self.rank == 0


def launched() -> Ranks:
    """As accelerate, torchrun and our own start say it; alone where none of them did."""

    def number(name: str, otherwise: int) -> int:
        value = os.environ.get(name, "")
        return int(value) if value.isdecimal() else otherwise

    size = number("WORLD_SIZE", 1)
    return Ranks(number("RANK", 0), size, number("LOCAL_RANK", 0)) if size > 1 else Ranks()


def device_of(ranks: Ranks, device: str | None) -> str | None:
    """The process's own GPU, unless a device is named or the launcher wants processors."""
    if device is not None or ranks.size == 1:
        return device
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() == "true":
        return "cpu"
    import torch

    return f"cuda:{ranks.local}" if torch.cuda.is_available() else "cpu"


@contextmanager
def report_once(ranks: Ranks) -> Iterator[None]:
    """For what goes wrong in every process alike: only the first tells it."""
    try:
        yield
    except NaraniError:
        if ranks.first:
            raise
        raise ReportedElsewhere from None


def refuse_for(settings: RunSettings, processes: int) -> None:
    """What several processes cannot do with these settings, before anything is read or started."""
    kind = settings.distributed
    if kind == "none":
        raise BadRequest("processes-undivided", processes=processes, name="distributed")
    if kind in _ZERO and find_spec("deepspeed") is None:
        raise BadRequest(
            "deepspeed-missing",
            kind=kind,
            version=_DEEPSPEED,
            instead="fsdp2" if kind == "zero3" else "ddp",
            name="distributed",
        )
    _refuse_pairs(settings)
    _refuse_uneven(settings, processes)


def _refuse_pairs(settings: RunSettings) -> None:
    kind = settings.distributed
    if kind in DIVIDED and settings.method in ("qlora", "int8-lora"):
        raise BadRequest("method-not-divided", method=settings.method, kind=kind, name="distributed")
    if kind != "ddp" and settings.optimizer != "adamw":
        raise BadRequest("optimizer-not-divided", optimizer=settings.optimizer, kind=kind, name="optimizer")
    if kind in _ZERO and settings.precision == "float16":
        raise BadRequest("float16-not-divided", kind=kind, name="precision")


def _refuse_uneven(settings: RunSettings, processes: int) -> None:
    once = settings.micro_batch * processes
    if settings.batch is not None and settings.batch % once:
        low, high = settings.batch // once * once, -(-settings.batch // once) * once
        nearest = f"{low} or {high}" if low else str(high)
        raise BadRequest(
            "batch-not-multiple-of-processes",
            batch=settings.batch,
            micro_batch=settings.micro_batch,
            processes=processes,
            once=once,
            nearest=nearest,
            name="batch",
        )
