"""Printing to where the output goes: a terminal, a file, a pipe.

Knows: that a reader who has gone (`| head`) is no fault, and that any other refusal, such as a full disk, is
one sentence, which ends the command with exit code 2.
Refuses to know: what is printed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from errors import NaraniError


@contextmanager
def printing() -> Iterator[None]:
    """Whatever is printed within has left the process when this ends."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        _drop_the_rest()
    except OSError as error:
        _drop_the_rest()
        why = error.strerror or "the output is closed"
        raise NaraniError(f"The answers could not be printed: {why}.") from error


def _drop_the_rest() -> None:
    """So that the interpreter's own flush at exit does not fail over the same bytes."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
