"""One model in memory: its weights, the adapters attached to them, and the voices that answer with them.

Knows: the bytes it takes, who leases it, and how to make its weights answer as the base or as an adapter.
Refuses to know: other models, the budget, and questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from engines.devices import network_bytes
from engines.families import stepper_for
from engines.loading.adapters import AdapterSwitch, attach_adapter
from engines.loading.loaded import AttachedAdapter, LoadedModel, LoadWatch
from engines.occupant import Occupant
from engines.voice import Room, Voice
from model_registry.spec import ModelSpec

_SMALL = 256 * 10**6
"""Below this a second thread costs more than it brings."""


@dataclass(eq=False)
class Resident(Occupant):
    """Held by the pool alone; everyone else holds a lease."""

    loaded: LoadedModel = field(kw_only=True)
    adapters: dict[str, AttachedAdapter] = field(default_factory=dict)
    _voices: dict[str | None, Voice] = field(default_factory=dict)
    _cache_of: dict[str | None, int] = field(default_factory=dict)
    _switch: AdapterSwitch | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.measure()

    def measure(self) -> None:
        self.weight_bytes = network_bytes(self.loaded.model)

    def has(self, adapter: ModelSpec | None) -> bool:
        return adapter is None or adapter.id in self.adapters

    def attach(self, adapter: ModelSpec, watch: LoadWatch) -> None:
        """On the decode loop's thread only: it changes the network's layers."""
        self.adapters[adapter.id] = attach_adapter(self.loaded, adapter, watch)
        self._switch = AdapterSwitch(self.loaded)
        self.measure()

    def voice(
        self, adapter_id: str | None, most_rows: int, room_for: Callable[[Resident, int], Room]
    ) -> Voice:
        """The one voice of the base (None) or of an adapter over it; asked for from several threads."""
        with self._lock:
            if adapter_id not in self._voices:
                self._voices[adapter_id] = Voice(
                    stepper=stepper_for(self.loaded.model, self.loaded.device),
                    device=self.loaded.device,
                    most_rows=most_rows,
                    prepare=lambda: self._speak_as(adapter_id),
                    room_for=lambda wanted: self._room_for(adapter_id, wanted, room_for),
                    weight_bytes=self.weight_bytes,
                )
            return self._voices[adapter_id]

    def let_go(self) -> None:
        """Drop every reference; the place and the figures stay for the books."""
        for voice in self._voices.values():
            voice.let_go()
        self._switch = None
        del self.loaded

    def _speak_as(self, adapter_id: str | None) -> None:
        if self._switch is not None:
            self._switch.use(self.adapters[adapter_id].name if adapter_id is not None else None)
        if self.loaded.device.type == "cpu":
            _set_threads(1 if self.weight_bytes < _SMALL else _ALL_THREADS)

    def _room_for(self, adapter_id: str | None, wanted: int, ask: AskForRoom) -> Room:
        others = sum(held for key, held in self._cache_of.items() if key != adapter_id)
        answer = ask(self, others + wanted)
        if answer is Room.GRANTED:
            self._cache_of[adapter_id] = wanted
        return answer


AskForRoom = Callable[[Resident, int], Room]
_ALL_THREADS = torch.get_num_threads()


def _set_threads(count: int) -> None:
    if torch.get_num_threads() != count:
        torch.set_num_threads(count)
