"""The cause of an error as an answer or a run was stored with it.

Its code and facts are kept since history version 3. What was stored before, and the files that `comparison
batch` writes, hold the English sentence alone: it is known by the English wording of today; one whose wording
has changed since stays as it was written.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from functools import cache, lru_cache
from typing import Any

from errors.cause import AS_WRITTEN, Cause
from errors.wording import is_worded, wordings

_LEAST_LETTERS = 15
"""Letters that a wording must have of its own; one of facts alone would be seen in any sentence."""


def stored_cause(sentence: str | None, category: str | None, facts: Mapping[str, Any] | None) -> Cause | None:
    """`facts` as `Cause.as_json` made them. A code that only a newer Narani knows leaves its sentence."""
    if sentence is None:
        return None
    if facts is None:
        return cause_of(sentence, category or "error")
    cause = Cause.from_json(facts, category or "error")
    return cause if is_worded(cause) else Cause(AS_WRITTEN, category=cause.category, sentence=sentence)


@lru_cache(maxsize=512)
def cause_of(sentence: str, category: str = "error") -> Cause:
    line = " ".join(sentence.split())
    for code, shape in _shapes():
        if found := shape.fullmatch(line):
            return Cause(code, category=category, **{k: _fact(v) for k, v in found.groupdict().items()})
    return Cause(AS_WRITTEN, category=category, sentence=sentence)


def _fact(text: str) -> Cause | str:
    """A part of a sentence may have a wording of its own."""
    cause = cause_of(text)
    return text if cause.code == AS_WRITTEN else cause


@cache
def _shapes() -> tuple[tuple[str, re.Pattern[str]], ...]:
    """The wording with most letters of its own first: it says most certainly that it is meant."""
    found = []
    for code, template in wordings("en").items():
        parts = list(string.Formatter().parse(template))
        letters = sum(map(len, (literal for literal, *_ in parts)))
        if letters >= _LEAST_LETTERS:
            found.append((letters, code, re.compile(_shape(parts))))
    return tuple((code, shape) for _, code, shape in sorted(found, key=lambda each: -each[0]))


def _shape(parts: list[tuple[str, str | None, str | None, str | None]]) -> str:
    pattern, named = "", set()
    for literal, fact, *_ in parts:
        pattern += re.escape(literal)
        if fact is not None:
            pattern += f"(?P={fact})" if fact in named else f"(?P<{fact}>.+?)"
            named.add(fact)
    return pattern
