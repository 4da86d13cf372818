"""Rounds are paired, and a line fails only where no round is on the right side of its target.

Run: python -m pytest tests/benchmarks/test_benchmark_rounds.py
"""

from __future__ import annotations

import pytest
import torch

from benchmarks.rounds import Measured, Target, on_one_thread, paired

AT_LEAST_ONE, AT_MOST_TWO = Target(1.0, at_least=True), Target(2.0, at_least=False)


@pytest.mark.parametrize(
    ("values", "target", "broken", "verdict"),
    [
        ((1.1, 1.2, 1.3), AT_LEAST_ONE, (), "holds"),
        ((0.9, 1.1, 1.2), AT_LEAST_ONE, (), "holds"),
        ((0.8, 0.9, 1.1), AT_LEAST_ONE, (), "unclear"),
        ((0.8, 0.9, 0.95), AT_LEAST_ONE, (), "fails"),
        ((1.5, 1.9, 2.1), AT_MOST_TWO, (), "holds"),
        ((1.9, 2.1, 2.2), AT_MOST_TWO, (), "unclear"),
        ((2.1, 2.2), AT_MOST_TWO, (), "fails"),
        ((1.5,), AT_MOST_TWO, ("Only 7 of 8 answers are the same.",), "fails"),
    ],
)
def test_verdict(values: tuple[float, ...], target: Target, broken: tuple[str, ...], verdict: str) -> None:
    assert Measured(values, broken).verdict(target) == verdict


def test_a_round_is_a_b_b_a_and_the_first_of_each_is_not_counted() -> None:
    order = ""

    def side(name: str, seconds: list[float]) -> float:
        nonlocal order
        order += name
        return seconds.pop(0)

    a, b = [9.0, 2.0, 4.0, 1.0, 1.0], [9.0, 1.0, 2.0, 4.0, 4.0]
    assert paired(lambda: side("A", a), lambda: side("B", b), rounds=2) == (2.0, 0.25)
    assert order == "AB" + "ABBA" * 2


def test_measuring_happens_on_one_torch_thread_and_leaves_ours_alone() -> None:
    before = torch.get_num_threads()
    assert on_one_thread(torch.get_num_threads) == 1
    assert torch.get_num_threads() == before
    with pytest.raises(ZeroDivisionError):
        on_one_thread(lambda: 1 / 0)
