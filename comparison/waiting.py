"""Questions that were sent while answers still ran, and wait until those have ended.

They wait behind a run in the order sent. Each goes out once, though several pages look on, and all of these
can follow to the run that came of it.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

QueuedQuestion = TypeVar("QueuedQuestion")


@dataclass(frozen=True)
class WaitingQuestion(Generic[QueuedQuestion]):
    """One of them; the id is its own, so that a late click never cancels another."""

    question: QueuedQuestion
    id: str = field(default_factory=lambda: secrets.token_urlsafe(6))


class WaitingQuestions(Generic[QueuedQuestion]):
    """Safe to use from any thread. Of more than `limit` runs the one first waited for is forgotten."""

    def __init__(self, limit: int = 500) -> None:
        self._limit = limit
        self._lock = threading.Lock()
        self._behind: dict[str, list[WaitingQuestion[QueuedQuestion]]] = {}
        self._went_to: dict[str, str] = {}

    def put(self, run_id: str, question: QueuedQuestion) -> None:
        with self._lock:
            self._behind.setdefault(run_id, []).append(WaitingQuestion(question))
            self._forget()

    def behind(self, run_id: str) -> tuple[WaitingQuestion[QueuedQuestion], ...]:
        with self._lock:
            return tuple(self._behind.get(run_id, ()))

    def cancel(self, run_id: str, id: str) -> QueuedQuestion | None:
        """The question, or None where it has gone out or was cancelled before."""
        with self._lock:
            for waits in self._behind.get(run_id, ()):
                if waits.id == id:
                    self._behind[run_id].remove(waits)
                    return waits.question
            return None

    def send(self, run_id: str, ask: Callable[[QueuedQuestion], str]) -> None:
        """`ask` the first and get the id of its run, behind which the others wait then. Where it raises, the
        question is out of the line and the others stay. Nobody else sends or looks meanwhile."""
        with self._lock:
            if not self._behind.get(run_id):
                return
            first = self._behind[run_id].pop(0)
            came_of_it = ask(first.question)
            self._went_to[run_id] = came_of_it
            if others := self._behind.pop(run_id):
                self._behind[came_of_it] = others
            self._forget()

    def went_to(self, run_id: str) -> str | None:
        """The run that came of what waited behind this one."""
        with self._lock:
            return self._went_to.get(run_id)

    def _forget(self) -> None:
        for kept in (self._behind, self._went_to):
            while len(kept) > self._limit:
                del kept[next(iter(kept))]
