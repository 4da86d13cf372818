"""The database of the history: opened, looked after, read and written.

Knows: SQLite's settings, one writer at a time, what to do about a damaged file, a full disk, a dead process.
Refuses to know: what the work does that it is given; questions and answers.
"""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import SQLAlchemyError

from errors import BadRequest
from history.database_files import RESERVED_BYTES, DatabaseFile, Neighbors, ReservedSpace
from history.problems import Problem, Trouble, problem_of
from history.schema import add_measures, bring_up_to_date

WorkResult = TypeVar("WorkResult")
DatabaseWork = Callable[[Connection], WorkResult]

_NAME = "narani.db"
_MENDS = 3
"""How many things may be put right before work is given up: a damaged file, a full disk, an index."""


class Database:
    """Safe to use from any thread. Work is done in one transaction, and may be done again: it changes nothing
    but the database. Where it cannot be done, `Trouble` says why."""

    def __init__(
        self,
        home: Path,
        url: str | None,
        *,
        busy_seconds: float,
        reserved_bytes: int = RESERVED_BYTES,
        at_start: DatabaseWork[None],
        at_new_file: DatabaseWork[None],
        rebuild_index: DatabaseWork[None],
    ) -> None:
        self._home, self._busy_seconds = home, busy_seconds
        self._url = _checked(url) if url else URL.create("sqlite", database=str(home / _NAME))
        path = self._url.database if self._url.get_backend_name() == "sqlite" else None
        self._file = DatabaseFile(Path(path)) if path else None
        self._reserved = ReservedSpace(home / f"{_NAME}.ballast", reserved_bytes)
        self.neighbors = _neighbors(self._url, home)
        self._at_start, self._at_new_file, self._rebuild_index = at_start, at_new_file, rebuild_index
        self._file_is_new = False
        self._lock = threading.RLock()
        """Held while something is written, opened or mended."""
        self._at_work = threading.Condition()
        self._transactions = 0
        self._engine: Engine | None = None

    @property
    def set_aside(self) -> str | None:
        """The name a damaged file was moved to."""
        return self._file.set_aside if self._file else None

    def read(self, work: DatabaseWork[WorkResult]) -> WorkResult:
        return self._mending(lambda: self._transaction(work, write=False))

    def write(self, work: DatabaseWork[WorkResult]) -> WorkResult:
        with self._lock:
            result = self._mending(lambda: self._transaction(work, write=True))
            self._reserved.keep()
            return result

    def close(self) -> None:
        with self._lock:
            self._disconnect()
            self.neighbors.leave()

    def _transaction(self, work: DatabaseWork[WorkResult], *, write: bool) -> WorkResult:
        with self._entered() as engine, engine.connect() as connection:
            connection = connection.execution_options(narani_writes=write)
            with connection.begin():
                return work(connection)

    @contextlib.contextmanager
    def _entered(self) -> Iterator[Engine]:
        """Counted while it is used: a file that is open must not be put aside."""
        while (engine := self._counted()) is None:
            self._make_ready()
        try:
            yield engine
        finally:
            with self._at_work:
                self._transactions -= 1
                self._at_work.notify_all()

    def _counted(self) -> Engine | None:
        with self._at_work:
            if self._engine is not None and (self._file is None or self._file.is_same()):
                self._transactions += 1
                return self._engine
        return None

    def _make_ready(self) -> None:
        with self._lock:
            if self._engine is not None and self._file is not None and not self._file.is_same():
                self._look_again()
                self._file_is_new = True
            if self._engine is None:
                self._engine = self._open()

    def _mending(self, attempt: Callable[[], WorkResult]) -> WorkResult:
        for _ in range(_MENDS):
            try:
                return attempt()
            except (SQLAlchemyError, OSError) as error:
                problem = problem_of(error, self._home)
            if not self._mend(problem):
                raise Trouble(problem)
        raise Trouble(problem)

    def _mend(self, problem: Problem) -> bool:
        """Whether it is worth another try."""
        with self._lock:
            if problem is Problem.FULL:
                return self._reserved.release()
            if problem is Problem.INDEX:
                return self._index_made_anew()
            if problem is Problem.DAMAGED and self._file is not None:
                self._look_again()
                return True
            return False

    def _index_made_anew(self) -> bool:
        try:
            self._transaction(self._rebuild_index, write=True)
        except (SQLAlchemyError, OSError):
            return False
        return True

    def _look_again(self) -> None:
        """Let go of the file and put it aside if it is damaged; a neighbor may have done so already."""
        assert self._file is not None, "only a file can be damaged"
        self._disconnect()
        try:
            if self._file.is_damaged():
                self._file.put_aside()
                self._file_is_new = True
        except OSError as error:
            raise Trouble(problem_of(error, self._home)) from error

    def _open(self) -> Engine:
        self._home.mkdir(parents=True, exist_ok=True)
        self.neighbors.arrive()
        if self._file is not None and self._file.is_too_small():
            self._file.put_aside()
        engine = self._new_engine()
        try:
            with engine.connect().execution_options(narani_writes=True) as connection, connection.begin():
                bring_up_to_date(connection)
                add_measures(connection)
                self._at_start(connection)
                if self._file_is_new:
                    self._at_new_file(connection)
        except BaseException:
            engine.dispose()
            raise
        self.neighbors.settle()
        self._file_is_new = False
        if self._file is not None:
            self._file.hold()
        return engine

    def _new_engine(self) -> Engine:
        if self._file is None:
            return create_engine(self._url)
        engine = create_engine(
            self._url, connect_args={"timeout": self._busy_seconds, "check_same_thread": False}
        )
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine

    def _disconnect(self) -> None:
        with self._at_work:
            engine, self._engine = self._engine, None
            self._at_work.wait_for(lambda: self._transactions == 0)
        if self._file is not None and not self._file.is_same():
            self._file.protect_log()
        if engine is not None:
            with contextlib.suppress(SQLAlchemyError):
                engine.dispose()
        if self._file is not None:
            self._file.close()


def _neighbors(url: URL, home: Path) -> Neighbors:
    """A file's are beside it. Another database may be that of many machines, and one of several here."""
    if url.get_backend_name() == "sqlite":
        return Neighbors(Path(url.database) if url.database else home / _NAME, all_here=True)
    which = hashlib.sha256(url.render_as_string().encode()).hexdigest()[:12]
    return Neighbors(home / f"narani.{which}", all_here=False)


def _checked(url: str) -> URL:
    """The address may hold a password, so no part of it is said."""
    try:
        made = make_url(url)
        made.get_dialect().import_dbapi()
    except ImportError as error:
        raise BadRequest("database-library-missing", name=error.name) from None
    except SQLAlchemyError:
        raise BadRequest("database-address-unreadable") from None
    return made


def _set_up(connection: Any, _: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where the module guesses
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: Connection) -> None:
    """Work that writes takes its right at once: to ask for it later can fail without any waiting."""
    writes = connection.get_execution_options().get("narani_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
