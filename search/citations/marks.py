"""Citation marks in a text, read in one place alone: where they stand and which numbers they name.

`[1][3]`, `[1, 2]`, `[1-3]`, `［1］`, `【1】` and `[출처 1]` are marks; `(1)` and `a[1]` in code are none.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

_OPEN, _CLOSE = r"[\[［【〔]", r"[\]］】〕]"
_NUMBER = r"\d{1,9}"
_NEXT = rf"[ \t]{{0,3}}[,，、·;~∼〜～–—-][ \t]{{0,3}}(?:(?:출처|자료|문서)[ \t]?)?{_NUMBER}"
_WORD = r"(?:출처|자료|문서|참고|source|sources|doc|ref)"
_MARK = re.compile(
    rf"\\?{_OPEN}[ \t]{{0,3}}(?:{_WORD}[ \t]{{0,3}}:?[ \t]{{0,3}})?[\^#]?({_NUMBER}(?:{_NEXT}){{0,30}})번?"
    rf"[ \t]{{0,3}}(?:†[^\]】]{{0,40}})?\\?{_CLOSE}",
    re.IGNORECASE,
)
_RANGE = re.compile(rf"({_NUMBER})(?:[ \t]*[~∼〜～–—-][ \t]*(?:\D{{0,3}}?)({_NUMBER}))?")
_INLINE_CODE = re.compile(r"`[^`\n]{1,200}`")
_LONGEST_RANGE = 50
"""A wider range names no sources that anybody searched, so its two ends stand for it."""


@dataclass(frozen=True)
class CitationMark:
    start: int
    end: int
    numbers: tuple[int, ...]


def citation_marks(text: str) -> list[CitationMark]:
    """All marks in order. Numbers are as written: whether such a source exists is not decided here."""
    prose = _INLINE_CODE.sub(lambda code: " " * len(code.group()), text)
    return [
        CitationMark(*found.span(), tuple(dict.fromkeys(_numbers(found.group(1)))))
        for found in _MARK.finditer(prose)
    ]


def _numbers(inside: str) -> Iterator[int]:
    for found in _RANGE.finditer(unicodedata.normalize("NFKC", inside)):
        first, last = int(found.group(1)), int(found.group(2) or found.group(1))
        if first <= last <= first + _LONGEST_RANGE:
            yield from range(first, last + 1)
        else:
            yield from (first, last)
