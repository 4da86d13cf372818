"""One search as it goes on: how far it is, whether the person stopped it, and how long it may still take.

The page asks for the progress and stops it; every part of the search reports, and asks between two steps.
Any thread may call anything here.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import TypeVar

from errors import Stopped

_LOOK_SECONDS = 0.02
"""How often a wait looks whether it was stopped."""
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class SearchProgress:
    """`total` is None where nobody can know it yet."""

    stage: str = ""
    done: int = 0
    total: int | None = None


class SearchWatch:
    """`seconds` is what the whole search may take; None: as long as it takes."""

    def __init__(self, seconds: float | None = None) -> None:
        self._seconds = math.inf if seconds is None else seconds
        self.restart()
        self._stop = threading.Event()
        self._progress = SearchProgress()

    @property
    def stop_asked(self) -> bool:
        return self._stop.is_set()

    @property
    def progress(self) -> SearchProgress:
        return self._progress

    @property
    def seconds_left(self) -> float:
        """Never below 0; infinite where there is no deadline."""
        return max(0.0, self._end - time.monotonic())

    def stop(self) -> None:
        self._stop.set()

    def restart(self) -> None:
        """Give what follows all the time: what was waited for until now had a limit of its own."""
        self._end = time.monotonic() + self._seconds

    def report(self, stage: str, done: int = 0, total: int | None = None) -> None:
        self._progress = SearchProgress(stage, done, total)

    def check(self) -> None:
        """Raises where the person asked to stop. A deadline that has passed is no stop: whoever waits for
        something knows what then lacks."""
        if self.stop_asked:
            raise Stopped("search-stopped")

    def wait_for(self, work: Callable[[], _Result], seconds: float = math.inf) -> _Result:
        """What `work` gives, or what it raises; `TimeoutError` after `seconds` or at the deadline.

        It runs in a thread of its own, which is left to its end where nobody waits for it any longer: what
        blocks in a library or in the system's name resolver can be ended in no other way. So it has to be
        limited by itself too.
        """
        self.check()
        until = time.monotonic() + min(seconds, self.seconds_left)
        future: Future[_Result] = Future()
        threading.Thread(target=_settle, args=(future, work), name="search-wait", daemon=True).start()
        while not wait((future,), max(0.0, min(until - time.monotonic(), _LOOK_SECONDS))).done:
            self.check()
            if time.monotonic() >= until:
                raise TimeoutError
        return future.result()


def _settle(future: Future[_Result], work: Callable[[], _Result]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - it is raised again where it is waited for
        future.set_exception(error)
