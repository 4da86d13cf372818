"""An engine that is built when the first question or load comes, so that opening a page waits for no import.

It builds the real engine once, away from the asking thread, answers before that what can be answered, and
remembers the loads asked for by hand. It does not know what kind of engine it is; only building one imports
torch.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import cast

from engines.base import AnswerRequest, LiveAnswer, State
from engines.memory import EngineWithMemory, LiveLoad, LoadPlan, PoolView
from engines.on_disk import DiskLook
from errors import EngineDown, NaraniError
from model_registry.memory import bytes_needed
from model_registry.registry import Registry
from model_registry.spec import Quantization


class LazyEngine:
    """Hands every question and load on to an engine that the first one has built."""

    def __init__(
        self, build: Callable[[], EngineWithMemory], registry: Registry, budget: int | None = None
    ) -> None:
        self._build, self._registry, self._budget = build, registry, budget
        self._builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="build-engine")
        self._built: Future[EngineWithMemory] | None = None
        self._lock = threading.Lock()
        self._preparing: threading.Timer | None = None
        self._by_hand = HandLoads(self.bring)
        self._disk = DiskLook(registry)

    def prepare_soon(self, prepare: Callable[[], None], seconds: float) -> None:
        """After a moment, and only once: do what building would wait for (imports), where it is built. A
        question that comes meanwhile waits for that same work and for no second one."""
        with self._lock:
            if self._preparing is not None or self._built is not None:
                return
            self._preparing = threading.Timer(seconds, self._prepare, [prepare])
            self._preparing.daemon = True
            self._preparing.start()

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        live.enter(State.WAITING, "engine")

        def hand_on(built: Future[EngineWithMemory]) -> None:
            try:
                live.enter(State.WAITING, "turn")
                _engine(built).submit(request, live)
            except NaraniError as error:
                live.fail(error, request.settings)

        self._future().add_done_callback(hand_on)

    def close(self) -> None:
        with self._lock:
            built = self._built
            if self._preparing is not None:
                self._preparing.cancel()
        if built is not None and built.exception() is None:
            built.result().close()
        self._builder.shutdown()

    # -- the memory of models

    def view(self) -> PoolView | None:
        engine = self._engine_if_built()
        return engine.view() if engine else None

    def plan(self, model_id: str, quantization: str) -> LoadPlan | None:
        """Before the engine is built: the registry's estimate against a budget that was set, else None."""
        engine = self._engine_if_built()
        if engine is not None:
            return engine.plan(model_id, quantization)
        if self._budget is None:
            return None
        spec = self._registry.get(model_id)
        base = None if spec.adapter is None else self._registry.base_of(spec)
        need = bytes_needed(spec, cast(Quantization, quantization), base)
        return LoadPlan(need, self._budget, (), (), fits=need <= self._budget)

    def load(self, model_id: str, quantization: str) -> LiveLoad:
        return self._by_hand.begin(model_id, quantization)

    def loads_by_hand(self) -> tuple[LiveLoad, ...]:
        return self._by_hand.all()

    def bring(self, live: LiveLoad) -> None:
        live.enter(State.WAITING, "engine")

        def hand_on(built: Future[EngineWithMemory]) -> None:
            try:
                _engine(built).bring(live)
            except NaraniError as error:
                live.finish(error)

        self._future().add_done_callback(hand_on)

    def release(self, model_id: str, quantization: str) -> bool:
        engine = self._engine_if_built()
        return engine is not None and engine.release(model_id, quantization)

    def keep_loaded(self, model_id: str, quantization: str, keep: bool) -> bool:
        engine = self._engine_if_built()
        return engine is not None and engine.keep_loaded(model_id, quantization, keep)

    def on_disk(self, model_id: str) -> bool:
        engine = self._engine_if_built()
        return engine.on_disk(model_id) if engine else self._disk.has(model_id)

    def _prepare(self, prepare: Callable[[], None]) -> None:
        """What fails here fails again where somebody waits for it, and is said there. A process that is
        closing takes no more work."""
        with self._lock, suppress(RuntimeError):
            if self._built is None:
                self._builder.submit(prepare)

    def _engine_if_built(self) -> EngineWithMemory | None:
        with self._lock:
            built = self._built
        return built.result() if built and built.done() and built.exception() is None else None

    def _future(self) -> Future[EngineWithMemory]:
        with self._lock:
            failed = self._built is not None and self._built.done() and self._built.exception() is not None
            if self._built is None or failed:
                self._built = self._builder.submit(self._build)
            return self._built


def _engine(built: Future[EngineWithMemory]) -> EngineWithMemory:
    """What was built, or the sentence that says why it was not."""
    problem = built.exception()
    if problem is None:
        return built.result()
    if isinstance(problem, NaraniError):
        raise EngineDown(problem.cause)
    if isinstance(problem, ImportError):
        raise EngineDown.lacking(problem)
    raise EngineDown("engine-not-started", kind=type(problem).__name__)


class HandLoads:
    """The last load asked for by hand of each model, for whoever looks in later."""

    def __init__(self, bring: Callable[[LiveLoad], None]) -> None:
        self._bring = bring
        self._lock = threading.Lock()
        self._last: dict[tuple[str, str], LiveLoad] = {}

    def begin(self, model_id: str, quantization: str) -> LiveLoad:
        """A new load, or the one that is under way for this model already."""
        key = (model_id, quantization)
        with self._lock:
            last = self._last.get(key)
            if last is not None and not last.ended and not last.stop_asked:
                return last
            live = self._last[key] = LiveLoad(model_id, quantization)
        self._bring(live)
        return live

    def all(self) -> tuple[LiveLoad, ...]:
        with self._lock:
            return tuple(self._last.values())
