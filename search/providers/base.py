"""The interface of all providers, apart from them so that who asks knows none of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from errors import Cause
from search.records import SearchResult
from search.watch import SearchWatch


class Provider(Protocol):
    """Finds results for a query, the best first."""

    name: str
    """As settings, commands and stored answers name it."""

    @property
    def problems(self) -> Sequence[Cause]:
        """What of the place that is searched could not be read, as far as the provider learns of it."""
        ...

    def search(self, query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        """At most `limit` results; none where nothing was found. Raises `SearchProblem` where it could not be
        searched, and `Stopped` where the person stopped it."""
        ...
