"""The dashboard's server as a child process, with a chosen engine behind it, to be asked from outside.

Run: python -m benchmarks.page_stage --port 8600 --engine scripted   (started by page_server.py)

Knows: which engine is put behind the page, and the questions about the process that its parent may ask.
Refuses to know: what the pages do; they are the ones that people see.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Literal

import psutil
import tyro
from streamlit.web import bootstrap

from dashboard import resources
from engines import build
from engines.base import AnswerRequest, LiveAnswer
from engines.memory import EngineWithMemory
from model_registry import live
from tests.engines.scripted_engine import Script, ScriptedEngine

_LATEST = 64
"""More than one question to eight models asks for."""

ENDLESS = "끝없이"
"""A question with this word gets an answer that does not end by itself."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What stands on it."""

    port: int
    page: Path = Path("comparison_app.py")
    engine: Literal["real", "scripted", "random"] = "real"
    """real: the one of the dashboard. scripted: no model at all. random: networks of the benchmarks."""
    models: int = 3
    """random: how many."""
    tokens: int = 384
    """random, scripted: how long an answer is."""
    pieces_per_second: float = 200.0
    """scripted: how fast."""
    ttl: int = 120
    """Seconds that the session of a closed tab is kept."""


class Seen:
    """What went through the engine, which is built when the first question comes. Of ended answers only the
    latest are kept: a soak run looks at the memory of this process, and all of them would be a leak."""

    def __init__(self) -> None:
        self.engine: EngineWithMemory | None = None
        self.answers: deque[LiveAnswer] = deque(maxlen=_LATEST)
        self._asked = 0
        self._at_work: list[LiveAnswer] = []

    def watch(self, engine: EngineWithMemory) -> EngineWithMemory:
        submit = engine.submit

        def noted(request: AnswerRequest, live: LiveAnswer) -> None:
            self.answers.append(live)
            self._asked += 1
            self._at_work = [*self._running(), live]
            submit(request, live)

        setattr(engine, "submit", noted)  # noqa: B010 - a method of this one object is put over its own
        self.engine = engine
        return engine

    def _running(self) -> list[LiveAnswer]:
        return [live for live in self._at_work if not live.ended]

    def facts(self) -> dict[str, float]:
        view = self.engine.view() if self.engine else None
        events = view.events if view else ()
        return {
            "rss": psutil.Process().memory_info().rss,
            "threads": threading.active_count(),
            "asked": self._asked,
            "running": len(self._running()),
            "loads": sum(event.what == "load" for event in events),
            "resident": len(view.residents) if view else 0,
        }

    def of_answers(self) -> dict[str, object]:
        """Seconds from the first question to the last token, and the tokens of each; then forgotten."""
        ended = [(live.submitted_at, live.view().measures) for live in self.answers]
        self.answers.clear()
        last = max(at + (of.seconds_to_first_text or 0) + (of.answering_seconds or 0) for at, of in ended)
        return {"seconds": last - min(at for at, _ in ended), "tokens": [of.tokens_out for _, of in ended]}

    def first_text(self) -> float:
        """When the answer asked for last began, on the clock that its engine reads."""
        live = self.answers[-1]
        return live.submitted_at + (live.view().measures.seconds_to_first_text or 0)


def set_up(stage: Stage, seen: Seen, opened: ExitStack) -> dict[str, Callable[[], object]]:
    """Put the engine behind the page; what may be asked of the process, by name."""
    asked: dict[str, Callable[[], object]] = {
        "facts": seen.facts,
        "answers": seen.of_answers,
        "first_text": seen.first_text,
    }
    build_local = build.build_local
    if stage.engine != "real":
        resources._prepare = lambda: None
    if stage.engine == "scripted":
        script = Script(lambda request: _say(request, stage.tokens), 1 / stage.pieces_per_second)
        engine: EngineWithMemory = ScriptedEngine(default=script)
        build.build_local = lambda registry, settings: seen.watch(engine)
    elif stage.engine == "random":
        from benchmarks.page_networks import open_networks  # brings torch

        networks = opened.enter_context(open_networks(stage.models, stage.tokens))
        setattr(live, "load_registry", lambda own: networks.registry)  # noqa: B010 - as above
        build.build_local = lambda registry, settings: seen.watch(networks.engine)
        asked["raw"] = networks.raw
    else:
        build.build_local = lambda registry, settings: seen.watch(build_local(registry, settings))
    return asked


def _say(request: AnswerRequest, tokens: int) -> Iterator[str]:
    endless = ENDLESS in request.conversation.turns[-1].question
    return ("나란히 " if at % 12 else "이야기입니다.\n" for at in (count() if endless else range(tokens)))


def answer_parent(asked: dict[str, Callable[[], object]], replies: int) -> None:
    """A word a line in, its figures as a line of JSON out; the process ends when the parent lets go."""
    with os.fdopen(replies, "w", encoding="utf-8", buffering=1) as out:
        for line in sys.stdin:
            out.write(json.dumps(asked[line.strip()]()) + "\n")
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    stage = tyro.cli(Stage, prog="python -m benchmarks.page_stage")
    replies = os.dup(1)
    os.dup2(2, 1)  # what Streamlit prints is no reply
    flags = {
        "server_port": stage.port,
        "server_headless": True,
        "server_fileWatcherType": "none",
        "server_disconnectedSessionTTL": stage.ttl,
    }
    with ExitStack() as opened:
        asked = set_up(stage, Seen(), opened)
        threading.Thread(target=answer_parent, args=(asked, replies), daemon=True).start()
        bootstrap.load_config_options(flags)
        bootstrap.run(str(stage.page.resolve()), False, [], flags)


if __name__ == "__main__":
    main()
