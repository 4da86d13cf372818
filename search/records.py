"""What passes through a search, as plain values: results, sources, and all that was found for a question.

Knows: their fields, and how what was found stands in an answer's extras as JSON.
Refuses to know: providers, networks, models and pages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from errors import Cause

ROOM = "search"
"""The name under which a search stands in the extras of requests and answers."""


@dataclass(frozen=True)
class SearchResult:
    """One line of what a provider found, its tags stripped and its entities decoded."""

    title: str
    url: str
    """Where it can be read; of an own document its path below the folder."""
    snippet: str
    """Some words of a page of the web, or the whole passage of an own document."""
    site: str = ""
    date: str = ""
    """As the provider says it; empty where it does not."""
    page: int | None = None
    """The page of a document that has pages."""
    whole: bool = False
    """Whether the snippet is the passage itself, so that nothing has to be fetched."""


@dataclass(frozen=True)
class SearchSource:
    """A passage that every model is shown, with the number by which answers cite it."""

    n: int
    title: str
    url: str
    site: str
    date: str
    passage: str
    page: int | None = None


@dataclass(frozen=True)
class Searched:
    """All that was found out before a question is asked. It is frozen into the request, so every model
    sees the same sources, and asking again searches nothing."""

    question: str
    searched: bool
    why: Cause
    """Why it was searched, or was not."""
    provider: str = ""
    queries: tuple[str, ...] = ()
    sources: tuple[SearchSource, ...] = ()
    problems: tuple[Cause, ...] = ()
    """What could not be found or read on the way; the answer comes from the other sources."""
    at: str = ""
    """When it was searched, as an ISO moment."""

    def as_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "why": self.why.as_json(),
            "queries": list(self.queries),
            "sources": [asdict(source) for source in self.sources],
            "problems": [problem.as_json() for problem in self.problems],
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Keys that a newer Narani added are passed over."""
        return cls(
            question=values["question"],
            searched=values["searched"],
            why=Cause.from_json(values["why"]),
            provider=values["provider"],
            queries=tuple(values["queries"]),
            sources=tuple(SearchSource(**_known(source)) for source in values["sources"]),
            problems=tuple(map(Cause.from_json, values["problems"])),
            at=values["at"],
        )


def searched_of(extras: Mapping[str, object]) -> Searched | None:
    """What was searched for this request or answer; None where nothing was."""
    values = extras.get(ROOM)
    return Searched.from_json(values) if isinstance(values, Mapping) else None


def _known(source: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in source.items() if name in SearchSource.__dataclass_fields__}
