"""The loads asked for by hand, for whoever looks in later.

Knows: the last load of each model.
Refuses to know: who asked, and how it is done.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from engines.memory import LiveLoad


class HandLoads:
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
