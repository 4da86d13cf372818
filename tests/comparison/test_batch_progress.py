"""How fast a batch is and how long it will take. Run: python -m pytest tests/comparison"""

from __future__ import annotations

import pytest

from comparison.batch_progress import BatchState, Failure, Progress


def test_speed_and_time_left_are_read_off_a_recent_window() -> None:
    now = [0.0]
    progress = Progress(100, clock=lambda: now[0])
    assert progress.view(BatchState.RUNNING).per_second is None
    progress.begin(100, 10, [Failure("q", "a", "no")])
    for _ in range(10):
        now[0] += 0.5
        progress.answered()
    view = progress.view(BatchState.RUNNING)
    assert (view.done, view.failed, view.per_second, view.seconds_left) == (20, 1, 2.0, 40.0)
    now[0] += 200
    progress.answered(Failure("r", "a", "no"))
    slow = progress.view(BatchState.RUNNING)
    assert slow.per_second == pytest.approx(1 / 200)
    assert progress.view(BatchState.STOPPED).per_second is None
    assert [failure.question for failure in slow.failures] == ["q", "r"]
