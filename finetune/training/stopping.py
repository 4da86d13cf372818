"""A person's wish to stop, kept until the training comes to a place where it can.

Knows: that only the main thread hears signals.
Refuses to know: what is saved before it ends.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from errors import Stopped
from finetune.distributed.process_group import ProcessGroup
from finetune.stop_signals import heard_by


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


class SharedWish(StopWish):
    """For work that all processes do at once: where one is asked to stop, all do at the same place."""

    def __init__(self, own: StopWish, group: ProcessGroup) -> None:
        super().__init__()
        self._own, self._group = own, group

    def check(self) -> None:
        if self._group.any(self._own.asked)[0]:
            self._own.ask()
        self._own.check()


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
