"""The clauses of Korean text with their words, read apart because each says yes or no for itself.

"우리밀만 쓰며 방부제는 넣지 않는다" denies the second, not the first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.words import analyzer, content_of, shortened

if TYPE_CHECKING:
    from kiwipiepy import Token

_DENYING = {
    ("않", "VX"),
    ("못하", "VX"),
    ("말", "VX"),
    ("없", "VA"),
    ("아니", "VCN"),
    ("안", "MAG"),
    ("못", "MAG"),
}
_JOINING = {"며", "으며", "고", "지만", "으나", "나", "면서", "는데", "은데", "ᆫ데"}
"""Endings behind which another statement begins."""


@dataclass(frozen=True)
class Clause:
    words: frozenset[str]
    denies: bool
    """Whether an odd number of its words deny: two of them (없지 않다) say yes."""


def clauses(text: str) -> tuple[Clause, ...]:
    return tuple(clause for clause in _clauses(text) if clause.words)


def _clauses(text: str) -> Iterator[Clause]:
    begun: list[Token] = []
    for token in analyzer().tokenize(shortened(text)):
        begun.append(token)
        if token.tag in ("EF", "SF") or (token.tag == "EC" and token.form in _JOINING):
            yield _clause(begun)
            begun = []
    yield _clause(begun)


def _clause(tokens: Sequence[Token]) -> Clause:
    denials = sum((token.form, token.tag) in _DENYING for token in tokens)
    return Clause(frozenset(content_of(tokens)), denials % 2 == 1)
