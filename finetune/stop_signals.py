"""The signals by which a training is asked to stop.

Knows: that a terminal which is closed sends one of them too, and that nohup keeps that one away.
Refuses to know: what is done about it, and torch.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""Windows has none."""


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
