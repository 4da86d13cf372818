"""A text cut into passages of 300 to 500 characters, which begin and end between two sentences.

A passage is a piece of the text as it stands there, so nothing is lost: each sentence of up to 500 characters
is whole in one of them, a longer one is cut between words. Neighbors share the sentences, or the words, of
their last 50 to 100 characters, unless a long sentence needs the room.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from search.words import analyzer, normalized

LONGEST = 500
_FEWEST_SHARED, _MOST_SHARED = 50, 100
_BLOCK = 1_000
"""Characters that the analyzer is given at once: its time grows faster than the text does."""
_ENDS = (". ", "? ", "! ", ".\n", "?\n", "!\n", "\u3002")


def passages(text: str) -> list[str]:
    """In the order of the text; none of a text that is empty."""
    text = normalized(text).strip()
    return [passage for begin, end in _passages(text) if (passage := text[begin:end].strip())]


def _passages(text: str) -> Iterator[tuple[int, int]]:
    spans = list(_spans(text))
    borders = [begin for begin, _ in spans]
    begin = end = 0
    for at, following in spans:
        if following - begin > LONGEST:
            yield begin, end
            begin = _shared_from(text, borders, at, following)
        end = following
    yield begin, end


def _shared_from(text: str, borders: list[int], at: int, following: int) -> int:
    """Where the passage begins that adds the sentence from `at` to `following`: at a sentence of the one
    before if that is neither much nor little, else at a word of it."""
    first, last = max(at - _MOST_SHARED, following - LONGEST, 0), at - _FEWEST_SHARED
    if first > last:
        return at
    border = borders[bisect_left(borders, first)]
    if border <= last:
        return border
    words = (place for place in range(first, last + 1) if text[place - 1].isspace())
    return next(words, last)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    """Sentences, and pieces of too long ones, with the space behind them; together they are the text."""
    for begin, end, in_words in _blocks(text):
        starts = [found.start for found in analyzer().split_into_sents(text[begin:end])] if in_words else []
        edges = [begin, *(begin + start for start in starts[1:]), end]
        for at, following in zip(edges, edges[1:], strict=False):
            yield from _pieces(text, at, following)


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """What the analyzer is given, cut where a sentence seems to end; False: not even a word ends there."""
    begin = 0
    while begin < len(text):
        end = min(begin + _BLOCK, len(text))
        in_words = True
        if end < len(text):
            cut = _last(_ENDS, text, begin, end) or _last_word(text, begin, end)
            in_words, end = cut is not None, cut or end
        yield begin, end, in_words
        begin = end


def _pieces(text: str, begin: int, end: int) -> Iterator[tuple[int, int]]:
    while end - begin > LONGEST:
        cut = _last_word(text, begin, begin + LONGEST) or begin + LONGEST
        yield begin, cut
        begin = cut
    yield begin, end


def _last_word(text: str, begin: int, end: int) -> int | None:
    """A line is preferred to a word."""
    return _last(("\n",), text, begin, end) or _last((" ", "\t"), text, begin, end)


def _last(marks: tuple[str, ...], text: str, begin: int, end: int) -> int | None:
    """Behind the last of these marks, but not before anything stands there."""
    found = max((text.rfind(mark, begin + 1, end) + len(mark) for mark in marks), default=0)
    return found if found > begin + 1 else None
