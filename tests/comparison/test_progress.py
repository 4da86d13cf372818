"""Progress: a rate and a time left for each model, each fault once. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from comparison.terminal.progress import BarProgress, Paces, PlainProgress
from engines.base import Answer, FinishReason, GenerationSettings
from errors import AS_WRITTEN, Cause


def answer(error: str | None = None) -> Answer:
    reason = FinishReason.FAILED if error else FinishReason.EOS
    cause = Cause(AS_WRITTEN, sentence=error) if error else None
    return Answer("m", "", reason, GenerationSettings(), cause=cause)


class Clock:
    """Moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def paces(clock: Clock, **wanted: int) -> Paces:
    return Paces(wanted, clock)


def test_rate_and_time_left() -> None:
    clock = Clock()
    told = paces(clock, m=10)
    assert str(told) == "0 of 10 answered"
    told.answered("m")
    clock.now += 2
    assert str(told) == "1 of 10 answered", "what came before the first answer was loading"
    told.answered("m")
    clock.now += 2
    told.answered("m")
    assert str(told) == "3 of 10 answered, 30.0 a minute, 0:14 left"


def test_the_whole_takes_as_long_as_the_slowest_model() -> None:
    clock = Clock()
    told = paces(clock, quick=40, slow=40)
    for _ in range(40):
        told.answered("quick")
        clock.now += 2
    assert str(told) == "40 of 80 answered (quick 40/40, slow 0/40)", "no time is told for a model at rest"
    for _ in range(4):
        told.answered("slow")
        clock.now += 30
    told.answered("slow")
    assert str(told) == "45 of 80 answered, 2.0 a minute, 17:30 left (quick 40/40, slow 5/40)"
    assert told.of("quick") == "40/40" and told.of("slow") == "5/40, 2.0 a minute, 17:30 left"


def test_plain_lines_come_seldom_but_the_last_one_always() -> None:
    stream = io.StringIO()
    progress = PlainProgress({"m": 500}, stream, seconds_between=60)
    for _ in range(500):
        progress.answered(answer())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and lines[0].startswith("1 of 500") and lines[1].startswith("500 of 500")


@pytest.mark.parametrize("kind", ["plain", "bar"])
def test_each_fault_is_told_once(kind: str) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    progress = PlainProgress({"m": 4}, stream) if kind == "plain" else BarProgress({"m": 4}, console)
    for error in ("첫째 [고장].", "둘째 고장.", "첫째 [고장].", None):
        progress.answered(answer(error))
    progress.close()
    said = stream.getvalue()
    assert said.count("m: 첫째 [고장].") == said.count("m: 둘째 고장.") == 1
    assert ("4 of 4 answered" if kind == "plain" else "4/4") in said


def test_a_terminal_shows_a_bar_a_model() -> None:
    stream = io.StringIO()
    progress = BarProgress({"m": 4, "[느린] 모델": 4}, Console(file=stream, force_terminal=True, width=100))
    progress.answered(answer())
    progress.close()
    *_, first, second = [line for line in stream.getvalue().splitlines() if "/4" in line]
    assert "m" in first and "1/4" in first and "[느린] 모델" in second and "0/4" in second
