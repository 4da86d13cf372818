"""A memory of models that plays its loads: the books are the real ones, the bytes are what the scripts say.

Knows: leases, loads that are shared, room made by letting idle models go, and what is kept.
Refuses to know: torch, and what is answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Protocol

from engines.base import State
from engines.ledger import Ledger
from engines.memory import LoadPlan, PoolView
from engines.no_room import Lack, no_room
from engines.occupant import ResidentFigures, ResidentKey
from errors import NoRoom, UnknownName
from tests.engines.script import SLICE, Script, pause


class ScriptedListener(Protocol):
    """A live answer or a live load."""

    @property
    def stop_asked(self) -> bool: ...

    def enter(self, state: State, note: str = "", progress: float | None = None) -> None: ...


class ScriptedMemory:
    def __init__(self, scripts: Mapping[str, Script], default: Script | None, budget: int) -> None:
        self._scripts, self._default = scripts, default
        self._ledger: Ledger[ResidentFigures] = Ledger(budget)
        self._changed = threading.Condition()
        self._gates: dict[ResidentKey, threading.Lock] = {}
        self.loads: list[str] = []
        """The model ids in the order they were loaded."""

    def view(self) -> PoolView:
        with self._changed:
            return self._ledger.view("cpu", self._ledger.budget - self._ledger.used, 0)

    def plan(self, model_id: str, quantization: str) -> LoadPlan:
        key, need = ResidentKey(model_id, quantization), self.script_of(model_id).bytes_as(quantization)
        with self._changed:
            resident = self._ledger.residents.get(key)
            if resident is None:
                return self._ledger.plan(key, need, need)
            free = self._ledger.budget - self._ledger.used
            return LoadPlan(resident.weight_bytes, free, (), (), fits=True, resident=True)

    def release(self, model_id: str, quantization: str) -> bool:
        with self._changed:
            resident = self._ledger.residents.get(ResidentKey(model_id, quantization))
            if resident is None or resident.leases:
                return False
            self._let_go(resident)
            return True

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        with self._changed:
            resident = self._ledger.residents.get(ResidentKey(model_id, quantization))
            if resident is None:
                return False
            resident.kept = keep
            return True

    def on_disk(self, model_id: str) -> bool:
        script = self._scripts.get(model_id, self._default)
        return script is not None and script.on_disk

    def script_of(self, model_id: str) -> Script:
        script = self._scripts.get(model_id, self._default)
        if script is None:
            raise UnknownName("model", model_id, self._scripts)
        return script

    def lease(self, key: ResidentKey, follower: ScriptedListener) -> ScriptedLease | None:
        """Load once, however many ask at the same time; None where the follower was stopped before."""
        with self._changed:
            gate = self._gates.setdefault(key, threading.Lock())
        while not gate.acquire(timeout=SLICE):
            if follower.stop_asked:
                return None
        try:
            with self._changed:
                resident = self._ledger.residents.get(key)
                if resident is not None:
                    resident.leases += 1
                    return ScriptedLease(self, resident)
            return self._load(key, self.script_of(key.base_id), follower)
        finally:
            gate.release()

    def take_back(self, resident: ResidentFigures) -> None:
        with self._changed:
            resident.leases -= 1
            resident.last_used = time.monotonic()
            if not resident.leases:
                resident.cache_bytes = 0
            self._changed.notify_all()

    def reserve_cache(self, resident: ResidentFigures, follower: ScriptedListener) -> None:
        """What its questions take beside the weights, while there are any."""
        wanted = self.script_of(resident.key.base_id).cache_bytes
        with self._changed:
            if wanted and not resident.cache_bytes and self._make_room(resident.key, wanted, follower):
                resident.cache_bytes = wanted

    def _load(self, key: ResidentKey, script: Script, follower: ScriptedListener) -> ScriptedLease | None:
        need = script.bytes_as(key.quantization)
        with self._changed:
            if not self._make_room(key, need, follower):
                return None
            self._ledger.promised += need
            self._ledger.note_use()
        began, loaded = time.perf_counter(), False
        try:
            loaded = self._play_loading(script, follower)
        finally:
            with self._changed:
                self._ledger.promised -= need
                self._changed.notify_all()
                if loaded:
                    resident = ResidentFigures(key, time.perf_counter() - began, need, leases=1)
                    self._ledger.enter(resident)
        if not loaded:
            return None
        self.loads.append(key.base_id)
        return ScriptedLease(self, resident, resident.load_seconds)

    def _play_loading(self, script: Script, follower: ScriptedListener) -> bool:
        for step in range(script.loading_steps):
            follower.enter(State.LOADING, "loading", step / script.loading_steps)
            if not pause(script.seconds_per_loading_step, follower):
                return False
        if script.loading_failure is not None:
            raise script.loading_failure
        return True

    def _make_room(self, key: ResidentKey, need: int, follower: ScriptedListener) -> bool:
        """With the lock held, which waiting lets go of; False where the follower was stopped."""
        while not self._ledger.fits(need):
            if self._ledger.never_fits(need, key):
                raise self._no_room(key, need)
            idle = next((other for other in self._ledger.idle() if other.key != key), None)
            if idle is not None:
                self._let_go(idle)
                continue
            follower.enter(State.WAITING, "memory")
            self._changed.wait(SLICE)
            if follower.stop_asked:
                return False
        return True

    def _let_go(self, resident: ResidentFigures) -> None:
        self._ledger.strike_out(resident)
        self._ledger.gone(resident, resident.bytes, 0.0)
        self._changed.notify_all()

    def _no_room(self, key: ResidentKey, need: int) -> NoRoom:
        budget = self._ledger.budget
        kept = self._ledger.kept_beside(key) if need <= budget else []
        self._ledger.note("refuse", key.base_id, key.quantization, 0, 0.0)
        sizes = {str(other.key): other.weight_bytes for other in kept}
        return no_room(
            Lack(key.base_id, key.base_id, key.quantization, need, budget, asked=False, kept=sizes)
        )


class ScriptedLease:
    """As long as it is held, the model stays."""

    def __init__(
        self, memory: ScriptedMemory, resident: ResidentFigures, load_seconds: float | None = None
    ) -> None:
        self.resident, self.load_seconds = resident, load_seconds
        self._memory: ScriptedMemory | None = memory

    def release(self) -> None:
        """A second time does nothing."""
        memory, self._memory = self._memory, None
        if memory is not None:
            memory.take_back(self.resident)
