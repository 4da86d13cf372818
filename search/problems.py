"""What a search cannot do, apart from every part of it because all of them raise it."""

from __future__ import annotations

from errors import NaraniError


class SearchProblem(NaraniError):
    """A provider, a page or an index gave nothing; the answer comes from what the others gave."""

    category = "search-failed"
