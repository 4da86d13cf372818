"""How fast each model of a batch is, how long the whole takes. Run: python -m pytest tests/comparison"""

from __future__ import annotations

from collections import Counter

import pytest

from comparison.batch.progress import AnswerPace, BatchFailure, BatchProgress, BatchState
from errors import AS_WRITTEN, Cause

NO = Cause(AS_WRITTEN, sentence="no")


class Clock:
    """Moved by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_each_model_has_its_own_speed_and_the_slowest_decides() -> None:
    clock = Clock()
    progress = BatchProgress(80, clock=clock)
    assert progress.view(BatchState.RUNNING).seconds_left is None
    progress.begin({"fast": 40, "slow": 40}, Counter(fast=4), [BatchFailure("q", "fast", NO)])
    for _ in range(36):
        progress.answered("fast")
        clock.now += 5
    view = progress.view(BatchState.RUNNING)
    fast, slow = view.models
    assert (view.done, view.failed, view.wanted) == (40, 1, 80)
    assert (fast.model_id, fast.wanted, fast.done, fast.seconds_left) == ("fast", 40, 40, 0)
    assert (slow.done, slow.per_second, slow.seconds_left) == (0, None, None)
    assert view.seconds_left is None, "nobody knows how long the other takes"
    for _ in range(3):
        progress.answered("slow", BatchFailure("r", "slow", NO))
        clock.now += 100
    view = progress.view(BatchState.RUNNING)
    assert view.models[1].per_second == pytest.approx(2 / 300)
    assert view.seconds_left == view.models[1].seconds_left == pytest.approx(37 * 150)
    assert progress.view(BatchState.STOPPED).models == ()
    assert [failure.question for failure in view.failures] == ["q", "r", "r", "r"]


@pytest.mark.parametrize("rows", [1, 8])
@pytest.mark.parametrize("every", [0.02, 1.5, 40.0])
def test_the_pace_is_right_however_answers_come(rows: int, every: float) -> None:
    """One by one or a batch at a time, in a burst or minutes apart; loading is not counted."""
    clock = Clock()
    pace = AnswerPace(100_000, clock=clock)
    clock.now += 300
    for _ in range(400):
        for _ in range(rows):
            pace.answered()
        clock.now += every
    rate = pace.per_second()
    assert rate == pytest.approx(rows / every, rel=0.15)
    assert pace.seconds_left() == pytest.approx((100_000 - 400 * rows) / (rate or 1))


def test_a_model_that_stands_still_is_told_slower_and_slower() -> None:
    clock = Clock()
    pace = AnswerPace(100, clock=clock)
    for _ in range(10):
        pace.answered()
        clock.now += 2
    rates = []
    for _ in range(3):
        rates.append(pace.per_second() or 0.0)
        clock.now += 60
    assert rates[0] == pytest.approx(0.5, rel=0.1) and rates[0] > rates[1] > rates[2] > 0


def test_the_latest_speed_counts() -> None:
    clock = Clock()
    pace = AnswerPace(10_000, clock=clock)
    for seconds in (10.0, 0.5):
        for _ in range(400):
            pace.answered()
            clock.now += seconds
    assert pace.per_second() == pytest.approx(2, rel=0.1)
