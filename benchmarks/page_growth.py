"""page-growth, page-long: the compare page on a long conversation, over the same on a short one.

Knows: which conversations are compared, and that both have to stand on the page.
Refuses to know: how much of them the page draws.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.page_client import Browser, Tab, new_cookie
from benchmarks.page_conversation import fill, markdown, question
from benchmarks.page_server import open_server
from benchmarks.rounds import Effort, Measured, Seconds, Stopwatch, paired, timed
from dashboard.session.owner import owner_of_browser

TURNS = 200
LONG_TURNS, LONG_CHARACTERS = 5, 15_000
_MODELS = ("demo-koalpaca", "demo-kullm", "demo-chat")
_EIGHT = (*_MODELS, "demo-korwkv") * 2
_MOST_BYTES = 8 * 2_500 * 3 + 50_000
"""More than a page of short answers: the beginning of each of the newest turn, and a little beside."""
_RERUNS, _RELOADS = 5, 3
"""Of each side within one measurement."""
_TEXT = "나란히 놓고 보면 어느 답이 나은지 한눈에 보입니다. " * 6


def measure(effort: Effort) -> Measured:
    """Drawing it again."""
    with _home() as (home, cookie):
        fill(home, owner_of_browser(cookie), TURNS, _MODELS, _TEXT)
        with open_server(home, engine="scripted") as server:
            at_home = server.browser(cookie=cookie)
            short, long = at_home.open(query="run=turn-1"), at_home.open(query=f"run=turn-{TURNS}")
            short_time, long_time = Stopwatch(_redrawing(short)), Stopwatch(_redrawing(long))
            values = paired(long_time, short_time, effort.rounds)
            missing = _missing(short, 1) + _missing(long, TURNS)
            broken = (*missing, *short.faults, *long.faults)
    short_ms, long_ms = (1000 * watch.median / _RERUNS for watch in (short_time, long_time))
    return Measured(values, broken, (f"on 1 turn {short_ms:.0f} ms, on {TURNS} turns {long_ms:.0f} ms",))


def measure_long(effort: Effort) -> Measured:
    """Opening five turns of eight answers of 15,000 characters in a new tab, over five of short ones."""
    with _home() as (home, cookie):
        owner = owner_of_browser(cookie)
        fill(home, owner, LONG_TURNS, _EIGHT, markdown(LONG_CHARACTERS), "long")
        fill(home, owner, LONG_TURNS, _EIGHT, markdown(100), "short")
        with open_server(home, engine="scripted") as server:
            at_home = server.browser(cookie=cookie)
            long, short = (_Reloading(at_home, f"run={each}-{LONG_TURNS}") for each in ("long", "short"))
            values = paired(Stopwatch(timed(long)), Stopwatch(timed(short)), effort.rounds)
    too_much = long.tab.traffic.bytes - short.tab.traffic.bytes > _MOST_BYTES
    much = ("Folded answers go to the browser whole.",) if too_much else ()
    broken = (*much, *_missing(long.tab, LONG_TURNS), *long.tab.faults, *short.tab.faults)
    sizes = " and ".join(f"{each.tab.traffic.bytes / 1000:.0f} kB" for each in (long, short))
    return Measured(values, broken, (f"{sizes} come to the browser",))


class _Reloading:
    def __init__(self, browser: Browser, query: str) -> None:
        self._browser, self._query = browser, query
        self.tab = browser.open(query=query)

    def __call__(self) -> None:
        for _ in range(_RELOADS):
            self.tab.close()
            self.tab = self._browser.open(query=self._query)


@contextmanager
def _home() -> Iterator[tuple[Path, str]]:
    with tempfile.TemporaryDirectory() as home:
        yield Path(home), new_cookie()


def _redrawing(tab: Tab) -> Seconds:
    def again() -> None:
        for _ in range(_RERUNS):
            tab.rerun()

    return timed(again)


def _missing(tab: Tab, turn: int) -> tuple[str, ...]:
    return () if question(turn) in tab.picture.words else (f"Turn {turn} is not on the page.",)
