"""The searches of this process: each on its thread until its question is asked, found again by its id.

A search belongs to the process, not to a page: a refreshed or second page finds it by owner and id, sees how
far it is, and stops it. Once it is done its run is found by `run_id`, like any other.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from comparison.kept_by_id import KeptById
from errors import Cause, NaraniError, Stopped
from search.asking import SearchAsking
from search.problems import SearchProblem
from search.records import Searched
from search.watch import SearchWatch
from search.wish import SearchWish

_log = logging.getLogger(__name__)


class SearchState(StrEnum):
    """The states before the end are stages as a `SearchWatch` is told them; any other stage is searching."""

    DECIDING = "deciding"
    SEARCHING = "searching"
    INDEXING = "indexing"
    FETCHING = "fetching"
    RANKING = "ranking"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True)
class SearchView:
    """A search at one moment, for drawing."""

    id: str
    wish: SearchWish
    state: SearchState
    done: int = 0
    """How many pages were read, or other steps of this state were taken."""
    total: int | None = None
    searched: Searched | None = None
    """What is known so far: why it is searched and with which queries; once it is done, all of it."""
    run_id: str | None = None
    """The run that answers. A search that is done without one found no source and asked nobody."""
    problem: Cause | None = None
    """Why it failed."""
    ended: bool = False


class LiveSearch:
    """One search at work or ended; any thread may look."""

    def __init__(self, owner: str, wish: SearchWish, watch: SearchWatch) -> None:
        self.id = secrets.token_urlsafe(12)
        self.owner, self.wish, self._watch = owner, wish, watch
        self._end: SearchState | None = None
        self._searched: Searched | None = None
        self._run_id: str | None = None
        self._problem: Cause | None = None
        self._ended = threading.Event()

    @property
    def ended(self) -> bool:
        return self._ended.is_set()

    def wait(self, timeout: float | None = None) -> bool:
        """Whether it ended within `timeout` seconds."""
        return self._ended.wait(timeout)

    def stop(self) -> None:
        """A search that is done already goes on answering; its run is stopped like any other."""
        self._watch.stop()

    def view(self) -> SearchView:
        ended, progress = self.ended, self._watch.progress
        stage = progress.stage or SearchState.DECIDING
        at_work = SearchState(stage) if stage in list(SearchState) else SearchState.SEARCHING
        state = self._end if ended and self._end else at_work
        return SearchView(
            self.id,
            self.wish,
            state,
            progress.done,
            progress.total,
            self._searched,
            self._run_id,
            self._problem,
            ended,
        )

    def run(self, asking: SearchAsking) -> None:
        """Search, then ask; whatever happens ends it, and what was typed stays in `wish`."""
        try:
            searched = asking.search(self.owner, self.wish, self._watch, self._know)
            self._know(searched)
            self._watch.check()
            run = asking.ask(self.owner, self.wish, searched)
            self._run_id = None if run is None else run.id
            self._end = SearchState.DONE
        except Stopped:
            self._end = SearchState.STOPPED
        except NaraniError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - nobody else sees the end of this thread
            _log.exception("a search broke off")
            self._fail(SearchProblem("search-broke-off", kind=type(error).__name__))
        finally:
            self._ended.set()

    def _know(self, searched: Searched) -> None:
        self._searched = searched

    def _fail(self, error: NaraniError) -> None:
        self._problem, self._end = error.cause, SearchState.FAILED


class LiveSearches(KeptById[LiveSearch]):
    """Searches by id. An ended one is forgotten after `keep_seconds` without anybody looking, or earlier when
    there are more than `limit`; its answers are in the history then."""

    def __init__(
        self,
        asking: SearchAsking,
        keep_seconds: float = 600,
        limit: int = 200,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        super().__init__(keep_seconds, limit, clock)
        self._asking = asking

    def start(self, owner: str, wish: SearchWish) -> LiveSearch:
        """Refuses at once what cannot be asked at all; everything else ends in the search's own state."""
        self._asking.check(owner, wish)
        search = LiveSearch(owner, wish, self._asking.watch())
        with self._lock:
            self._keep(search)
        name = f"search-{search.id}"
        threading.Thread(target=search.run, args=(self._asking,), name=name, daemon=True).start()
        return search

    def stop_all(self) -> None:
        for search in self._all():
            search.stop()
