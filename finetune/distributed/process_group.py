"""The processes that learn together, and what they agree upon.

Knows: what only the first does, how a fault or a wish of one becomes that of all, and whose word is told.
Refuses to know: networks, checkpoints, and what is agreed upon.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist

from errors import NaraniError, Stopped
from finetune.distributed.ranks import DIVIDED, Ranks, ReportedElsewhere, launched
from finetune.run_settings import Distributed
from finetune.stopping import StopWish

Agreed = TypeVar("Agreed")
_LONGEST_WAIT = timedelta(hours=2)
"""How long the slowest of the others, which may be fetching a base, is waited for; a dead one is not."""
_REPORTED = ".said"
"""The file whose being there says that a process has reported how the run ended."""
_OF_LAUNCHERS = (
    "ACCELERATE_USE_DEEPSPEED",
    "ACCELERATE_DEEPSPEED_",
    "ACCELERATE_CONFIG_DS_FIELDS",
    "ACCELERATE_USE_FSDP",
    "FSDP_",
)
_LOST = ("connection closed by peer", "connection reset", "broken pipe", "gloo", "nccl")


class ProcessGroup:
    """The processes that train together; alone, what each asks of the others it answers itself."""

    def __init__(self, ranks: Ranks, kind: Distributed, group: Any = None) -> None:
        self._ranks, self.kind, self._group = ranks, kind, group

    @property
    def size(self) -> int:
        return self._ranks.size

    @property
    def rank(self) -> int:
        return self._ranks.rank

    @property
    def first(self) -> bool:
        return self._ranks.first

    @property
    def divided(self) -> bool:
        return self.kind in DIVIDED

    def any(self, *wishes: bool) -> tuple[bool, ...]:
        """For each wish, whether any process has it."""
        if self.size == 1:
            return wishes
        held = torch.tensor(wishes, dtype=torch.int32)
        dist.all_reduce(held, op=dist.ReduceOp.MAX, group=self._group)
        return tuple(bool(one) for one in held)

    def total(self, number: int) -> int:
        if self.size == 1:
            return number
        held = torch.tensor(number)
        dist.all_reduce(held, group=self._group)
        return int(held)

    def from_all(self, mine: Agreed) -> list[Agreed]:
        """What each has, in their order."""
        if self.size == 1:
            return [mine]
        held: list[Any] = [None] * self.size
        dist.all_gather_object(held, mine, group=self._group)
        return held

    def from_first(self, mine: Agreed) -> Agreed:
        if self.size == 1:
            return mine
        held: list[Any] = [mine]
        dist.broadcast_object_list(held, src=0, group=self._group)
        return held[0]

    def each(self, make: Callable[[], Agreed]) -> Agreed:
        """Every process does it, and nobody waits for another within. A fault of one ends it for all."""
        if self.size == 1:
            return make()
        try:
            made = make()
        except Exception as error:
            self.from_all(isinstance(error, Stopped))
            raise
        for stopped in self.from_all(None):
            _end_with(stopped)
        return made

    def first_only(self, make: Callable[[], Agreed]) -> Agreed:
        """The first does it alone, and the others get what it made, or end as it did."""
        if self.size == 1:
            return make()
        if not self.first:
            made, stopped = self.from_first((None, None))
            _end_with(stopped)
            return made  # type: ignore[return-value]
        try:
            made = make()
        except Exception as error:
            self.from_first((None, isinstance(error, Stopped)))
            raise
        self.from_first((made, None))
        return made

    def first_to_report(self, folder: Path) -> bool:
        """Whether this process is the first that has something to say about how the run in `folder` ended."""
        if self.size == 1:
            return True
        try:
            (folder / _REPORTED).open("x").close()
        except FileExistsError:
            return False
        return True

    def begin(self, folder: Path) -> None:
        """Forget what was said of an earlier try."""
        (folder / _REPORTED).unlink(missing_ok=True)


ALONE = ProcessGroup(Ranks(), "none")


class SharedWish(StopWish):
    """For work that all processes do at once: where one is asked to stop, all do at the same place."""

    def __init__(self, own: StopWish, group: ProcessGroup) -> None:
        super().__init__()
        self._own, self._group = own, group

    def check(self) -> None:
        if self._group.any(self._own.asked)[0]:
            self._own.ask()
        self._own.check()


def _end_with(stopped: bool | None) -> None:
    """None: the other one did not fail."""
    if stopped:
        raise Stopped("training-stopped")
    if stopped is False:
        raise ReportedElsewhere


def refuse_lost(error: Exception, group: ProcessGroup) -> Exception:
    """Said by a process that is left over; whoever failed with a sentence of its own has told it before."""
    if group.size == 1 or isinstance(error, NaraniError) or not _tells_of_another(error):
        return error
    return NaraniError("other-process-ended")


def _tells_of_another(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError) and any(sign in text for sign in _LOST)


@contextmanager
def joined(kind: Distributed, device: torch.device) -> Iterator[ProcessGroup]:
    """All processes of the launcher, or this one alone."""
    ranks = launched()
    if ranks.size == 1:
        yield ProcessGroup(ranks, "none")
        return
    _meet(kind, device)
    group = dist.new_group(backend="gloo", timeout=_LONGEST_WAIT)
    yield ProcessGroup(ranks, kind, group)
    # Only after a good end: one that left in the middle would be waited for.
    dist.barrier(group=group)
    dist.destroy_process_group()


def _meet(kind: Distributed, device: torch.device) -> None:
    """Begun by accelerate, whose state Trainer then finds as it is (`use_configured_state`)."""
    from accelerate import DistributedType, PartialState

    zero, on_gpu = kind in ("zero2", "zero3"), device.type == "cuda"
    # What a launcher's file says of sharing is what --distributed picks, or would contradict it.
    for name in [name for name in os.environ if name.startswith(_OF_LAUNCHERS)]:
        del os.environ[name]
    if on_gpu:
        torch.cuda.set_device(device)
    if zero:
        os.environ["ACCELERATE_USE_DEEPSPEED"] = "true"
    state: Any = PartialState(cpu=not on_gpu, timeout=_LONGEST_WAIT)
    if not on_gpu and kind != "ddp":
        # accelerate divides on GPUs only; on processors gloo does the same work once it takes them for such.
        state.distributed_type = DistributedType.DEEPSPEED if zero else DistributedType.MULTI_GPU
        os.environ.pop("ACCELERATE_USE_CPU", None)
