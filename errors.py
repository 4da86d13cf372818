"""Every error that a person may be shown.

Knows: one base error and its few children, each a sentence that says what happened and what to do next,
with a stable `code` and the `facts` behind the sentence so that a page can say it in another language.
Refuses to know: tracebacks, paths the reader cannot use, and who shows the message.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_MOST_NAMES = 12


class NaraniError(Exception):
    """Something went wrong that a person can act upon; `str()` is the sentence to show."""

    code = "error"

    def __init__(self, sentence: str, **facts: object) -> None:
        super().__init__(sentence)
        self.facts = facts


class UnknownName(NaraniError):
    """A model, format or setting was named that does not exist; the sentence lists the near names."""

    code = "unknown-name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        more = f" and {len(known) - _MOST_NAMES} more" if len(known) > _MOST_NAMES else ""
        hint = (
            f"Did you mean {', '.join(near)}?" if near else f"Known: {', '.join(known[:_MOST_NAMES])}{more}."
        )
        super().__init__(f"There is no {kind} named '{name}'. {hint}", kind=kind, name=name, near=near)


class BadEntry(NaraniError):
    """A file of ours or the user's holds something that is not allowed; names file, entry and key."""

    code = "bad-entry"


class BadRequest(NaraniError):
    """What was asked cannot be done as asked (a value out of range, an empty question, a prompt too long)."""

    code = "bad-request"


class LoadError(NaraniError):
    """A model could not be loaded; nothing of it stays in memory."""

    code = "load-failed"


class NoRoom(LoadError):
    """A model does not fit the memory budget; the sentence names the sizes and what would fit."""

    code = "no-room"


class Unsafe(LoadError):
    """Loading was refused because the files could run code or hold a value that is not to be trusted."""

    code = "unsafe"


class Unreachable(LoadError):
    """The files of a model could not be fetched (not found, gated, cut off, disk full, wrong hash)."""

    code = "unreachable"


class OutOfMemory(NaraniError):
    """The device ran out of memory while answering; only that answer is lost."""

    code = "out-of-memory"


class BrokeWhileAnswering(NaraniError):
    """An answer could not go on through a fault of the model or of ours; what had come is kept."""

    code = "broke-while-answering"


class EngineDown(LoadError):
    """The process cannot answer at all: it is closing, or its parts did not start. It says nothing of a
    model, so it is never kept as a model's answer."""

    code = "engine-down"

    @classmethod
    def lacking(cls, error: ImportError) -> EngineDown:
        """A library is not installed, or not whole."""
        return cls(
            f"A library is missing or broken ({error.name or 'unknown'}). "
            "Install what requirements.txt names, then start Narani again."
        )


class Stopped(NaraniError):
    """The person stopped it; not a fault."""

    code = "stopped"
