"""The index of one folder, brought up to date and searched by any process that wants to.

Knows: which files changed, that one process of all reads them while the others look at what was there before,
and that what was read once is not read again.
Refuses to know: how a file is read, the tables, and when the folder has to be looked at.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from errors import Cause
from errors.system_reason import system_reason
from file_lock import HeldLock, try_lock
from search.documents.dense import DensePassages
from search.documents.folder import Listing, listed, named_folder
from search.documents.found import FoundPassage, best
from search.documents.store import IndexStore
from search.documents.updating import Updating
from search.problems import SearchProblem
from search.watch import SearchWatch

_LOOK_SECONDS = 0.05
"""How often a process that waits for another looks whether it is done."""


class DocumentsIndex:
    """Any thread may call anything here; each call opens the file for itself."""

    def __init__(
        self, folder: Path, home: Path, only: str | None = None, dense: DensePassages | None = None
    ) -> None:
        """`only`: one file of the folder instead of all. `dense`: also found by meaning."""
        self.folder = named_folder(folder).absolute()
        self._only = only
        self._dense = dense
        place = f"{self.folder}\0{only or ''}".encode("utf-8", "surrogateescape")
        name = hashlib.sha256(place).hexdigest()[:24]
        self._path = home / "search" / f"{name}.db"
        self._lock = self._path.with_suffix(".lock")

    def update(self, watch: SearchWatch) -> tuple[Cause, ...]:
        """Bring the index up to what lies in the folder; what of it could not be read. While another process
        does so, the index stays as it was before, and one that never was whole is waited for."""
        with self._problems():
            listing = self._listed()
            lock = self._locked(listing, watch)
            if lock is None:
                return listing.problems
            with lock:
                return self._updated(listing, watch)

    def search(self, query: str, limit: int) -> list[FoundPassage]:
        """The best passages, the best first."""
        with self._problems(), self._opened() as store:
            return best(store, query, limit, self._dense)

    def documents(self) -> int:
        """How many there are."""
        with self._problems(), self._opened() as store:
            return store.documents()

    def _listed(self) -> Listing:
        try:
            listing = listed(self.folder)
            if self._only is None:
                return listing
            return Listing(tuple(file for file in listing.files if file.path == self._only), ())
        except OSError as error:
            why = system_reason(error)
            raise SearchProblem("search-folder-unreadable", folder=self.folder.name, why=why) from error

    def _locked(self, listing: Listing, watch: SearchWatch) -> HeldLock | None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        while (lock := try_lock(self._lock)) is None:
            watch.check()
            with suppress(sqlite3.DatabaseError), self._opened() as store:
                if store.built:
                    return None
                if store.usable:
                    watch.report("indexing", len(store.files()), len(listing.files))
            time.sleep(_LOOK_SECONDS)
        return lock

    @contextmanager
    def _opened(self) -> Iterator[IndexStore]:
        store = IndexStore(self._path)
        try:
            yield store
        finally:
            store.close()

    def _updated(self, listing: Listing, watch: SearchWatch) -> tuple[Cause, ...]:
        """For who holds the lock. A damaged index is made anew: it holds nothing that the folder does not."""
        try:
            return self._pass_over(listing, watch)
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:  # of its children none is about damage
                raise
        for ending in ("", "-wal", "-shm"):
            Path(f"{self._path}{ending}").unlink(missing_ok=True)
        return self._pass_over(listing, watch)

    def _pass_over(self, listing: Listing, watch: SearchWatch) -> tuple[Cause, ...]:
        with self._opened() as store:
            problems = Updating(self.folder, store, watch).run(listing)
            if self._dense is not None:
                self._dense.bring_up(store, watch)
            return problems

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                why = Cause("system-disk-full")
                raise SearchProblem("search-index-unwritable", folder=self.folder.name, why=why) from error
            raise SearchProblem("search-index-broken", folder=self.folder.name, why=str(error)) from error
        except OSError as error:
            why = system_reason(error)
            raise SearchProblem("search-index-unwritable", folder=self.folder.name, why=why) from error
