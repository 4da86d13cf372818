"""A search that is watched: stopping it and its deadline end every wait, whatever blocks below.

Run: python -m pytest tests/search/test_watch.py
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator

import pytest

from errors import Stopped
from search.watch import SearchProgress, SearchWatch


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Blocks whoever waits for it until the test is over."""
    event = threading.Event()
    yield event
    event.set()


def test_what_is_waited_for_is_given_and_its_error_raised_where_one_waits() -> None:
    watch = SearchWatch()
    assert watch.wait_for(lambda: threading.current_thread() is threading.main_thread()) is False
    with pytest.raises(ZeroDivisionError):
        watch.wait_for(lambda: 1 / 0)


def test_a_stop_ends_a_wait_that_nothing_else_would_end(never: threading.Event) -> None:
    watch = SearchWatch()
    threading.Timer(0.05, watch.stop).start()
    with pytest.raises(Stopped):
        watch.wait_for(never.wait)
    assert watch.stop_asked


def test_a_stopped_search_begins_no_further_wait() -> None:
    watch, begun = SearchWatch(), threading.Event()
    watch.check()
    watch.stop()
    for step in (watch.check, lambda: watch.wait_for(begun.set)):
        with pytest.raises(Stopped):
            step()
    assert not begun.is_set()


@pytest.mark.parametrize(("whole", "most"), [(0.05, math.inf), (None, 0.05), (0.05, 60.0), (60.0, 0.05)])
def test_a_wait_ends_at_its_own_limit_or_that_of_the_whole_search(
    whole: float | None, most: float, never: threading.Event
) -> None:
    with pytest.raises(TimeoutError):
        SearchWatch(whole).wait_for(never.wait, most)


def test_seconds_left_never_fall_below_zero() -> None:
    assert SearchWatch().seconds_left == math.inf
    assert SearchWatch(-1).seconds_left == 0
    assert 0 < SearchWatch(60).seconds_left <= 60


def test_what_was_reported_last_is_the_progress() -> None:
    watch = SearchWatch()
    assert watch.progress == SearchProgress("", 0, None)
    watch.report("searching")
    watch.report("fetching", 2, 5)
    assert watch.progress == SearchProgress("fetching", 2, 5)
