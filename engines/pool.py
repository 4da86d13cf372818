"""The model pool: one per device; it owns every resident model, and nothing else holds a reference to one.

Knows: who waits for what, whose turn it is to load, and what became of the load.
Refuses to know: how room is made (space.py), how a model is loaded (functions given to it) and what is asked
of a model it has leased.

One thread loads, in the order of asking. Before a load it estimates and lets idle models go, the longest
unused first; models in use are waited for, never taken away. While a load waits for room, a model that has
to go for it is leased to nobody new, so that the waiting one gets its turn.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import torch

from engines.base import State
from engines.decoding import DecodeLoop
from engines.fitting import EstimateLoad, adapter_bytes, bytes_needed, refusal
from engines.lease import Lease, LeaseKey, LeaseRequest, QueueWatch
from engines.loading.loaded import LoadedModel, LoadWatch
from engines.memory import LoadPlan, PoolView
from engines.model_batch import CacheGrowth
from engines.occupant import ResidentKey
from engines.resident import Resident
from engines.shortage import clear_device_cache, drop_tracebacks, is_shortage
from engines.space import Space
from errors import EngineDown, LoadError, NaraniError, NoRoom, Stopped
from model_registry.spec import ModelSpec

Load = Callable[[ModelSpec, str, torch.device, LoadWatch], LoadedModel]
Fetch = Callable[[ModelSpec, LoadWatch], object]


class ModelPool:
    def __init__(
        self,
        loop: DecodeLoop,
        budget: int,
        load: Load,
        estimate: EstimateLoad,
        fetch_adapter: Fetch,
        failed_load_seconds: float = 30.0,
    ) -> None:
        self._loop, self._device = loop, loop.device
        self._load, self._estimate, self._fetch_adapter = load, estimate, fetch_adapter
        self._failed_load_seconds = failed_load_seconds
        self._space = Space(loop, budget)
        self._ledger, self._changed = self._space.ledger, self._space.changed
        self._queue: list[LeaseRequest] = []
        self._failures: dict[LeaseKey, tuple[float, NaraniError]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"load-{self._device}", daemon=True)
        self._thread.start()

    def request(self, request: LeaseRequest) -> None:
        """Grant at once what is resident; queue the rest."""
        with self._changed:
            problem = self._remembered_failure(request.lease_key)
            if self._closing:
                problem = Stopped("stopped-closing")
            lease = None if problem else self._lease(request, in_turn=False)
            if lease is None and problem is None:
                self._queue.append(request)
                self._changed.notify_all()
        if problem is not None:
            request.refused(problem)
        elif lease is not None:
            request.granted(lease)

    def cancel(self, request: LeaseRequest) -> None:
        """The question was stopped while it waited; one that was already granted is not touched."""
        with self._changed:
            if request not in self._queue:
                return
            self._queue.remove(request)
            self._changed.notify_all()
        request.refused(Stopped("stopped-before-loaded"))

    def take_back(self, resident: Resident) -> None:
        self._space.take_back(resident)

    def reserve_cache(self, resident: Resident, total: int) -> CacheGrowth:
        return self._space.reserve_cache(resident, total)

    def unload(self, key: ResidentKey) -> bool:
        return self._space.release(key)

    def keep(self, key: ResidentKey, keep: bool) -> bool:
        return self._space.keep(key, keep)

    def plan(self, request: LeaseRequest) -> LoadPlan:
        """What bringing it would do now; nothing is changed."""
        whole = sum(bytes_needed(request, request.quantization, self._device, self._estimate))
        of_adapter = adapter_bytes(request, self._device, self._estimate)
        return self._space.plan(request.key, request.lease_key[1], whole, of_adapter)

    def view(self) -> PoolView:
        return self._space.view(len(self._queue))

    def close(self) -> None:
        """Refuse who waits, end the thread, let every idle model go. The decode loop still runs here."""
        with self._changed:
            self._closing = True
            waiting, self._queue = self._queue, []
            self._changed.notify_all()
        for request in waiting:
            request.refused(Stopped("stopped-closing"))
        self._thread.join()
        for key in list(self._ledger.residents):
            self.unload(key)

    # -- granting and refusing

    def _remembered_failure(self, lease_key: LeaseKey) -> NaraniError | None:
        at, problem = self._failures.get(lease_key, (0.0, None))
        if problem is not None and time.monotonic() - at < self._failed_load_seconds:
            return problem
        self._failures.pop(lease_key, None)
        return None

    def _lease(self, request: LeaseRequest, in_turn: bool) -> Lease | None:
        resident = self._ledger.residents.get(request.key)
        if resident is None or not resident.has(request.adapter):
            return None
        return Lease(self, resident) if self._space.lend(resident, in_turn) else None

    def _serve(self, lease_key: LeaseKey) -> None:
        """Grant everyone in the queue who waits for what is now there."""
        served: dict[LeaseRequest, Lease] = {}
        with self._changed:
            for request in self._waiting_for(lease_key):
                lease = self._lease(request, in_turn=True)
                if lease is not None:
                    served[request] = lease
            self._queue = [request for request in self._queue if request not in served]
        for request, lease in served.items():
            request.granted(lease)

    def _refuse(self, first: LeaseRequest, problem: NaraniError) -> None:
        """All who wait for a model that cannot be loaded; but one question's size is its own trouble."""
        lease_key = first.lease_key
        with self._changed:
            if isinstance(problem, NoRoom) and not problem.facts.get("measured", True):
                refused = [request for request in self._queue if request is first]
            else:
                refused = self._waiting_for(lease_key)
                if not problem.facts.get("kept"):  # what is kept may no longer be in the next moment
                    self._failures[lease_key] = (time.monotonic(), problem)
            self._queue = [request for request in self._queue if request not in refused]
            self._ledger.note(
                "refuse", lease_key[1] or lease_key[0].base_id, lease_key[0].quantization, 0, 0.0
            )
        for request in refused:
            request.refused(problem)

    # -- the loading thread

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._closing or bool(self._queue))
                if self._closing:
                    return
                first = self._queue[0]
            problem = self._bring(first)
            if problem is None:
                self._serve(first.lease_key)
            elif not isinstance(problem, Stopped):
                self._refuse(first, problem)
            # Stopped: whoever it was loaded for has left; one who came meanwhile gets a load of their own.

    def _bring(self, request: LeaseRequest) -> NaraniError | None:
        """Make what is wanted resident; an error comes back without the frames that held its tensors.
        Until it is leased somebody's cache may take its place again: then it stays queued, and is next."""
        problem: NaraniError
        try:
            if request.key not in self._ledger.residents:
                self._bring_base(request)
            resident = self._ledger.residents.get(request.key)
            if resident is not None and not resident.has(request.adapter):
                self._bring_adapter(request, resident)
            return None
        except NaraniError as error:
            drop_tracebacks(error)
            problem = error
        except ImportError as error:
            problem = EngineDown.lacking(error)
        except Exception as error:  # noqa: BLE001 - whatever a model's files cause, the loading thread lives on
            code = "load-ran-out" if is_shortage(error) else "load-broke"
            problem = LoadError(code, model=request.title, kind=type(error).__name__)
        self._space.drop_promise()
        clear_device_cache(self._device)
        return problem

    def _bring_base(self, request: LeaseRequest) -> None:
        weights, cache = bytes_needed(request, request.quantization, self._device, self._estimate)
        self._promise(request, weights + cache)
        started = time.perf_counter()
        loaded = self._load(request.base, request.quantization, self._device, self._watch(request))
        resident = Resident(request.key, time.perf_counter() - started, cache_bytes=cache, loaded=loaded)
        del loaded
        self._publish(request, resident)

    def _bring_adapter(self, request: LeaseRequest, resident: Resident) -> None:
        assert request.adapter is not None
        adapter, watch, started = request.adapter, self._watch(request), time.perf_counter()
        need = adapter_bytes(request, self._device, self._estimate)
        with self._changed:
            if self._ledger.residents.get(request.key) is not resident:
                return
            resident.leases += 1
        try:
            self._promise(request, need)
            self._fetch_adapter(adapter, watch)
            self._loop.call(lambda: resident.attach(adapter, watch))
        finally:
            with self._changed:
                resident.leases -= 1
        self._space.enter_adapter(adapter.id, request.quantization, need, time.perf_counter() - started)

    def _publish(self, request: LeaseRequest, resident: Resident) -> None:
        """Only now does anyone see the model; one that measures more than the budget bears is given up."""
        if not self._space.enter(resident):
            self._promise(request, resident.bytes, measured=True)
            self._space.enter(resident)

    def _promise(self, request: LeaseRequest, need: int, measured: bool = False) -> None:
        """Set `need` bytes aside: refuse what can never fit, let idle models go, wait for busy ones."""
        whole = max(need, sum(bytes_needed(request, request.quantization, self._device, self._estimate)))
        if not self._space.make_room(request.key, need, whole, lambda: self._go_on_waiting(request)):
            kept = self._space.kept_beside(request.key)
            raise refusal(request, whole, self._ledger.budget, self._device, self._estimate, measured, kept)

    def _go_on_waiting(self, request: LeaseRequest) -> None:
        """Called with the lock held, each time before it waits."""
        if self._closing or not self._waiting_for(request.lease_key):
            raise Stopped("stopped-waiting-for-memory")
        request.live.enter(State.WAITING, "memory")

    def _waiting_for(self, lease_key: LeaseKey) -> list[LeaseRequest]:
        return [request for request in self._queue if request.lease_key == lease_key]

    def _watch(self, request: LeaseRequest) -> QueueWatch:
        return QueueWatch(lambda: self._waiting_for(request.lease_key))
