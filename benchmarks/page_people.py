"""People who use the dashboard for a while, as a soak run needs them: each in a browser of their own.

Knows: what people do on a page, how long each act took until the page had answered, and what they asked.
Refuses to know: how many of them there are, and what the server makes of it.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.page_asking import (
    allow_tokens,
    ask,
    begin_anew,
    buttons,
    models_picked,
    run_id,
    stop_all,
    wait_until_ended,
)
from benchmarks.page_client import Browser, Tab
from benchmarks.page_stage import ENDLESS
from benchmarks.rounds import timed
from errors import NaraniError

_QUESTION = "나란히 놓고 보면 무엇이 달라 보이나요?"
_ENDLESS_TOKENS = 10_000
_UNTIL_TRIED_AGAIN = 0.5
"""Seconds after which a browser that lost its connection asks for another. The server has to keep sessions
for surely longer: Streamlit closes a connection that comes at the very moment its session runs out."""


@dataclass
class Diary:
    """What one person did and saw."""

    seconds: list[float] = field(default_factory=list)
    """Of each act, until the page had been drawn again; not of the answers."""
    acts: Counter[str] = field(default_factory=Counter)
    asked: Counter[str] = field(default_factory=Counter)
    """Of each run, how many answers were asked for."""
    faults: list[str] = field(default_factory=list)


class Person:
    """Opens a tab and goes on until told to stop."""

    def __init__(self, browser: Browser, number: int) -> None:
        self.diary = Diary()
        self._browser, self._chance = browser, random.Random(number)
        self._tab: Tab = browser.open()

    def everything_once(self) -> None:
        for act in self._acts:
            self._do(act)

    def until(self, end: float) -> None:
        while time.monotonic() < end:
            self._do(self._chance.choice(self._acts))
            self._think()

    def leave(self) -> None:
        self._tab.close()

    @property
    def _acts(self) -> tuple[Callable[[], None], ...]:
        return (
            self.ask,
            self.go_on,
            self.stop_one,
            self.stop_all,
            self.ask_one_again,
            self.refresh,
            self.lose_connection,
            self.look_back,
        )

    # -- what people do

    def ask(self) -> None:
        self._begin_anew(_QUESTION)
        wait_until_ended(self._tab)

    def go_on(self) -> None:
        self._begin(_QUESTION)
        wait_until_ended(self._tab)

    def stop_one(self) -> None:
        self._begin_endless()
        stop = self._chance.choice(buttons(self._tab, "stop"))
        self._timed(lambda: self._tab.click(stop))
        self._tab.wait(lambda tab: stop not in buttons(tab, "stop"))
        stop_all(self._tab)
        wait_until_ended(self._tab)

    def stop_all(self) -> None:
        self._begin_endless()
        self._timed(lambda: stop_all(self._tab))
        wait_until_ended(self._tab)

    def ask_one_again(self) -> None:
        self.ask()
        again = self._chance.choice(buttons(self._tab, "again"))
        self._timed(lambda: self._tab.click(again))
        self.diary.asked[run_id(self._tab)] += 1
        wait_until_ended(self._tab)

    def refresh(self) -> None:
        self._begin_anew(_QUESTION)
        self._timed(self._open_again)
        wait_until_ended(self._tab)

    def lose_connection(self) -> None:
        self._begin_anew(_QUESTION)
        self._tab.abort()
        time.sleep(_UNTIL_TRIED_AGAIN)
        self._tab.connect()
        self._timed(self._tab.rerun)
        wait_until_ended(self._tab)

    def look_back(self) -> None:
        past: list[Tab] = []
        self._timed(lambda: past.append(self._browser.open("history")))
        self.diary.faults += past[0].faults
        past[0].close()

    # -- how

    def _begin_anew(self, question: str) -> None:
        self._timed(lambda: begin_anew(self._tab))
        self._begin(question)

    def _begin(self, question: str) -> None:
        self._timed(lambda: ask(self._tab, question))
        self.diary.asked[run_id(self._tab)] += models_picked(self._tab)

    def _begin_endless(self) -> None:
        self._timed(lambda: allow_tokens(self._tab, _ENDLESS_TOKENS))
        self._begin_anew(f"{_QUESTION} {ENDLESS}")

    def _open_again(self) -> None:
        self._tab = self._tab.refresh()

    def _timed(self, call: Callable[[], object]) -> None:
        self.diary.seconds.append(timed(call)())

    def _think(self) -> None:
        """The page goes on living meanwhile."""
        until = time.monotonic() + self._chance.uniform(0.2, 1.5)
        while time.monotonic() < until:
            self._tab.live(0.1)

    def _do(self, act: Callable[[], None]) -> None:
        self.diary.acts[act.__name__] += 1
        try:
            act()
        except (NaraniError, OSError) as error:
            self.diary.faults.append(f"{act.__name__}: {error}")
            self._tab.close()
            self._tab = self._browser.open()
        self.diary.faults += self._tab.faults
