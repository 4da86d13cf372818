"""What went wrong as data: a code and its facts, from which the sentence of any language is made.

It is what a stored answer and a run keep of an error, so it survives as JSON.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

AS_WRITTEN = "as-written"
"""The code of a sentence that was made elsewhere (an older Narani, a library); its one fact is `sentence`."""


@dataclass(frozen=True, init=False)
class Cause:
    """`facts` hold numbers, texts, other causes, and tuples and mappings of these."""

    code: str
    facts: Mapping[str, Any] = field(hash=False)
    category: str
    """The category of the error that was raised; pages, loops and exit codes look at it."""

    def __init__(self, code: str, /, *, category: str = "error", **facts: object) -> None:
        object.__setattr__(self, "code", code)
        object.__setattr__(self, "facts", {name: _fact(value) for name, value in facts.items()})
        object.__setattr__(self, "category", category)

    def __str__(self) -> str:
        """The English sentence."""
        from errors.wording import wording  # not at the top: a wording is made of a cause

        return wording(self, "en")

    def as_json(self) -> dict[str, Any]:
        return {"code": self.code, "facts": {name: _json(value) for name, value in self.facts.items()}}

    @classmethod
    def from_json(cls, data: Mapping[str, Any], category: str = "error") -> Cause:
        """A cause from what `as_json` wrote; anything else is a cause that nobody knows."""
        facts = data.get("facts")
        return cls(str(data.get("code")), category=category, **(facts if isinstance(facts, Mapping) else {}))


def in_few_words(text: str) -> str:
    """What a library said, as a fact: short, and without paths of this machine."""
    return re.sub(r"(?:[A-Za-z]:)?[/\\][^\s'\",;:]+", "…", text)[:200]


def _fact(value: object) -> object:
    """As it comes back from JSON, so that what was stored equals what is read."""
    match value:
        case str() | BaseException() if isinstance(cause := getattr(value, "cause", None), Cause):
            return cause  # of a note or an error
        case Cause() | str() | int() | None:
            return str(value) if isinstance(value, StrEnum) else value
        case float():
            return value if math.isfinite(value) else str(value)
        case Mapping() if value.keys() == {"code", "facts"}:
            return Cause.from_json(value)
        case Mapping():
            return {str(name): _fact(each) for name, each in value.items()}
        case set() | frozenset():
            return tuple(_fact(each) for each in sorted(value))
        case Iterable():
            return tuple(_fact(each) for each in value)
    return str(value)


def _json(value: object) -> object:
    if isinstance(value, Cause):
        return value.as_json()
    if isinstance(value, Mapping):
        return {name: _json(each) for name, each in value.items()}
    return [_json(each) for each in value] if isinstance(value, tuple) else value
