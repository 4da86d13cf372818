"""The history as a command line has it: whatever is wrong with it is said once and costs no answer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from errors import Cause, NaraniError, wording
from settings import terminal_language

if TYPE_CHECKING:
    from types import TracebackType

    from history.history import History


class HistoryOfMachine:
    """Opened on entering, closed on leaving; `history` is None where none is wanted or it cannot be opened.
    `lacking`: what to say about answers that are not kept there, from the problem."""

    def __init__(self, open_history: Callable[[], History] | None, lacking: Callable[[Cause], Cause]) -> None:
        self._open, self._lacking = open_history, lacking
        self._said = False
        self.history: History | None = None

    def __enter__(self) -> HistoryOfMachine:
        if self._open is not None:
            try:
                self.history = self._open()
            except NaraniError as error:
                self.say(error)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.history is None:
            return
        self.history.close()  # it tries once more what could not be written
        problem = self.history.status().problem
        if problem is not None:
            from history.problems import Problem, not_done

            self.say(not_done(Problem(problem)))

    def say(self, error: NaraniError) -> None:
        if not self._said:
            self._said = True
            sys.stderr.write(f"{wording(self._lacking(error.cause), terminal_language())}\n")
