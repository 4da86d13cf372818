"""An engine that is built when the first question comes, so that opening a page waits for no import.

Knows: how to build the real engine, once, away from the asking thread.
Refuses to know: what kind of engine it is; torch is imported only by building one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from engines.base import AnswerRequest, Engine, LiveAnswer, State
from errors import LoadError, NaraniError


class LazyEngine:
    """Hands every question on to an engine that the first one has built."""

    def __init__(self, build: Callable[[], Engine]) -> None:
        self._build = build
        self._builder = ThreadPoolExecutor(max_workers=1, thread_name_prefix="build-engine")
        self._built: Future[Engine] | None = None
        self._lock = threading.Lock()

    def submit(self, request: AnswerRequest, live: LiveAnswer) -> None:
        live.enter(State.WAITING, "engine")
        self._future().add_done_callback(lambda built: _hand_on(built, request, live))

    def close(self) -> None:
        with self._lock:
            built = self._built
        if built is not None and built.exception() is None:
            built.result().close()
        self._builder.shutdown()

    def _future(self) -> Future[Engine]:
        with self._lock:
            failed = self._built is not None and self._built.done() and self._built.exception() is not None
            if self._built is None or failed:
                self._built = self._builder.submit(self._build)
            return self._built


def _hand_on(built: Future[Engine], request: AnswerRequest, live: LiveAnswer) -> None:
    problem = built.exception()
    try:
        if isinstance(problem, NaraniError):
            raise problem
        if problem is not None:
            raise LoadError(f"The engine could not be started ({type(problem).__name__}).")
        built.result().submit(request, live)
    except NaraniError as error:
        live.fail(error, request.settings)
