"""What stands on a page, kept up to date from the server's messages as Streamlit's own front end does it.

Knows: that what a run did not draw again goes when the run ends, and how a widget is found by its key.
Refuses to know: connections, and what a page means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from streamlit.proto.Delta_pb2 import Delta

_WORDS = ("body", "code_text", "value", "label", "placeholder")
"""The fields of elements in which they hold what a person reads."""


@dataclass(frozen=True)
class Drawn:
    """One element or block in its place."""

    kind: str
    what: Any
    run: str
    fragment: str

    @property
    def key(self) -> str | None:
        """What the page calls it."""
        parts = str(getattr(self.what, "id", "")).split("-", 2)
        return parts[2] if len(parts) == 3 and parts[0] == "$$ID" else None

    @property
    def words(self) -> str:
        found = (getattr(self.what, name, "") for name in _WORDS)
        return next((text for text in found if isinstance(text, str) and text), "")


class Picture:
    """Everything drawn, by its place."""

    def __init__(self) -> None:
        self._drawn: dict[tuple[int, ...], Drawn] = {}

    def take(self, place: tuple[int, ...], delta: Delta, run: str) -> None:
        if delta.WhichOneof("type") == "add_block":
            self._drawn[place] = Drawn("block", delta.add_block, run, delta.fragment_id)
            return
        self._drop(at for at in self._drawn if at[: len(place)] == place)
        if delta.WhichOneof("type") == "new_element":
            self._drawn[place] = _element(delta, run)

    def finish(self, run: str, fragments: frozenset[str]) -> None:
        """A run ended: what it should have drawn again and did not is gone."""
        self._drop(
            place
            for place, drawn in self._drawn.items()
            if drawn.run != run and (not fragments or drawn.fragment in fragments)
        )

    def __iter__(self) -> Iterator[Drawn]:
        return iter([self._drawn[place] for place in sorted(self._drawn)])

    def find(self, key: str) -> Drawn | None:
        return next((drawn for drawn in self if drawn.key == key), None)

    def keys(self, kind: str) -> list[str]:
        return [drawn.key for drawn in self if drawn.kind == kind and drawn.key is not None]

    def count(self, kind: str) -> int:
        return sum(drawn.kind == kind for drawn in self._drawn.values())

    @property
    def words(self) -> str:
        return "\n".join(words for drawn in self if (words := drawn.words))

    def _drop(self, places: Iterator[tuple[int, ...]]) -> None:
        for place in list(places):
            del self._drawn[place]


def _element(delta: Delta, run: str) -> Drawn:
    kind = delta.new_element.WhichOneof("type") or "empty"
    return Drawn(kind, getattr(delta.new_element, kind), run, delta.fragment_id)
