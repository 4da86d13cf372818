"""A text that grows, in pieces: those that are full stand still, and only the open end is sent again.

Knows: where a piece ends, which depends on nothing that comes later; so a full piece never changes.
Refuses to know: models, pages, and how often anything is drawn.
"""

from __future__ import annotations

_SHORTEST, _LONGEST = 1_600, 2_400


def pieces(text: str) -> tuple[list[str], str]:
    """The full ones, each ending with a line or else a word, and the open end."""
    full, start = [], 0
    while len(text) - start > _LONGEST:
        end = _end(text, start)
        full.append(text[start:end])
        start = end
    return full, text[start:]


def _end(text: str, start: int) -> int:
    window = start + _SHORTEST, start + _LONGEST
    found = text.rfind("\n", *window)
    found = found if found >= 0 else text.rfind(" ", *window)
    return found + 1 if found >= 0 else start + _LONGEST
