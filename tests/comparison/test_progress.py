"""Progress: a rate and a time left for each model, each fault once. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import io
from collections import Counter

import pytest
from rich.console import Console

from comparison.batch.progress import BatchFailure, BatchProgress, BatchState, BatchView
from comparison.terminal.progress import BarLines, PlainLines, pace_of, whole_pace
from errors import AS_WRITTEN, Cause


class Clock:
    """Moved by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def begun(clock: Clock | None = None, **wanted: int) -> BatchProgress:
    progress = BatchProgress(clock=clock or Clock())
    progress.begin(Counter(wanted), Counter(), ())
    return progress


def at_work(progress: BatchProgress) -> BatchView:
    return progress.view(BatchState.RUNNING)


def test_rate_and_time_left() -> None:
    clock = Clock()
    progress = begun(clock, m=10)
    assert whole_pace(at_work(progress)) == "0 of 10 answered"
    progress.answered("m")
    clock.now += 2
    assert whole_pace(at_work(progress)) == "1 of 10 answered", "what came before the first was loading"
    progress.answered("m")
    clock.now += 2
    progress.answered("m")
    assert whole_pace(at_work(progress)) == "3 of 10 answered, 30.0 a minute, 0:14 left"


def test_the_whole_takes_as_long_as_the_slowest_model() -> None:
    clock = Clock()
    progress = begun(clock, quick=40, slow=40)
    for _ in range(40):
        progress.answered("quick")
        clock.now += 2
    at_rest = "40 of 80 answered (quick 40/40, slow 0/40)"
    assert whole_pace(at_work(progress)) == at_rest, "no time is told for a model at rest"
    for _ in range(4):
        progress.answered("slow")
        clock.now += 30
    progress.answered("slow")
    view = at_work(progress)
    assert whole_pace(view) == "45 of 80 answered, 2.0 a minute, 17:30 left (quick 40/40, slow 5/40)"
    assert [pace_of(model) for model in view.models] == ["40/40", "5/40, 2.0 a minute, 17:30 left"]


def test_plain_lines_come_seldom_but_the_last_one_always() -> None:
    stream, progress = io.StringIO(), begun(m=500)
    lines = PlainLines(at_work(progress), stream, seconds_between=60)
    for _ in range(500):
        progress.answered("m")
        lines.show(at_work(progress))
        lines.show(at_work(progress))
    told = stream.getvalue().splitlines()
    assert len(told) == 2 and told[0].startswith("1 of 500") and told[1].startswith("500 of 500")


@pytest.mark.parametrize("kind", ["plain", "bar"])
def test_each_fault_is_told_once_and_none_of_an_earlier_command(kind: str) -> None:
    stream, progress = io.StringIO(), BatchProgress()
    progress.begin(
        Counter(m=5), Counter(m=1), [BatchFailure("앞?", "m", Cause(AS_WRITTEN, sentence="앞선 고장."))]
    )
    console = Console(file=stream, force_terminal=True, width=100)
    view = at_work(progress)
    lines = PlainLines(view, stream) if kind == "plain" else BarLines(view, console)
    for at, error in enumerate(("첫째 [고장].", "둘째 고장.", "첫째 [고장].", None)):
        cause = Cause(AS_WRITTEN, sentence=error)
        progress.answered("m", BatchFailure(f"{at}?", "m", cause) if error else None)
        lines.show(at_work(progress))
    lines.close()
    said = stream.getvalue()
    assert said.count("m: 첫째 [고장].") == said.count("m: 둘째 고장.") == 1 and "앞선" not in said
    assert ("5 of 5 answered" if kind == "plain" else "5/5") in said


def test_a_terminal_shows_a_bar_a_model() -> None:
    stream, progress = io.StringIO(), begun(None, **{"m": 4, "[느린] 모델": 4})
    lines = BarLines(at_work(progress), Console(file=stream, force_terminal=True, width=100))
    progress.answered("m")
    lines.show(at_work(progress))
    lines.close()
    *_, first, second = [line for line in stream.getvalue().splitlines() if "/4" in line]
    assert "m" in first and "1/4" in first and "[느린] 모델" in second and "0/4" in second
