"""How every command begins and ends: Ctrl-C, outputs that are closed, full or gone, and the exit codes.

Knows: the standard streams, one signal, and what an error becomes on the way out.
Refuses to know: any command. It stands before whatever a command imports, so it imports nothing slow itself.
"""

from __future__ import annotations

import errno
import io
import os
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event
from types import FrameType
from typing import Any, NoReturn, TextIO

EXIT_REFUSED = 2
"""It cannot be done as asked, or what was printed could not be written."""
EXIT_INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def run(main: Callable[[], int]) -> NoReturn:
    """Be the process of a command; `main` imports what it needs, so that nothing slow comes before this."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
        signal.signal(signal.SIGINT, leave)
    _open_what_is_closed()
    out, err = _Outlet(1), _Outlet(2)
    sys.stdout, sys.stderr = _text(out, sys.stdout), _text(err, sys.stderr)
    code = _code_of(main)
    sys.stdout.flush()
    if out.refused is not None and out.refused.errno != errno.EPIPE:
        why = out.refused.strerror or "it is closed"
        sys.stderr.write(f"The output could not be written: {why}.\n")
        code = code or EXIT_REFUSED
    sys.exit(code)


def ended(work: Callable[[], int]) -> int:
    """The code of a command; an error that a person can act upon is one line."""
    from errors import NaraniError, Stopped, wording
    from settings import terminal_language

    try:
        return work()
    except NaraniError as error:
        sys.stderr.write(f"{wording(error.cause, terminal_language())}\n")
        return EXIT_INTERRUPTED if isinstance(error, Stopped) else EXIT_REFUSED


def leave(number: int, frame: FrameType | None) -> None:
    """Ctrl-C where nothing has to be put in order. An exception instead would be caught by one of the many
    libraries that try an import and go on without it, and the command would go on with half a library."""
    if os.isatty(2):
        os.write(2, b"\x1b[?25h\n")  # whoever draws progress has hidden the cursor
    os._exit(EXIT_INTERRUPTED)


@contextmanager
def on_interrupt(call: Callable[[], None] | None = None) -> Iterator[Event]:
    """While answers come: set the event on Ctrl-C, and call `call`, which must take no lock: the thread that
    is interrupted may hold it. A second Ctrl-C ends the process at once."""
    interrupted = Event()

    def handle(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        interrupted.set()
        if call is not None:
            call()

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupted
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def unwinding() -> Iterator[None]:
    """Where something has to be put in order, once everything is imported: Ctrl-C is an exception, the second
    one ends the process."""

    def raise_once(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, leave)
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, raise_once)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _code_of(main: Callable[[], int]) -> int:
    try:
        return main()
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except SystemExit as leaving:
        if isinstance(leaving.code, str):
            sys.stderr.write(f"{leaving.code}\n")
            return 1
        return leaving.code or 0
    except ImportError as error:
        from errors import EngineDown, wording
        from settings import terminal_language

        sys.stderr.write(f"{wording(EngineDown.lacking(error).cause, terminal_language())}\n")
        return EXIT_REFUSED


def _open_what_is_closed() -> None:
    """Else the next file that is opened gets the number of a standard stream, and what is printed gets into
    it. The lowest free number is given out first, so each finds its own."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


class _Outlet(io.RawIOBase):
    """A standard stream that never fails: what the system refuses is dropped, and why is kept. A command
    whose reader has gone, or whose disk is full, does its work to the end."""

    def __init__(self, number: int) -> None:
        self._number = number
        self.refused: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._number

    def isatty(self) -> bool:
        return os.isatty(self._number)

    def write(self, data: Any) -> int:
        while self.refused is None:
            try:
                return os.write(self._number, data)
            except BlockingIOError:  # another process made the pipe so, and it is full for the moment
                select.select((), (self._number,), ())
            except OSError as error:
                self.refused = error
        return len(data)


def _text(outlet: _Outlet, was: TextIO) -> TextIO:
    """UTF-8 wherever it goes; what arrived broken is shown as a question mark. Only the console of Windows
    takes bytes for those of its own code page, and characters from Python's own stream alone."""
    if os.name == "nt" and outlet.isatty() and isinstance(was, io.TextIOWrapper):
        was.reconfigure(errors="replace")
        return was
    lines = outlet.fileno() == 2 or outlet.isatty()
    return io.TextIOWrapper(io.BufferedWriter(outlet), "utf-8", "replace", line_buffering=lines)
