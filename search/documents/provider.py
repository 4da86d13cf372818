"""The provider that finds passages in a folder of documents, its index brought up to date before it is asked.

It needs no network, no key and no model. The folder may change at any time: it is looked at before a search,
a large one not before every search.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from errors import Cause
from search.documents.dense import dense_passages
from search.documents.found import FoundPassage
from search.documents.index import DocumentsIndex
from search.problems import SearchProblem
from search.records import SearchResult
from search.watch import SearchWatch

SHIPPED = Path(__file__).parents[1] / "sets" / "documents"
"""The documents that come with Narani."""
_SHARE_OF_TIME, _LONGEST_PAUSE = 0.05, 5.0
"""How much of the time between two looks at a folder one may take, and after how many seconds it is looked
at in any case."""


class DocumentsProvider:
    """Searches one folder; any thread may ask."""

    name = "documents"

    def __init__(self, folder: Path, home: Path, dense: str | None = None) -> None:
        """`dense`: the model by whose vectors passages are found too."""
        self._index = DocumentsIndex(folder, home, dense=dense_passages(dense))
        self._look_again = 0.0
        self._problems: tuple[Cause, ...] = ()

    @property
    def problems(self) -> tuple[Cause, ...]:
        """What of the folder could not be read when it was last looked at."""
        return self._problems

    def search(self, query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        self._bring_up(watch)
        return [_result(found) for found in self._index.search(query, limit)]

    def _bring_up(self, watch: SearchWatch) -> None:
        if time.monotonic() < self._look_again:
            return
        begun = time.monotonic()
        self._problems = self._index.update(watch)
        if not self._index.documents():
            raise SearchProblem(
                "search-folder-empty", folder=self._index.folder.name, unread=len(self._problems)
            )
        now = time.monotonic()
        self._look_again = now + min((now - begun) / _SHARE_OF_TIME, _LONGEST_PAUSE)


def _result(found: FoundPassage) -> SearchResult:
    path = PurePosixPath(found.path)
    place = f"{path}#{found.name}" if found.name else str(path)
    return SearchResult(
        title=found.title or path.stem,
        url=found.url or place,
        snippet=found.text,
        date=found.date,
        page=found.page,
        whole=True,
    )
