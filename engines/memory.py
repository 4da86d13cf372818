"""What is in memory, as other rooms see it, and the few things that may be done about it by hand.

These are plain records and protocols; nothing here imports torch or says how a model is loaded or unloaded.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from engines.base import Engine, State
from engines.stopping import Stoppable
from errors import Cause, NaraniError

if TYPE_CHECKING:
    from engines.steps.step import StepName
    from model_registry.spec import ModelSpec


@dataclass(frozen=True)
class Event:
    """One thing that happened in the pool, with the bytes it moved."""

    what: str
    """load · release · attach · refuse; park and wake, to host memory and back; drop: out of that"""
    model_id: str
    quantization: str
    bytes: int
    seconds: float
    used: int = 0
    """Bytes that were there right after it, without what is set aside for a load: memory over time."""
    at: float = field(default_factory=time.time)


@dataclass(frozen=True)
class StepChoice:
    """How a model computes a token, and why so."""

    name: StepName
    reasons: tuple[Cause, ...] = ()
    """Why each faster step is not used; where the fastest one is, what it was proven by or who named it."""
    kept_bytes: int = 0
    """What its tables and graphs took as it was proven."""

    def in_short(self, name: StepName | None = None) -> str:
        """ "fused-graph", or "graph: step-no-compiler": `name` is how it answers now, where that has changed
        because no graph could be captured after all."""
        codes = (
            [cause.code for cause in self.reasons] if name in (None, self.name) else ["step-capture-failed"]
        )
        why = ", ".join(code for code in codes if code != "step-proven")
        return f"{name or self.name}: {why}" if why else name or self.name


@dataclass(frozen=True)
class ResidentView:
    """One resident model as a reader sees it."""

    model_id: str
    quantization: str
    adapters: tuple[str, ...]
    weight_bytes: int
    cache_bytes: int
    leases: int
    idle_seconds: float
    load_seconds: float
    kept: bool = False
    """A person asked for it to stay, so no load unloads it."""
    step: StepChoice = StepChoice("eager")
    adapter_steps: tuple[tuple[str, StepChoice], ...] = ()
    """By the id of the adapter: how it answers, which need not be as its base does."""
    step_bytes: int = 0
    """Tables and graphs of its steps."""
    host_bytes: int = 0
    """Of a copy of its weights in host memory; that of a model which came back is kept for the next time."""


@dataclass(frozen=True)
class PoolView:
    """The pool at one moment, for drawing and for tests."""

    device: str
    budget: int
    used: int
    """With what is set aside for a load under way."""
    most_used: int
    """What is set aside counts only once it is there."""
    free_on_device: int
    residents: tuple[ResidentView, ...]
    waiting: int
    events: tuple[Event, ...]
    set_aside: int = 0
    parked: tuple[ResidentView, ...] = ()
    """Those whose weights are in host memory alone, the longest unused first."""
    host_used: int = 0
    host_budget: int = 0
    """What copies of weights may take of the host's memory; 0: models are not parked here."""

    @property
    def there(self) -> int:
        return self.used - self.set_aside


@dataclass(frozen=True)
class LoadPlan:
    """What a load would take, and who would have to go for it."""

    bytes_needed: int
    """Estimated where nothing is loaded yet, else measured."""
    free: int
    """How much of the budget is not used."""
    releases: tuple[ResidentView, ...]
    """Idle models that would be unloaded, in that order."""
    waits_for: tuple[ResidentView, ...]
    """Models in use that it would wait for."""
    fits: bool
    """Whether it would ever fit; a kept model is not unloaded for it."""
    resident: bool = False
    """It is there already."""
    parked: bool = False
    """It comes from host memory, not from the disk."""


@dataclass
class LiveLoad(Stoppable):
    """A load asked for by hand; an engine writes it, any thread may read it."""

    model_id: str
    quantization: str
    progress: float | None = None
    note: str = ""
    """What it waits for ("engine", "memory") or does ("download", "weights", "adapter")."""
    error: NaraniError | None = None
    """Why it failed; its category is "stopped" where a person ended it."""
    _ended: threading.Event = field(default_factory=threading.Event, repr=False)

    def enter(self, state: State, note: str = "", progress: float | None = None) -> None:
        """Take the news that a live answer takes; here the note alone says whether it waits or loads."""
        with self._lock:
            if not self.ended:
                self.note, self.progress = note or state.value, progress

    def finish(self, error: NaraniError | None = None) -> None:
        """A second call changes nothing."""
        with self._lock:
            if not self.ended:
                self.error, self.note, self.progress = error, "", None
                self._ended.set()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        return self._ended.wait(timeout)


class ViewedMemory(Protocol):
    """The memory of models as it is now, and what can be done to it at once."""

    def view(self) -> PoolView | None:
        """The pool now; None before the first question or load built it."""

    def plan(self, model_id: str, quantization: str) -> LoadPlan | None:
        """What loading it now would need; nothing is changed. None while no budget is known."""

    def release(self, model_id: str, quantization: str) -> bool:
        """Unload a base model (and its adapters), parked or not; False where it is in use or not there."""

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        """Protect a resident from being unloaded for others, or no longer; False where it is not there."""

    def on_disk(self, model_id: str) -> bool:
        """Whether it would load without fetching anything; cheap enough to ask for every model of a page."""


class ModelMemory(ViewedMemory, Protocol):
    """What a page shows of the memory of models, and what a person may do about it there."""

    def load(self, model_id: str, quantization: str) -> LiveLoad:
        """Begin to bring it into memory, or join who has begun; returns at once."""

    def loads_by_hand(self) -> tuple[LiveLoad, ...]:
        """The last load by hand of each model, under way or ended, so that any page can go on watching it."""


class EngineWithMemory(Engine, ViewedMemory, Protocol):
    """An engine whose models live on a device."""

    def bring(self, live: LiveLoad) -> None:
        """Do the load that `live` names and write it there; returns at once."""


@dataclass(frozen=True)
class StoredFiles:
    """What the hub's cache holds of one model."""

    model_id: str
    bytes: int
    whole: bool
    shared_with: tuple[str, ...]
    """Other models whose files are these too."""


class ModelDownloads(Protocol):
    """Models fetched without being loaded, and what lies on the disk."""

    def begin(self, model_id: str) -> None:
        """A new download, unless one is under way for this model already."""

    def pause(self, model_id: str, on: bool = True) -> None:
        """Hold it where it stands, or go on."""

    def is_paused(self, model_id: str) -> bool: ...

    def all(self) -> tuple[LiveLoad, ...]:
        """The last of each model, under way or ended."""

    def can_fetch(self, spec: ModelSpec) -> bool:
        """Whether its files come from the hub."""

    def stored(self) -> tuple[StoredFiles, ...]:
        """Of every model of which there is something, the largest first."""

    def free_bytes(self) -> int:
        """Of the disk that they lie on."""

    def remove(self, model_id: str) -> None:
        """Its own files: those of an adapter's base stay. Raises where they are in use."""
