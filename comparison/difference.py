"""What one answer says otherwise than another, word by word, as far as comparing is worth its time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from enum import StrEnum
from functools import lru_cache
from itertools import accumulate, groupby, takewhile

MOST_STEPS, MOST_PAIRS = 10_000_000, 30_000
"""Words of one text times words of the other; pairs of equal words, each of which may be looked at often."""
_WORD = re.compile(r"\w+|[^\w\s](?:\u200d[^\w\s]|[\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff])*")
_TOKEN = re.compile(rf"({_WORD.pattern}|^)(\s*)")
_LINE = re.compile(r"([^\n]+|^)(\n*)")


class DifferenceKind(StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True)
class DifferencePiece:
    """A stretch of text: what is the same and added makes the other text, what is the same and removed the
    baseline."""

    kind: DifferenceKind
    text: str


Token = tuple[str, str]
"""A word or a line, and the space after it; only the former is compared."""


@lru_cache(maxsize=64)
def word_differences(baseline: str, other: str) -> tuple[DifferencePiece, ...]:
    found = _by_words(_tokens(_TOKEN, baseline), _tokens(_TOKEN, other), MOST_STEPS)
    if found is None:
        found = list(_by_lines(_tokens(_LINE, baseline), _tokens(_LINE, other)))
    return tuple(_joined(found))


def similarity(baseline: str, other: str) -> float:
    """The share of words, 0 to 1, that both use; their order does not count."""
    one, two = (Counter(filter(str.isalnum, _WORD.findall(text))) for text in (baseline, other))
    words = one.total() + two.total()
    return 2 * (one & two).total() / words if words else float(baseline.strip() == other.strip())


def _tokens(pattern: re.Pattern[str], text: str) -> list[Token]:
    return [(found[1], found[2]) for found in pattern.finditer(text) if found[0]]


def _by_words(old: Sequence[Token], new: Sequence[Token], most: int) -> list[DifferencePiece] | None:
    """None where it would take too long."""
    start = _in_common(old, new)
    end = _in_common(old[start:][::-1], new[start:][::-1])
    old_rest, new_rest = old[start : len(old) - end], new[start : len(new) - end]
    if len(old_rest) * len(new_rest) > most:
        return None
    rest = [
        piece for same, a, b in _matched(old_rest, new_rest) for piece in (_same if same else _other)(a, b)
    ]
    return [*_same(old[:start], new[:start]), *rest, *_same(old[len(old) - end :], new[len(new) - end :])]


def _by_lines(old: Sequence[Token], new: Sequence[Token]) -> Iterator[DifferencePiece]:
    """Lines first, then the words of those that differ, as far as time allows."""
    too_many = len(old) * len(new) > MOST_STEPS
    stretches = [(False, old, new)] if too_many else list(_matched(old, new))
    for same, a, b in stretches:
        if same:
            yield from _same(a, b)
        else:
            words = _tokens(_TOKEN, _text(a)), _tokens(_TOKEN, _text(b))
            yield from _by_words(*words, MOST_STEPS // len(stretches)) or _other(a, b)


def _in_common(old: Sequence[Token], new: Sequence[Token]) -> int:
    return sum(1 for _ in takewhile(lambda both: both[0][0] == both[1][0], zip(old, new, strict=False)))


def _matched(
    old: Sequence[Token], new: Sequence[Token]
) -> Iterator[tuple[bool, Sequence[Token], Sequence[Token]]]:
    ours, theirs = [word for word, _ in old], [word for word, _ in new]
    telling = _telling(ours, theirs)
    matcher = SequenceMatcher(lambda word: word not in telling, ours, theirs, autojunk=False)
    for operation, a, b, c, d in matcher.get_opcodes():
        yield operation == "equal", old[a:b], new[c:d]


def _telling(old: Sequence[str], new: Sequence[str]) -> set[str]:
    """The words worth looking for; a comma, or a word found everywhere, matches only beside one of them."""
    one, two = Counter(old), Counter(new)
    common = [word for word in one if word in two and any(map(str.isalnum, word))]
    common.sort(key=lambda word: one[word] * two[word])
    pairs = accumulate(one[word] * two[word] for word in common)
    return {word for word, so_far in zip(common, pairs, strict=True) if so_far <= MOST_PAIRS}


def _same(old: Sequence[Token], new: Sequence[Token]) -> Iterator[DifferencePiece]:
    for (word, before), (_, after) in zip(old, new, strict=True):
        yield DifferencePiece(DifferenceKind.SAME, word)
        yield from (
            [DifferencePiece(DifferenceKind.SAME, after)] if before == after else _changed(before, after)
        )


def _other(old: Sequence[Token], new: Sequence[Token]) -> Iterator[DifferencePiece]:
    return _changed(_text(old), _text(new))


def _changed(old: str, new: str) -> Iterator[DifferencePiece]:
    yield DifferencePiece(DifferenceKind.REMOVED, old)
    yield DifferencePiece(DifferenceKind.ADDED, new)


def _text(tokens: Iterable[Token]) -> str:
    return "".join(word + space for word, space in tokens)


def _joined(pieces: Iterable[DifferencePiece]) -> Iterator[DifferencePiece]:
    for kind, group in groupby((piece for piece in pieces if piece.text), key=lambda piece: piece.kind):
        yield DifferencePiece(kind, "".join(piece.text for piece in group))
