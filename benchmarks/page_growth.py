"""page-growth: drawing the compare page again on a long conversation, over the same on its first turn.

Knows: how a history comes to hold a conversation of many turns without anybody asking them.
Refuses to know: how many of them the page draws.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.page_client import Tab, new_cookie
from benchmarks.page_server import open_server
from benchmarks.rounds import Effort, Measured, Seconds, Stopwatch, paired, timed
from comparison.history.history import History
from comparison.history.records import RunHead, StoredAnswer, StoredState
from comparison.run import requests_for
from dashboard.session.owner import owner_of_browser
from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings
from prompts.conversation import Conversation

TURNS = 200
_MODELS = ("demo-koalpaca", "demo-kullm", "demo-chat")
_RERUNS = 5
"""Of each side within one measurement."""
_TEXT = "나란히 놓고 보면 어느 답이 나은지 한눈에 보입니다. " * 6


def measure(effort: Effort) -> Measured:
    with tempfile.TemporaryDirectory() as home:
        cookie = new_cookie()
        fill(Path(home), owner_of_browser(cookie), TURNS)
        with open_server(Path(home), engine="scripted") as server:
            at_home = server.browser(cookie=cookie)
            short, long = at_home.open(query="run=turn-1"), at_home.open(query=f"run=turn-{TURNS}")
            short_time, long_time = Stopwatch(_redrawing(short)), Stopwatch(_redrawing(long))
            values = paired(long_time, short_time, effort.rounds)
            missing = _missing(short, 1) + _missing(long, TURNS)
            broken = (*missing, *short.faults, *long.faults)
    short_ms, long_ms = (1000 * watch.median / _RERUNS for watch in (short_time, long_time))
    return Measured(values, broken, (f"on 1 turn {short_ms:.0f} ms, on {TURNS} turns {long_ms:.0f} ms",))


def fill(home: Path, owner: str, turns: int) -> None:
    """One conversation with three models, its runs called turn-1, turn-2 and so on."""
    history = History(home)
    asked = Conversation.ask("1번째 질문입니다.")
    for turn in range(1, turns + 1):
        requests = requests_for(asked, _MODELS, GenerationSettings())
        previous = f"turn-{turn - 1}" if turn > 1 else None
        history.begin(RunHead(f"turn-{turn}", owner, datetime.now(UTC), requests, previous))
        for position, request in enumerate(requests):
            history.store(f"turn-{turn}", _answer(position, request))
        asked = asked.answered(_TEXT).go_on(f"{turn + 1}번째 질문입니다.")
    history.close()


def _answer(position: int, request: AnswerRequest) -> StoredAnswer:
    now = datetime.now(UTC)
    answer = Answer(request.model_id, _TEXT, FinishReason.EOS, request.settings, prompt=_TEXT)
    return StoredAnswer(position, 1, StoredState.DONE, answer, now, now)


def _redrawing(tab: Tab) -> Seconds:
    def again() -> None:
        for _ in range(_RERUNS):
            tab.rerun()

    return timed(again)


def _missing(tab: Tab, turn: int) -> tuple[str, ...]:
    question = f"{turn}번째 질문입니다."
    return () if question in tab.picture.words else (f"Turn {turn} is not on the page.",)
