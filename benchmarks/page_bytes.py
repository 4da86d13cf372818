"""page-bytes: what goes to the browser for three long answers, over a page that draws each at every token.

Knows: both pages, the same engine behind them, and how many bytes and messages came.
Refuses to know: how either page draws.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from benchmarks.korean import QUESTIONS
from benchmarks.page_asking import allow_tokens, ask_anew, buttons, wait_until_ended
from benchmarks.page_client import Tab
from benchmarks.page_server import open_server
from benchmarks.rounds import Effort, Measured, paired

_LONGER = 600 / 256
_COLUMNS = 3
_MOST_REDRAWS = 12.0
"""A second and column."""
_PER_TOKEN = Path(__file__).with_name("page_per_token.py")


def measure(effort: Effort) -> Measured:
    """Bytes of the compare page over those of the other, from the question to all answers ended."""
    tokens = round(effort.tokens * _LONGER)
    with _tab("comparison_app.py", tokens) as ours, _tab(str(_PER_TOKEN), tokens) as other:
        ours.click("compare_remove_demo-korwkv")
        allow_tokens(ours, tokens)
        drawn = _Drawn(ours)
        values = paired(drawn.bytes, lambda: _bytes_per_token(other), effort.rounds)
        faults = (*ours.faults, *other.faults)
    redraws, messages = statistics.median(drawn.redraws), statistics.median(drawn.messages)
    often = f"A column is drawn {redraws:.1f} times a second."
    note = f"a second and column: {redraws:.1f} redraws, {messages:.1f} messages of all kinds"
    return Measured(values, (*faults, *((often,) if redraws > _MOST_REDRAWS else ())), (note,))


@contextmanager
def _tab(page: str, tokens: int) -> Iterator[Tab]:
    with open_server(engine="scripted", tokens=tokens, page=page) as server:
        tab = server.browser().open()
        yield tab
        tab.close()


class _Drawn:
    """The compare page, asked anew each time."""

    def __init__(self, tab: Tab) -> None:
        self._tab = tab
        self.redraws: list[float] = []
        self.messages: list[float] = []

    def bytes(self) -> float:
        before = self._tab.traffic
        ask_anew(self._tab, QUESTIONS[0])
        self._while_growing()
        wait_until_ended(self._tab, _COLUMNS)
        self._tab.settle()
        return float((self._tab.traffic - before).bytes)

    def _while_growing(self) -> None:
        """Until the first ends: nothing else is drawn meanwhile."""
        before, start = self._tab.traffic, monotonic()
        self._tab.wait(lambda tab: len(buttons(tab, "stop")) < _COLUMNS)
        came, column_seconds = self._tab.traffic - before, (monotonic() - start) * _COLUMNS
        self.redraws.append(came.texts / column_seconds)
        self.messages.append(came.messages / column_seconds)


def _bytes_per_token(tab: Tab) -> float:
    before = tab.traffic
    tab.send("peer_question", QUESTIONS[0])
    return float((tab.traffic - before).bytes)
