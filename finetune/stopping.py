"""A person's wish to stop a training: the signals and the file that bring it, kept until the training can.

Knows: that only the main thread hears signals, that a terminal which is closed sends one of them too, and
that nohup keeps that one away.
Refuses to know: what is saved before it ends, and torch.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from errors import Stopped

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""Windows has none."""


class StopWish:
    """Looked at between steps, rows and tensors."""

    def __init__(self, file: Path | None = None) -> None:
        self._asked = threading.Event()
        self._file = file

    def ask(self) -> None:
        self._asked.set()

    @property
    def asked(self) -> bool:
        return self._asked.is_set() or (self._file is not None and self._file.exists())

    def check(self) -> None:
        if self.asked:
            raise Stopped("training-stopped")

    def report(self, stage: str, fraction: float | None, note: str = "") -> None:
        """As the watch of a load: the load ends at its next tensor."""
        self.check()


@contextmanager
def listening(file: Path | None = None) -> Iterator[StopWish]:
    """A signal asks; the second of its kind does what it always did. A file that is there asks, too."""
    wish = StopWish(file)
    try:
        with _hearing_signals(wish):
            yield wish
    finally:
        if file is not None:
            file.unlink(missing_ok=True)


@contextmanager
def _hearing_signals(wish: StopWish) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        # Only the main thread may listen to signals; whoever trains in another one asks in its own way.
        yield
        return
    with heard_by(wish.ask):
        yield


@contextmanager
def heard_by(hear: Callable[[], None], *, again: bool = False) -> Iterator[None]:
    """`hear` is called in the main thread. `again`: at every signal; otherwise the second of a kind does what
    it always did, so that nobody has to wait."""
    before = {number: signal.getsignal(number) for number in _listened()}

    def heard(number: int, frame: FrameType | None) -> None:
        if number == _HANGUP:
            # A terminal that is closed is told of twice, by the shell and by the system.
            signal.signal(number, signal.SIG_IGN)
        elif not again:
            signal.signal(number, before[signal.Signals(number)] or signal.SIG_DFL)
        hear()

    for number in before:
        signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)


def _listened() -> tuple[signal.Signals, ...]:
    hung_up = _HANGUP is not None and signal.getsignal(_HANGUP) is not signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *([_HANGUP] if hung_up and _HANGUP else []))
