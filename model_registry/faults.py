"""What is wrong with an entry, said in one sentence that names file, entry and key.

Knows: how a fault reads, and how pydantic's findings become plain words with near names.
Refuses to know: where entries come from and what is done with the good ones.
"""

from __future__ import annotations

import difflib
import os
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from model_registry.names import LETTERS_SAID
from model_registry.spec import entry_keys, field_of

_PLAIN = {
    "missing": "is missing",
    "model_type": "must be a table",
    "tuple_type": "must be a list",
    "string_type": "must be text in quotes",
    "int_type": "must be a whole number",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "string_too_short": "must not be empty",
}


@dataclass(frozen=True)
class EntryFault:
    """An entry, or a whole file, that is left out; `message` says everything."""

    file: str
    entry: str
    """The id, or the position where there is no id to show; empty: the whole file."""
    key: str
    message: str
    path: Path = field(repr=False, compare=False)
    problem: str = field(default="", repr=False, compare=False)
    """The message without file, entry and key."""
    kind: str = field(default="", repr=False, compare=False)
    """What sort of fault it is, for whoever says it in another language with `facts`."""
    facts: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class EntryLocation:
    """A file, and an entry in it."""

    path: Path
    entry: str = ""

    @property
    def file(self) -> str:
        return os.fsencode(self.path.name).decode("utf-8", "replace")

    def fault(self, key: str, problem: str, kind: str = "", **facts: str) -> EntryFault:
        parts = [self.file]
        if self.entry:
            parts.append(self.entry if self.entry.startswith("entry ") else f"entry '{self.entry}'")
        if key:
            parts.append(f"key '{key}'")
        message = printable(f"{', '.join(parts)}: {problem}.")
        shown = {name: printable(value) for name, value in facts.items()}
        return EntryFault(self.file, self.entry, key, message, self.path, printable(problem), kind, shown)

    def finding(self, error: ErrorDetails) -> EntryFault:
        """One finding of pydantic as a fault."""
        key, problem, kind = _describe(error)
        context = error.get("ctx") or {}
        facts = {name: str(value) for name, value in context.items() if name not in ("key", "problem")}
        # What else was written may be the key to a server, which is not said again.
        if error["type"] not in ("contradiction", "extra_forbidden"):
            facts["given"] = _short(error["input"])
        return self.fault(key, problem, kind, **facts)


class _Finding(NamedTuple):
    key: str
    problem: str
    kind: str


def _describe(error: ErrorDetails) -> _Finding:
    context: Mapping[str, object] = error.get("ctx") or {}
    # An entry is flat, whatever it is made into: ("runs", "local", "loading") is its key "loading".
    location = error["loc"][2:] if error["loc"][:1] == ("runs",) else error["loc"]
    kind, key = error["type"], ".".join(map(str, location))
    if kind == "contradiction":
        key = str(context["key"])
        return _Finding(key, str(context["problem"]), f"contradiction_{key.split('.')[-1]}")
    if kind == "extra_forbidden":
        known = near(str(location[-1]), _keys_at(location[:-1]))
        return _Finding(key, f"is not known here{known}", kind)
    if kind in ("enum", "literal_error"):
        return _Finding(key, f"must be {context['expected']}, not {_short(error['input'])}", "choice")
    if kind == "string_pattern_mismatch":
        return _Finding(key, _pattern_problem(key, error["input"]), f"pattern_{key.split('.')[-1]}")
    said = f"{error['msg'][:1].lower()}{error['msg'][1:]}, not {_short(error['input'])}"
    return _Finding(key, _PLAIN.get(kind, said), kind)


def near(name: str, known: Iterable[str]) -> str:
    """'; did you mean …?' or the names there are."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if close:
        return f"; did you mean {', '.join(close)}"
    return f"; known: {', '.join(known[:30])}" if known else ""


def _pattern_problem(key: str, value: object) -> str:
    if key in ("id", "adapter.base"):
        return f"must be 1 to 80 of {LETTERS_SAID}, starting with a letter or digit, not {_short(value)}"
    return f"must be a plain folder name inside the source, not {_short(value)}"


def _keys_at(location: tuple[int | str, ...]) -> set[str]:
    names = [part for part in location if isinstance(part, str)]
    if not names:
        return set(entry_keys())
    inner = _model_in(field_of(names[0]).annotation)
    return set(inner.model_fields) if inner else set()


def _model_in(annotation: object) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, typing.get_args(annotation))), None)


def printable(text: str) -> str:
    return "".join(c if c.isprintable() else "�" for c in text)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
