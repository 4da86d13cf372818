"""What Ctrl-C does while answers come.

Knows: that the first one is a wish to stop and the second one ends the process.
Refuses to know: what is being stopped, and how.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType

EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


@contextmanager
def on_interrupt(call: Callable[[], None] | None = None) -> Iterator[Event]:
    """Set the event on Ctrl-C, and call `call`, which must take no lock: the thread that is interrupted may
    hold it. A second Ctrl-C ends the process at once."""
    interrupted = Event()

    def handle(signal_number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        interrupted.set()
        if call is not None:
            call()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)
