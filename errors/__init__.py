"""Every error that a person may be shown.

An error is a category (its class: what loops, pages and exit codes look at), a code and the facts behind it.
Its sentence stands in errors/en and errors/ko under the code, and is made where it is shown. Add an error in
three lines: one where it is raised, `raise BadRequest("prompt-too-long", model=title, tokens=count)`, and one
wording in each language. Tracebacks and paths that the reader cannot use are no facts.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from errors.cause import AS_WRITTEN, Cause, in_few_words
from errors.wording import wording

__all__ = [
    "AS_WRITTEN",
    "Cause",
    "NaraniError",
    "UnknownName",
    "BadEntry",
    "BadRequest",
    "LoadError",
    "NoRoom",
    "Unsafe",
    "Unreachable",
    "OutOfMemory",
    "BrokeWhileAnswering",
    "EngineDown",
    "StepRefused",
    "Stopped",
    "in_few_words",
    "wording",
]

_MOST_NAMES = 12


class NaraniError(Exception):
    """Something went wrong that a person can act upon; `str()` is the English sentence."""

    category = "error"

    def __init__(self, what: str | Cause, /, **facts: object) -> None:
        known = Cause(what) if isinstance(what, str) else what
        self.cause = Cause(known.code, category=self.category, **{**known.facts, **facts})
        super().__init__(self.cause.code)

    @property
    def code(self) -> str:
        return self.cause.code

    @property
    def facts(self) -> Mapping[str, Any]:
        return self.cause.facts

    def __str__(self) -> str:
        return str(self.cause)


class UnknownName(NaraniError):
    """A model, format or setting was named that does not exist; the sentence lists the near names."""

    category = "unknown-name"

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        known = sorted(known)
        near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        more = max(0, len(known) - _MOST_NAMES)
        code = (
            "name-near" if near else "name-of-many" if more else "name-unknown" if known else "name-of-none"
        )
        super().__init__(code, kind=kind, name=name, near=near, known=known[:_MOST_NAMES], more=more)


class BadEntry(NaraniError):
    """A file of ours or the user's holds something that is not allowed; names file, entry and key."""

    category = "bad-entry"


class BadRequest(NaraniError):
    """What was asked cannot be done as asked (a value out of range, an empty question, a prompt too long)."""

    category = "bad-request"


class LoadError(NaraniError):
    """A model could not be loaded; nothing of it stays in memory."""

    category = "load-failed"


class NoRoom(LoadError):
    """A model does not fit the memory budget; the sentence names the sizes and what would fit."""

    category = "no-room"


class Unsafe(LoadError):
    """Loading was refused because the files could run code or hold a value that is not to be trusted."""

    category = "unsafe"


class Unreachable(LoadError):
    """The files of a model could not be fetched (not found, gated, cut off, disk full, wrong hash)."""

    category = "unreachable"


class OutOfMemory(NaraniError):
    """The device ran out of memory while answering; only that answer is lost."""

    category = "out-of-memory"


class BrokeWhileAnswering(NaraniError):
    """An answer could not go on through a fault of the model or of ours; what had come is kept."""

    category = "broke-while-answering"


class EngineDown(LoadError):
    """The process cannot answer at all: it is closing, or its parts did not start. It says nothing of a
    model, so it is never kept as a model's answer."""

    category = "engine-down"

    @classmethod
    def lacking(cls, error: ImportError) -> EngineDown:
        """A library is not installed, or not whole."""
        return cls("library-missing", name=error.name or "unknown")


class StepRefused(NaraniError):
    """A faster way of computing a step cannot be used for a model; it answers in the next simpler one. It
    ends nothing, and is shown beside the step that is used."""

    category = "step-refused"


class Stopped(NaraniError):
    """The person stopped it; not a fault."""

    category = "stopped"
