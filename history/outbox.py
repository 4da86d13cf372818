"""What is to be written, in order: now if it can be, else from memory again and again until it is.

Knows: the pieces that wait, why they wait, and what is needed to write an unfinished run down anew.
Refuses to know: SQL, and what a piece writes.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import Connection

from errors import NaraniError
from history.database import Database, DatabaseWork
from history.problems import Problem, Trouble

AnswerPlace = tuple[int, int]
"""Position and attempt of an answer."""


@dataclass(eq=False)
class PendingWrite:
    """One thing to write. Written twice it is as written once."""

    run_id: str
    work: DatabaseWork[None]
    begins: tuple[AnswerPlace, ...] = ()
    ends: AnswerPlace | None = None
    waits: bool = False
    """Its sender was told that it is not written yet."""
    refused: NaraniError | None = None


class Outbox:
    def __init__(self, retry_seconds: float, post_seconds: float) -> None:
        self._retry_seconds, self._post_seconds = retry_seconds, post_seconds
        self._pieces: deque[PendingWrite] = deque()
        self._unfinished: dict[str, list[PendingWrite]] = {}
        self._running: dict[str, set[AnswerPlace]] = {}
        self._problem: Problem | None = None
        self._lock = threading.Lock()
        """Held for a look or a change only, never while something is written."""
        self._sending = threading.Lock()
        self._retrying: threading.Thread | None = None
        self._closed = threading.Event()

    def connect(self, database: Database) -> None:
        self._database = database

    def send(self, piece: PendingWrite) -> None:
        """Return once it is written; where it cannot be, `Trouble` says why and it waits."""
        with self._lock:
            self._pieces.append(piece)
            self._remember(piece)
        if (trouble := self._try(piece)) is not None:
            raise trouble
        if piece.refused is not None:
            raise piece.refused

    def post(self, piece: PendingWrite) -> bool:
        """Never raises, and does not try at all while others wait. Whether it is done with, within a moment:
        who asks a question does not wait for whoever holds the database."""
        with self._lock:
            problem = self._problem if self._waiting() else None
            self._pieces.append(piece)
            self._remember(piece)
        if problem is not None:
            self._let_wait(piece, problem)
            return False
        writing = threading.Thread(target=self._try, args=(piece,), name="history-post", daemon=True)
        writing.start()
        writing.join(self._post_seconds)
        with self._lock:
            return piece not in self._pieces

    def unsaved(self) -> int:
        with self._lock:
            return sum(piece.ends is not None for piece in self._waiting())

    def problem(self) -> Problem | None:
        with self._lock:
            return self._problem if self._waiting() else None

    def holds(self, run_id: str, position: int) -> bool:
        with self._lock:
            return any(
                piece.run_id == run_id and piece.ends is not None and piece.ends[0] == position
                for piece in self._waiting()
            )

    def write_unfinished(self, connection: Connection) -> None:
        """All that is known of the runs that were not over, into a database that knows nothing of them."""
        with self._lock:
            known = [piece for pieces in self._unfinished.values() for piece in pieces]
            pieces = [piece for piece in known if piece not in self._pieces]
        for piece in pieces:
            piece.work(connection)

    def close(self) -> None:
        """One last try; what cannot be written then is lost."""
        self._closed.set()
        thread = self._retrying
        if thread is not None:
            thread.join()
        try:
            self._write_until(None)
        except Trouble:
            return

    def _try(self, piece: PendingWrite) -> Trouble | None:
        try:
            self._write_until(piece)
        except Trouble as trouble:
            self._let_wait(piece, trouble.problem)
            return trouble
        return None

    def _write_until(self, wanted: PendingWrite | None) -> None:
        """Write from the front until this one is written; until none is left when none is named."""
        with self._sending:
            while (piece := self._next(wanted)) is not None:
                try:
                    self._database.write(piece.work)
                except NaraniError as error:
                    piece.refused = error
                with self._lock:
                    self._pieces.remove(piece)
                    self._forget_if_over(piece)

    def _next(self, wanted: PendingWrite | None) -> PendingWrite | None:
        with self._lock:
            if not self._pieces or (wanted is not None and wanted not in self._pieces):
                return None
            return self._pieces[0]

    def _let_wait(self, piece: PendingWrite, problem: Problem) -> None:
        with self._lock:
            piece.waits, self._problem = True, problem
            if self._retrying is None and not self._closed.is_set():
                self._retrying = threading.Thread(target=self._retry, name="history-retry", daemon=True)
                self._retrying.start()

    def _retry(self) -> None:
        while not self._closed.wait(self._retry_seconds):
            try:
                self._write_until(None)
            except Trouble as trouble:
                self._problem = trouble.problem
            with self._lock:
                if not self._pieces:
                    self._retrying = None
                    return

    def _waiting(self) -> Iterable[PendingWrite]:
        return [piece for piece in self._pieces if piece.waits]

    def _remember(self, piece: PendingWrite) -> None:
        if piece.begins:
            self._running.setdefault(piece.run_id, set()).update(piece.begins)
        if piece.run_id in self._running:
            self._unfinished.setdefault(piece.run_id, []).append(piece)

    def _forget_if_over(self, piece: PendingWrite) -> None:
        running = self._running.get(piece.run_id)
        if running is None:
            return
        if piece.ends is not None:
            running.discard(piece.ends)
        if not running:
            del self._running[piece.run_id], self._unfinished[piece.run_id]
