"""How well a reward model judges, held against figures from elsewhere and judges whose faults are known.

Run: python -m pytest tests/finetune/preference/test_reward_measures.py
"""

from __future__ import annotations

import math
import random
from dataclasses import replace

import numpy as np
import pytest

from finetune.preference.reward_measures import (
    Judgment,
    ScoredPair,
    accuracy_of,
    calibration_error,
    length_correlation,
)


def pairs_of(right: int, wrong: int) -> list[ScoredPair]:
    return [ScoredPair(1.0, 0.0, 5, 5)] * right + [ScoredPair(0.0, 1.0, 5, 5)] * wrong


@pytest.mark.parametrize(("right", "wrong"), [(53, 1), (27, 27), (8, 0), (0, 8), (37, 17), (33, 21)])
def test_an_accuracy_has_the_interval_that_it_may_as_well_be(right: int, wrong: int) -> None:
    found = accuracy_of(pairs_of(right, wrong))
    assert found is not None
    count = right + wrong
    assert (found.accuracy, found.pairs) == (right / count, count)
    # Wilson's ends are the shares from which what was seen lies 1.96 standard errors away.
    for end in {found.low, found.high} - {0.0, 1.0}:
        away = abs(found.accuracy - end) / math.sqrt(end * (1 - end) / count)
        assert away == pytest.approx(1.959964, rel=1e-6)
    assert found.low <= found.accuracy <= found.high
    assert found.proven == (right >= 37 or right == 8)


def test_equal_scores_are_not_right_and_no_pairs_have_no_accuracy() -> None:
    found = accuracy_of([ScoredPair(1.0, 1.0, 5, 5)])
    assert found is not None and found.accuracy == 0.0
    assert accuracy_of([]) is None


def test_scores_that_know_how_sure_they_are_have_no_calibration_error() -> None:
    draw = random.Random(0)
    drawn = [(draw.uniform(0, 4), draw.random()) for _ in range(40_000)]
    honest = [ScoredPair(m if u < 1 / (1 + math.exp(-m)) else -m, 0.0, 5, 5) for m, u in drawn]
    assert calibration_error(honest) < 0.01
    boasting = [replace(pair, chosen=pair.chosen * 10) for pair in honest]
    assert calibration_error(boasting) > 0.1
    assert calibration_error(pairs_of(1, 1)) == pytest.approx(1 / (1 + math.exp(-1)) - 0.5)


def test_the_correlation_with_length_is_pearsons() -> None:
    draw = random.Random(1)
    pairs = [
        ScoredPair(draw.gauss(0, 1), draw.gauss(0, 1), draw.randint(1, 9), draw.randint(1, 9))
        for _ in range(50)
    ]
    scores = [score for pair in pairs for score in (pair.chosen, pair.rejected)]
    lengths = [length for pair in pairs for length in (pair.chosen_length, pair.rejected_length)]
    assert length_correlation(pairs) == pytest.approx(np.corrcoef(scores, lengths)[0, 1])
    assert length_correlation(pairs_of(3, 0)) == 0.0


def test_a_judge_of_length_alone_is_found_out() -> None:
    lengths = [(20, 10), (30, 12), (9, 20), (20, 19), (8, 25), (40, 11)]
    judged = Judgment([ScoredPair(one, other, one, other) for one, other in lengths], [9.0], [3.0])
    figures = judged.figures()
    assert figures["length"]["correlation"] == pytest.approx(1.0)
    assert figures["length"]["matched"]["pairs"] == 1
    assert figures["length"]["chosen_shorter"] == {
        **figures["length"]["chosen_shorter"],
        "accuracy": 0.0,
        "pairs": 2,
    }
    (note,) = judged.notes()
    assert "may like long ones" in note


def test_what_should_drop_and_does_not_is_told() -> None:
    pairs = pairs_of(4, 0)
    fine = Judgment(pairs, [0.2, 0.4], [0.1])
    assert fine.figures()["swapped_prompts"] == {"before": 1.0, "after": pytest.approx(0.3)}
    assert list(fine.notes()) == []
    blind = list(Judgment(pairs, [1.0], [1.5]).notes())
    assert len(blind) == 2 and "not whether it answers" in blind[0] and "cut in the middle" in blind[1]
    assert Judgment(pairs, [], [0.1]).figures()["swapped_prompts"] is None


def test_one_score_for_everything_is_no_judgment() -> None:
    same = [ScoredPair(0.7, 0.7, 5, 9)] * 3
    assert Judgment(same, [0.7], []).says_nothing
    assert not Judgment(same, [0.8], []).says_nothing
