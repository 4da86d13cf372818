"""A memory of models that plays its loads, one at a time: real books, and the bytes that the scripts say.

It imports no torch, and does not know what is answered.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from engines.base import LiveAnswer, State
from engines.fitting import Lack, no_room
from engines.memory import LiveLoad, LoadPlan, PoolView
from engines.memory_books import MemoryBooks
from engines.resident_figures import CacheGrowth, Lease, ResidentFigures, ResidentKey
from errors import AS_WRITTEN, NoRoom, OutOfMemory, Stopped, UnknownName
from tests.engines.script import SLICE, Script, pause

Live = LiveAnswer | LiveLoad


class ScriptedMemory:
    def __init__(self, scripts: Mapping[str, Script], default: Script | None, budget: int) -> None:
        self._scripts, self._default = scripts, default
        self._books: MemoryBooks[ResidentFigures] = MemoryBooks(
            budget, lambda resident, for_others: ("release", resident.bytes)
        )
        self._loading = threading.Lock()
        self.loads: list[str] = []
        """The model ids in the order they were loaded."""

    def view(self) -> PoolView:
        view = self._books.view("cpu", 0, 0)
        return replace(view, free_on_device=view.budget - view.used)

    def plan(self, model_id: str, quantization: str) -> LoadPlan:
        need = self.script_of(model_id).bytes_as(quantization)
        return self._books.plan(ResidentKey(model_id, quantization), None, need, 0)

    def release(self, model_id: str, quantization: str) -> bool:
        return self._books.release(ResidentKey(model_id, quantization))

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        return self._books.keep(ResidentKey(model_id, quantization), keep)

    def on_disk(self, model_id: str) -> bool:
        script = self._scripts.get(model_id, self._default)
        return script is not None and script.on_disk

    def script_of(self, model_id: str) -> Script:
        script = self._scripts.get(model_id, self._default)
        if script is None:
            raise UnknownName("model", model_id, self._scripts)
        return script

    def lease(self, key: ResidentKey, live: Live) -> tuple[Lease[ResidentFigures] | None, float | None]:
        """Load it once, however many ask at the same time: the lease, and the seconds of a load made for it.
        No lease where it was stopped before."""
        live.when_stopped(self._books.look_again)
        lease = self._books.lend(key)
        if lease is not None:
            return lease, None
        while not self._loading.acquire(timeout=SLICE):
            if live.stop_asked:
                return None, None
        try:
            seconds = None
            while (lease := self._books.lend(key, in_turn=True)) is None:
                seconds = self._load(key, self.script_of(key.base_id), live)
            return lease, seconds
        except Stopped:
            return None, None
        finally:
            self._books.drop_promise()
            self._loading.release()

    def fill_cache(self, lease: Lease[ResidentFigures], live: Live) -> None:
        """What its questions take beside the weights, while there are any."""
        resident = lease.resident
        wanted = self.script_of(resident.key.base_id).cache_bytes
        while wanted and not live.stop_asked:
            match self._books.grow_cache(resident, None, wanted):
                case CacheGrowth.GRANTED:
                    return
                case CacheGrowth.NEVER:
                    raise OutOfMemory(AS_WRITTEN, sentence="There is no memory for this question.")
            live.enter(State.WAITING, "memory")
            pause(SLICE, live)

    def _load(self, key: ResidentKey, script: Script, live: Live) -> float:
        need = script.bytes_as(key.quantization)
        if not self._books.make_room(key, need, need, lambda: _go_on_waiting(live)):
            raise self._no_room(key, need)
        began = time.perf_counter()
        for step in range(script.loading_steps):
            live.enter(State.LOADING, "loading", step / script.loading_steps)
            if not pause(script.seconds_per_loading_step, live):
                raise Stopped(AS_WRITTEN, sentence="Stopped while loading.")
        if script.loading_failure is not None:
            raise script.loading_failure
        seconds = time.perf_counter() - began
        self._books.enter(ResidentFigures(key, seconds, need, steps={None: script.step}))
        self.loads.append(key.base_id)
        return seconds

    def _no_room(self, key: ResidentKey, need: int) -> NoRoom:
        budget = self._books.budget
        kept = self._books.kept_beside(key) if need <= budget else {}
        self._books.note("refuse", key)
        model_id = key.base_id
        return no_room(
            Lack(model_id, model_id, key.quantization, need, budget, has_question=False, kept=kept)
        )


def _go_on_waiting(live: Live) -> None:
    if live.stop_asked:
        raise Stopped(AS_WRITTEN, sentence="Stopped while waiting for memory.")
    live.enter(State.WAITING, "memory")
