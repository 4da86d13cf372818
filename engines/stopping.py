"""Work that can be asked to stop, from any thread: a live answer or a load by hand."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Stoppable:
    """Asked from any thread, and looked at by whoever does the work."""

    _lock: threading.Lock = field(init=False, default_factory=threading.Lock, repr=False)
    _stop: threading.Event = field(init=False, default_factory=threading.Event, repr=False)
    _on_stop: Callable[[], None] | None = field(init=False, default=None, repr=False)

    def ask_to_stop(self) -> None:
        with self._lock:
            self._stop.set()
            call, self._on_stop = self._on_stop, None
        if call is not None:
            call()

    def when_stopped(self, call: Callable[[], None]) -> None:
        """Have whoever works told at once where `stop_asked` cannot be looked at: while it waits."""
        with self._lock:
            asked = self._stop.is_set()
            self._on_stop = None if asked else call
        if asked:
            call()

    @property
    def stop_asked(self) -> bool:
        return self._stop.is_set()
