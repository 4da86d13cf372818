"""Progress: the rate of late, the time left, each fault once. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from rich.console import Console

from comparison.progress import BarProgress, Pace, PlainProgress
from engines.base import Answer, FinishReason, GenerationSettings


def answer(error: str | None = None) -> Answer:
    reason = FinishReason.FAILED if error else FinishReason.EOS
    return Answer("m", "", reason, GenerationSettings(), error=error)


def ticking(*seconds: float) -> Iterator[float]:
    now = 0.0
    for step in seconds:
        now += step
        yield now


def test_rate_and_time_left() -> None:
    pace = Pace(10, clock=ticking(100, 2, 2).__next__)
    assert str(pace) == "0 of 10 answered"
    pace.answered()
    assert str(pace) == "1 of 10 answered", "what came before the first answer was loading"
    pace.answered()
    pace.answered()
    assert str(pace) == "3 of 10 answered, 0.5 a second, 0:14 left"


def test_answers_that_come_at_once_tell_no_rate() -> None:
    pace = Pace(1000, clock=ticking(0, 0.01, 0.01, 2).__next__)
    for _ in range(3):
        pace.answered()
    assert str(pace) == "3 of 1000 answered"
    pace.answered()
    assert str(pace).startswith("4 of 1000 answered, 1.5 a second")


def test_a_fast_batch_tells_its_rate_too() -> None:
    pace = Pace(1000, clock=ticking(*[2**-10] * 100).__next__)
    for _ in range(100):
        pace.answered()
    assert str(pace) == "100 of 1000 answered, 1024.0 a second, 0:01 left"


def test_the_rate_is_that_of_late() -> None:
    pace = Pace(1000, clock=ticking(*[10.0] * 100, *[0.1] * 100).__next__)
    for _ in range(200):
        pace.answered()
    assert str(pace) == "200 of 1000 answered, 10.0 a second, 1:20 left"


def test_plain_lines_come_seldom_but_the_last_one_always() -> None:
    stream = io.StringIO()
    progress = PlainProgress(500, stream, seconds_between=60)
    for _ in range(500):
        progress.answered(answer())
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2 and lines[0].startswith("1 of 500") and lines[1].startswith("500 of 500")


@pytest.mark.parametrize("kind", ["plain", "bar"])
def test_each_fault_is_told_once(kind: str) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100)
    progress = PlainProgress(4, stream) if kind == "plain" else BarProgress(4, console)
    for error in ("첫째 [고장].", "둘째 고장.", "첫째 [고장].", None):
        progress.answered(answer(error))
    progress.close()
    said = stream.getvalue()
    assert said.count("m: 첫째 [고장].") == said.count("m: 둘째 고장.") == 1
    assert "4 of 4 answered" in said
