"""Many people for some minutes, then nobody: does anything break, get lost, or stay in memory?

Knows: the order of a soak run (warm up, work, leave, look), and what has to hold after it.
Refuses to know: what people do, and how the server is started.
"""

from __future__ import annotations

import sqlite3
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.page_people import Diary, Person
from benchmarks.page_server import Server, open_server
from settings import format_bytes

_TOKENS, _PIECES_PER_SECOND = 40, 60.0
_ENVIRONMENT = {"NARANI_UNWATCHED_SECONDS": "10"}
"""What somebody left running is stopped soon, and then stored like any other."""
_GROWTH = 1.10
"""Of the memory after the warm-up; more than this stays after the run: a leak."""
_SLOWEST = 1.0
"""Seconds that 95 of 100 acts take at most."""


@dataclass(frozen=True)
class Report:
    """What was seen."""

    acts: Counter[str]
    faults: tuple[str, ...]
    asked: int
    lost: int
    """Answers asked for that are not in the database as ended."""
    slowest: float
    """95 of 100 acts took less."""
    before: int
    """Bytes of the process after the warm-up, with nobody there; at the most; and after everybody left."""
    most: int
    after: int

    @property
    def problems(self) -> list[str]:
        found = [f"{len(self.faults)} faults, the first: {self.faults[0]}"] if self.faults else []
        found += [f"{self.lost} answers are lost."] if self.lost else []
        found += [f"{self.slowest:.2f} s are too slow."] if self.slowest > _SLOWEST else []
        found += ["Memory did not come back."] if self.after > self.before * _GROWTH else []
        return found

    def lines(self) -> Iterator[str]:
        yield "acts: " + ", ".join(f"{what} {count}" for what, count in sorted(self.acts.items()))
        yield f"answers: {self.asked} asked for, {self.lost} of them not stored"
        yield f"95 of 100 acts were drawn within {self.slowest:.2f} s"
        yield (
            f"memory: {format_bytes(self.before)} before, {format_bytes(self.most)} at most, "
            f"{format_bytes(self.after)} after ({self.after / self.before:.2f})"
        )
        yield from (f"problem: {problem}" for problem in self.problems)


def soak(sessions: int, seconds: float, ttl: int) -> Report:
    """`ttl`: how many seconds the server keeps the session of a closed tab; 2 at least."""
    with tempfile.TemporaryDirectory() as home:
        speed = {"tokens": _TOKENS, "pieces_per_second": _PIECES_PER_SECOND}
        with open_server(Path(home), _ENVIRONMENT, engine="scripted", ttl=ttl, **speed) as server:
            warm = _together(server, sessions, Person.everything_once)
            before = _memory_when_quiet(server, ttl)
            with _most_memory(server) as most:
                end = time.monotonic() + seconds
                worked = _together(server, sessions, lambda person: person.until(end))
            after = _memory_when_quiet(server, ttl)
        stored = _ended_answers(Path(home, "narani.db"))
    return _report(warm + worked, worked, stored, (before, max(most), after))


def _report(
    diaries: list[Diary], worked: list[Diary], stored: Counter[str], memory: tuple[int, int, int]
) -> Report:
    asked = sum((diary.asked for diary in diaries), Counter[str]())
    seconds = [each for diary in worked for each in diary.seconds]
    return Report(
        acts=sum((diary.acts for diary in worked), Counter[str]()),
        faults=tuple(fault for diary in diaries for fault in diary.faults),
        asked=asked.total(),
        lost=(asked - stored).total(),
        slowest=statistics.quantiles(seconds, n=20)[-1] if len(seconds) > 1 else 0.0,
        before=memory[0],
        most=memory[1],
        after=memory[2],
    )


def _together(server: Server, sessions: int, live: Callable[[Person], None]) -> list[Diary]:
    """Everybody comes, lives and leaves."""

    def one(number: int) -> Diary:
        person = Person(server.browser(), number)
        live(person)
        person.leave()
        return person.diary

    with ThreadPoolExecutor(max_workers=sessions) as everybody:
        return list(everybody.map(one, range(sessions)))


def _memory_when_quiet(server: Server, ttl: int) -> int:
    """Streamlit lets go of sessions when the next one closes: one more visitor comes after their time."""
    time.sleep(ttl + 0.5)
    server.browser().open().close()
    until = time.monotonic() + 30
    while time.monotonic() < until and server.ask("facts")["running"]:
        time.sleep(0.2)
    return int(server.ask("facts")["rss"])


@contextmanager
def _most_memory(server: Server) -> Iterator[list[int]]:
    """What the process took, looked at each half second, while the body runs."""
    seen, over = [int(server.ask("facts")["rss"])], threading.Event()

    def look() -> None:
        while not over.wait(0.5):
            seen.append(int(server.ask("facts")["rss"]))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield seen
    finally:
        over.set()
        looking.join()


def _ended_answers(database: Path) -> Counter[str]:
    """Of each run; read without the code that wrote them. One that never ended is a lost one."""
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(
            "SELECT runs.id, COUNT(*) FROM answers JOIN runs ON runs.number = answers.run"
            " WHERE answers.state IN ('done', 'stopped') GROUP BY runs.id"
        )
        return Counter(dict(rows.fetchall()))
