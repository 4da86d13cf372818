"""The model pool: who waits for which model, and the one thread that loads them in the order of asking.

Before a load it has the books make room: idle models are unloaded, the longest unused first, or parked in
host memory (parking.py), from where they come back; models in use are waited for, never taken away. While a
load waits for room, a model that has to go for it is leased to nobody new, so that the waiting one gets its
turn. How bytes are counted and lent is the affair of the books (memory_books.py); how a model is loaded is
handed in.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

import torch

from engines.base import State
from engines.decoding import DecodeLoop
from engines.devices import free_bytes
from engines.fitting import EstimateLoad, adapter_bytes, bytes_needed, refusal
from engines.lease_request import LeaseKey, LeaseRequest, ModelLease, QueueWatch
from engines.loading.loaded import LoadedModel, LoadWatch
from engines.memory import LoadPlan, PoolView
from engines.memory_books import MemoryBooks
from engines.parking import Parking
from engines.resident import Resident
from engines.resident_figures import ResidentKey
from engines.shortage import clear_device_cache, drop_tracebacks, is_shortage
from engines.steps.choice import StepChooser
from errors import EngineDown, LoadError, NaraniError, NoRoom, Stopped
from model_registry.spec import ModelSpec

_log = logging.getLogger(__name__)

Load = Callable[[ModelSpec, str, torch.device, LoadWatch], LoadedModel]
Fetch = Callable[[ModelSpec, LoadWatch], object]


class ModelPool:
    """One for a device. The queue's lock may be taken while that of the books is held, never the reverse."""

    def __init__(
        self,
        loop: DecodeLoop,
        budget: int,
        load: Load,
        estimate: EstimateLoad,
        fetch_adapter: Fetch,
        failed_load_seconds: float = 30.0,
        choose_step: StepChooser | None = None,
        parking: Parking | None = None,
    ) -> None:
        self._loop, self._device = loop, loop.device
        self._load, self._estimate, self._fetch_adapter = load, estimate, fetch_adapter
        self._failed_load_seconds = failed_load_seconds
        self._choose_step = choose_step or StepChooser()
        self._parking = parking or Parking()
        self.books: MemoryBooks[Resident] = MemoryBooks(budget, self._unload)
        self._queue: list[LeaseRequest] = []
        self._queue_changed = threading.Condition()
        self._failures: dict[LeaseKey, tuple[float, NaraniError]] = {}
        self._closing = False
        self._thread = threading.Thread(target=self._run, name=f"load-{self._device}", daemon=True)
        self._thread.start()

    def request(self, request: LeaseRequest) -> None:
        """Grant at once what is resident; queue the rest."""
        lease = None if self._closing else self.books.lend(*request.lease_key)
        if lease is not None:
            request.granted(lease)
            return
        with self._queue_changed:
            problem = self._remembered_failure(request.lease_key)
            if self._closing:
                problem = Stopped("stopped-closing")
            if problem is None:
                self._queue.append(request)
                self._queue_changed.notify_all()
        if problem is not None:
            request.refused(problem)

    def cancel(self, request: LeaseRequest) -> None:
        """The question was stopped while it waited; one that was already granted is not touched."""
        if self._leave_queue(request):
            self.books.look_again()
            request.refused(Stopped("stopped-before-loaded"))

    def plan(self, request: LeaseRequest) -> LoadPlan:
        """What bringing it would do now; nothing is changed."""
        whole = sum(bytes_needed(request, request.quantization, self._device, self._estimate))
        of_adapter = adapter_bytes(request, self._device, self._estimate)
        plan = self.books.plan(*request.lease_key, whole, of_adapter)
        return replace(plan, parked=not plan.resident and self._parking.has(request.key))

    def view(self) -> PoolView:
        view = self.books.view(str(self._device), free_bytes(self._device), len(self._queue))
        return self._parking.shown_in(view)

    def release(self, key: ResidentKey) -> bool:
        """Unload a model by hand, parked or not; False where it is in use or not there."""
        if size := self._parking.release(key):
            self._note_dropped(key, size)
        return self.books.release(key) or size > 0

    def close(self) -> None:
        """Refuse who waits, end the thread, unload every idle model. The decode loop still runs here."""
        with self._queue_changed:
            self._closing = True
            waiting, self._queue = self._queue, []
            self._queue_changed.notify_all()
        self.books.look_again()
        for request in waiting:
            request.refused(Stopped("stopped-closing"))
        self._thread.join()
        self.books.release_all()
        self._parking.close()

    # -- the queue

    def _leave_queue(self, request: LeaseRequest) -> bool:
        """Whether it still waited; whoever takes it out is the one to grant or refuse it."""
        with self._queue_changed:
            waited = request in self._queue
            if waited:
                self._queue.remove(request)
            return waited

    def _waiting_for(self, lease_key: LeaseKey) -> list[LeaseRequest]:
        with self._queue_changed:
            return [request for request in self._queue if request.lease_key == lease_key]

    def _remembered_failure(self, lease_key: LeaseKey) -> NaraniError | None:
        """With the queue's lock held."""
        at, problem = self._failures.get(lease_key, (0.0, None))
        if problem is not None and time.monotonic() - at < self._failed_load_seconds:
            return problem
        self._failures.pop(lease_key, None)
        return None

    def _serve(self, lease_key: LeaseKey) -> None:
        """Grant everyone in the queue who waits for what is now there."""
        granted: list[tuple[LeaseRequest, ModelLease]] = []
        for request in self._waiting_for(lease_key):
            lease = self.books.lend(*lease_key, in_turn=True)
            if lease is not None and self._leave_queue(request):
                granted.append((request, lease))
            elif lease is not None:
                lease.release()
        for request, lease in granted:
            request.granted(lease)

    def _refuse(self, first: LeaseRequest, problem: NaraniError) -> None:
        """All who wait for a model that cannot be loaded; but one question's size is its own trouble."""
        with self._queue_changed:
            if isinstance(problem, NoRoom) and not problem.facts.get("measured", True):
                refused = [request for request in self._queue if request is first]
            else:
                refused = self._waiting_for(first.lease_key)
                if not problem.facts.get("kept"):  # what is kept may no longer be in the next moment
                    self._failures[first.lease_key] = (time.monotonic(), problem)
            self._queue = [request for request in self._queue if request not in refused]
        self.books.note("refuse", first.key, adapter_id=first.lease_key[1])
        for request in refused:
            request.refused(problem)

    # -- the loading thread

    def _run(self) -> None:
        while True:
            with self._queue_changed:
                self._queue_changed.wait_for(lambda: self._closing or bool(self._queue))
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
            if not self.books.has(request.key):
                self._bring_base(request)
            if request.adapter is not None:
                self._bring_adapter(request, request.adapter)
            return None
        except NaraniError as error:
            drop_tracebacks(error)
            problem = error
        except ImportError as error:
            problem = EngineDown.lacking(error)
        except Exception as error:  # noqa: BLE001 - whatever a model's files cause, the loading thread lives on
            code = "load-ran-out" if is_shortage(error) else "load-broke"
            problem = LoadError(code, model=request.title, kind=type(error).__name__)
        self.books.drop_promise()
        clear_device_cache(self._device)
        return problem

    def _bring_base(self, request: LeaseRequest) -> None:
        with self._parking.held(request.key) as parked:
            if parked is not None and self._wake(request, parked):
                return
        weights, cache = bytes_needed(request, request.quantization, self._device, self._estimate)
        self._promise(request, weights + cache)
        watch, started = self._watch(request), time.perf_counter()
        watch.report("loading", None)
        loaded = self._load(request.base, request.quantization, self._device, watch)
        seconds, choose = time.perf_counter() - started, self._choose_step
        resident = Resident(request.key, seconds, cache_bytes=cache, loaded=loaded, choose_step=choose)
        del loaded
        self._publish(request, resident)

    def _wake(self, request: LeaseRequest, parked: Resident) -> bool:
        """Bring a parked model back, or False where that broke, and it has to be loaded again. A stop and a
        shortage leave it parked."""
        cache = bytes_needed(request, request.quantization, self._device, self._estimate)[1]
        self._promise(request, parked.bytes + cache)  # so the books have room for it
        watch = self._watch(request)
        watch.report("loading", None)
        try:
            parked.wake(watch, cache)
        except NaraniError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever broke, the files on the disk are whole
            clear_device_cache(self._device)
            if is_shortage(error):
                raise NoRoom("memory-ran-out-loading", model=request.base.title) from None
            _log.warning("%s is loaded again, since it could not be brought back", parked.key, exc_info=True)
            parked.unload()
            self.books.drop_promise()
            return False
        self.books.enter(parked, "wake")
        return True

    def _bring_adapter(self, request: LeaseRequest, adapter: ModelSpec) -> None:
        with self.books.held(request.key) as resident:
            if resident is None or resident.has(adapter.id):
                return
            watch, started = self._watch(request), time.perf_counter()
            need = adapter_bytes(request, self._device, self._estimate)
            self._promise(request, need)
            watch.report("loading", None)
            self._fetch_adapter(adapter, watch)
            self._loop.call(lambda: resident.attach(adapter, watch))
            self.books.enter_adapter(request.key, adapter.id, need, time.perf_counter() - started)

    def _publish(self, request: LeaseRequest, resident: Resident) -> None:
        """Only now does anyone see the model; one that measures more than the budget bears is given up."""
        if not self.books.enter(resident):
            self._promise(request, resident.bytes, measured=True)
            self.books.enter(resident)

    def _promise(self, request: LeaseRequest, need: int, measured: bool = False) -> None:
        """Set `need` bytes aside: refuse what can never fit, unload idle models, wait for busy ones."""
        whole = max(need, sum(bytes_needed(request, request.quantization, self._device, self._estimate)))
        if not self.books.make_room(request.key, need, whole, lambda: self._go_on_waiting(request)):
            kept = self.books.kept_beside(request.key)
            raise refusal(request, whole, self.books.budget, self._device, self._estimate, measured, kept)

    def _go_on_waiting(self, request: LeaseRequest) -> None:
        """Called with the lock of the books held, each time before it waits."""
        if self._closing or not self._waiting_for(request.lease_key):
            raise Stopped("stopped-waiting-for-memory")
        request.live.enter(State.WAITING, "memory")

    def _watch(self, request: LeaseRequest) -> QueueWatch:
        return QueueWatch(lambda: self._waiting_for(request.lease_key))

    def _unload(self, resident: Resident, for_others: bool) -> tuple[str, int]:
        """On the loop's thread answers would wait for the copying."""
        self._loop.call(lambda: None)  # no frame of the round that used it last holds it any more
        if for_others:
            returned = self._parking.park(resident, not self._loop.is_here, self._note_dropped)
            if returned is not None:
                return "park", returned
        return "release", self._parking.unload(resident)

    def _note_dropped(self, key: ResidentKey, size: int) -> None:
        self.books.note("drop", key, size)
