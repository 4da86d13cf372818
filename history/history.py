"""The history of questions and answers: the one object that others ask."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from engines.base import AnswerRequest
from errors import NaraniError
from history.database import Database, DatabaseWork, WorkResult
from history.database_files import RESERVED_BYTES
from history.flat_rows import START, read_flat, read_numbers
from history.indexing import rebuild_index
from history.marks import write_mark
from history.outbox import Outbox, PendingWrite
from history.owners import hand_over, owner_number, read_preferences, write_preferences
from history.problems import Trouble, not_done, not_stored, shown
from history.reading import (
    bites,
    read_batch_numbers,
    read_batches,
    read_models,
    read_page,
    read_run,
    read_runs,
    read_thread,
)
from history.records import (
    BatchHead,
    FlatBatch,
    HistoryFilter,
    HistoryPage,
    HistoryStatus,
    MarkChange,
    Marks,
    RunHead,
    StoredAnswer,
    StoredBatch,
    StoredRun,
)
from history.rows import moment
from history.writing import (
    FIRST_ATTEMPT,
    bring_back,
    hide,
    left_behind,
    let_batch_go,
    mark_interrupted,
    purge_some,
    take_batch,
    write_answer,
    write_attempt,
    write_batch,
    write_run,
)

_PURGE_EVERY = 60.0
_LOOK_FOR_DEAD_EVERY = 1.0


class History:
    """Safe to use from any thread. Whoever reads names the owner; another's runs are as if they were not."""

    def __init__(
        self,
        home: Path,
        url: str | None = None,
        retry_seconds: float = 5.0,
        *,
        busy_seconds: float = 5.0,
        post_seconds: float = 0.3,
        undo_seconds: float = 600.0,
        reserved_bytes: int = RESERVED_BYTES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`post_seconds` is how long the beginning of a run is waited for: a write takes far less."""
        self._undo_seconds, self._clock = undo_seconds, clock
        self._purged_at = clock()
        self._outbox = Outbox(retry_seconds, post_seconds)
        self._database = Database(
            home,
            url,
            busy_seconds=busy_seconds,
            reserved_bytes=reserved_bytes,
            at_start=self._interrupt_the_dead,
            at_new_file=self._outbox.write_unfinished,
            rebuild_index=rebuild_index,
        )
        self._neighbors = self._database.neighbors
        self._looked_for_dead_at = time.monotonic()
        self._looking_for_dead = threading.Lock()
        self._outbox.connect(self._database)
        if self._outbox.post(PendingWrite("", _open)):
            self._clean_at_start()

    # -- writing

    def begin(self, head: RunHead) -> None:
        """Write a run down with all its answers as running. Never raises: what cannot be written now waits in
        memory and is tried again, in order, and `status` says so."""
        begins = tuple((position, FIRST_ATTEMPT) for position in range(len(head.requests)))
        work = partial(write_run, head=head, process=self._neighbors.name)
        written = self._outbox.post(PendingWrite(head.id, work, begins))
        if written and self._clock() - self._purged_at > _PURGE_EVERY and not self._purge_some():
            self._purged_at = self._clock()

    def begin_attempt(self, run_id: str, position: int, attempt: int, request: AnswerRequest) -> None:
        """One column of a run is asked again."""
        work = partial(
            write_attempt,
            run_id=run_id,
            position=position,
            attempt=attempt,
            request=request,
            process=self._neighbors.name,
            started=moment(datetime.now(UTC)),
        )
        self._outbox.post(PendingWrite(run_id, work, ((position, attempt),)))

    def store(self, run_id: str, answer: StoredAnswer) -> None:
        """Return once the answer is on disk. Where it cannot be stored a NaraniError says why; it is then
        kept in memory and tried again until it is."""
        piece = PendingWrite(
            run_id,
            partial(write_answer, run_id=run_id, stored=answer),
            ends=(answer.position, answer.attempt),
        )
        try:
            self._outbox.send(piece)
        except Trouble as trouble:
            raise not_stored(trouble.problem) from trouble

    def mark(self, owner: str, run_id: str, position: int, change: MarkChange, *attempt: int) -> Marks:
        """Of several attempts the newest where none is named; gives all marks of the run."""
        place = position, *attempt
        return self._write(partial(write_mark, owner=owner, run_id=run_id, place=place, change=change))

    def begin_batch(self, batch: BatchHead, heads: Sequence[RunHead]) -> None:
        """Write a batch and its questions down, no answer begun; raises NaraniError where it cannot. This
        process works on it until `end_batch`."""
        self._write(partial(write_batch, batch=batch, heads=heads, process=self._neighbors.name))

    def take_batch(self, batch_id: str) -> bool:
        """Work on a batch once more; False while another process does."""
        here = self._neighbors
        return self._write(partial(take_batch, batch_id=batch_id, process=here.name, lives=here.lives))

    def end_batch(self, batch_id: str) -> None:
        """This process works on it no longer; never raises."""
        work = partial(let_batch_go, batch_id=batch_id, process=self._neighbors.name)
        self._outbox.post(PendingWrite(batch_id, work))

    def hand_over(self, before: str, into: str) -> None:
        """All that one owner has becomes another's, in one piece. Never raises, as `begin`."""
        with suppress(NaraniError):
            if self._read(partial(owner_number, name=before)) is not None:
                self._outbox.post(PendingWrite("", partial(hand_over, before=before, into=into)))

    def status(self) -> HistoryStatus:
        problem = self._outbox.problem()
        return HistoryStatus(
            unsaved=self._outbox.unsaved(),
            problem=None if problem is None else shown(problem),
            set_aside=self._database.set_aside,
        )

    def unsaved(self, run_id: str, position: int) -> bool:
        """Whether this answer is still only in memory."""
        return self._outbox.holds(run_id, position)

    def close(self) -> None:
        self._outbox.close()
        self._database.close()

    # -- reading

    def get(self, owner: str, run_id: str) -> StoredRun | None:
        return self._read(partial(read_run, owner=owner, run_id=run_id))

    def thread(self, owner: str, run_id: str) -> tuple[StoredRun, ...]:
        """The conversation that ends with this run, oldest first; empty where it is not the owner's."""
        return self._read(partial(read_thread, owner=owner, run_id=run_id))

    def page(
        self, owner: str, wanted: HistoryFilter | None = None, before: int | None = None, size: int = 20
    ) -> HistoryPage:
        """Several words have to stand in the question, or in the question and one answer together."""
        return self._read(
            partial(read_page, owner=owner, wanted=wanted or HistoryFilter(), before=before, size=size)
        )

    def models(self, owner: str) -> tuple[str, ...]:
        """The model ids that occur, for a filter."""
        return self._read(lambda connection: tuple(read_models(connection, owner)))

    def batches(self, owner: str) -> tuple[StoredBatch, ...]:
        """Newest first."""
        return tuple(self._read(partial(read_batches, owner=owner, elsewhere=self._is_elsewhere)))

    def batch(self, owner: str, batch_id: str) -> StoredBatch | None:
        work = partial(read_batches, owner=owner, elsewhere=self._is_elsewhere, batch_id=batch_id)
        found = self._read(work)
        return found[0] if found else None

    def batch_runs(self, owner: str, batch_id: str) -> Iterator[StoredRun]:
        """In the order of the questions."""
        numbers = self._read(partial(read_batch_numbers, owner=owner, batch_id=batch_id))
        for some in bites(numbers):
            yield from self._read(partial(read_runs, owner=owner, numbers=some))

    def flat(self, owner: str, run_ids: Sequence[str] | None = None, rows: int = 2000) -> Iterator[FlatBatch]:
        """Every stored answer (of these runs), oldest first, some rows at a time; for export."""
        if run_ids is None:
            yield from self._flat(owner, None, rows)
            return
        numbers = self._read(partial(read_numbers, owner=owner, run_ids=run_ids))
        for some in bites(numbers):
            yield from self._flat(owner, some, rows)

    # -- deleting, and preferences

    def delete(self, owner: str, run_ids: Sequence[str]) -> int:
        """Hide them at once; they are gone for good after a while. How many were the owner's."""
        return self._write(partial(hide, owner=owner, run_ids=run_ids, now=self._clock()))

    def restore(self, owner: str, run_ids: Sequence[str]) -> int:
        """Undo a deletion."""
        return self._write(partial(bring_back, owner=owner, run_ids=run_ids))

    def preferences(self, owner: str) -> dict[str, object]:
        return self._read(partial(read_preferences, owner=owner))

    def prefer(self, owner: str, **values: object) -> None:
        """Set some preferences of a person (plain JSON values); None takes one away."""
        self._write(partial(write_preferences, owner=owner, values=values))

    def _read(self, work: DatabaseWork[WorkResult]) -> WorkResult:
        self._look_for_the_dead()
        try:
            return self._database.read(work)
        except Trouble as trouble:
            raise not_done(trouble.problem) from trouble

    def _write(self, work: DatabaseWork[WorkResult]) -> WorkResult:
        try:
            return self._database.write(work)
        except Trouble as trouble:
            raise not_done(trouble.problem) from trouble

    def _flat(self, owner: str, numbers: Sequence[int] | None, rows: int) -> Iterator[FlatBatch]:
        """Each piece in a transaction of its own: one that an export holds for minutes lets the log grow."""
        after = START
        while found := self._read(partial(read_flat, owner=owner, after=after, rows=rows, numbers=numbers)):
            batch, after = found
            yield batch

    def _is_elsewhere(self, process: str | None) -> bool:
        return process != self._neighbors.name and self._neighbors.lives(process)

    def _interrupt_the_dead(self, connection: Connection) -> None:
        mark_interrupted(connection, self._neighbors.gone)

    def _look_for_the_dead(self) -> None:
        """Whoever reads sees within a second that a neighbor died. What cannot be written now is marked by
        a later look."""
        with self._looking_for_dead:
            if time.monotonic() - self._looked_for_dead_at < _LOOK_FOR_DEAD_EVERY:
                return
            self._looked_for_dead_at = time.monotonic()
        with suppress(Trouble):
            if self._database.read(partial(left_behind, gone=self._neighbors.gone)):
                self._database.write(self._interrupt_the_dead)

    def _clean_at_start(self) -> None:
        try:
            while self._purge_some():
                pass
        except NaraniError:  # it is of a newer version
            self._database.close()
            raise

    def _purge_some(self) -> bool:
        """Whether more may be left; what cannot be done now is tried again with a later question."""
        work = partial(purge_some, deleted_before=self._clock() - self._undo_seconds)
        try:
            return self._database.write(work)
        except Trouble:
            return False


def _open(connection: Connection) -> None:
    """Nothing to write; the database is opened for it, and waits like an answer where it cannot be."""
