"""The lines measured over the websocket run and keep what does not depend on time; and a soak run in small.

Run: python -m pytest tests/benchmarks/test_page_lines.py
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import first_answer, first_paint
from benchmarks.lines import LINES, Line
from benchmarks.page_soak import Report, soak
from benchmarks.rounds import Effort, on_one_thread

QUICK = Effort(rounds=1, tokens=64)


@pytest.mark.parametrize(
    "line", [line for line in LINES if line.name.startswith("page-")], ids=lambda line: line.name
)
def test_a_line_of_the_page_gives_a_figure_and_breaks_no_promise(line: Line) -> None:
    """No answer cut short, nothing broken on the page, and no column drawn more often than promised."""
    measured = on_one_thread(lambda: line.measure(QUICK))
    assert measured.broken == ()
    assert measured.values and all(math.isfinite(value) and value > 0 for value in measured.values)


def test_the_first_page_is_seen_to_be_drawn() -> None:
    assert 0 < first_paint.seconds_to_paint("comparison_app.py", []) < 60


def test_the_first_and_a_later_answer_of_a_server_are_seen_to_begin() -> None:
    measured = first_answer.measure(QUICK, stood=0)
    assert all(0 < value < 600 for value in measured.values)


@pytest.mark.slow
def test_three_people_for_six_seconds_lose_nothing_and_break_nothing() -> None:
    """How fast it was and what it took is for the real run: scripts/soak."""
    report = soak(sessions=3, seconds=6, ttl=2)
    assert report.faults == () and report.lost == 0
    assert report.asked > 8 * 3 and report.acts.total() > 3
    assert 0 < report.before <= report.most


GOOD = Report(acts=Counter(), faults=(), asked=10, lost=0, slowest=0.5, before=100, most=200, after=109)


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ({}, ""),
        ({"faults": ("ask: broken",)}, "ask: broken"),
        ({"lost": 1}, "1 answers are lost"),
        ({"slowest": 1.2}, "too slow"),
        ({"after": 111}, "did not come back"),
    ],
)
def test_what_a_soak_run_must_not_find(bad: dict[str, Any], problem: str) -> None:
    report = replace(GOOD, **bad)
    assert len(report.problems) == (1 if problem else 0)
    assert problem in "\n".join(report.lines())
