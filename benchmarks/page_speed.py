"""page-one, page-three: what the dashboard costs while it shows answers, over `model.generate` alone.

Knows: the two sides, both in one server process, and that a tab watches ours as they grow.
Refuses to know: how the page draws, and how either side makes text.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.korean import QUESTIONS
from benchmarks.page_asking import ask_anew, wait_until_ended
from benchmarks.page_server import Server, open_server
from benchmarks.rounds import Effort, Measured, paired, timed

_LONGER = 1.5
"""384 tokens where other lines have 256: drawing a longer text again and again is what a page may pay for."""


def measure_one(effort: Effort) -> Measured:
    return _measure(effort, models=1)


def measure_three(effort: Effort) -> Measured:
    return _measure(effort, models=3)


def _measure(effort: Effort, models: int) -> Measured:
    """Tokens a second from the question's arrival at the engine to the last token of all models, while the
    page draws them, over those of generate, one after another."""
    tokens = int(effort.tokens * _LONGER)
    with open_server(engine="random", models=models, tokens=tokens) as server:
        watched = _Watched(server, models)
        values = paired(lambda: float(server.ask("raw")), watched.seconds, effort.rounds)
        faults = watched.tab.faults
        watched.tab.close()
    short = [f"An answer has {count} of {tokens} tokens." for count in watched.tokens if count != tokens]
    more = statistics.median(watched.beside)
    return Measured(values, (*faults, *short), (f"asking and seeing it ended take {more:.2f} s besides",))


class _Watched:
    """A tab that asks anew each time, and looks on until every answer stands there."""

    def __init__(self, server: Server, models: int) -> None:
        self._server, self._models = server, models
        self.tab = server.browser().open()
        self.beside: list[float] = []
        self.tokens: list[int] = []

    def seconds(self) -> float:
        seen = timed(self._ask)()
        answers: dict[str, Any] = self._server.ask("answers")
        self.tokens += answers["tokens"]
        self.beside.append(seen - answers["seconds"])
        return float(answers["seconds"])

    def _ask(self) -> None:
        ask_anew(self.tab, QUESTIONS[0])
        wait_until_ended(self.tab, self._models, seconds=180)
