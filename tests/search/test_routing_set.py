"""The routing set is balanced and the rules alone route it: a search that should have been is rare.

Run: python -m pytest tests/search/test_routing_set.py
"""

from __future__ import annotations

import pytest

from search.routing_evaluation import RoutingScore, evaluate_routing, routing_set


def test_the_set_is_balanced_and_says_nothing_twice() -> None:
    utterances = routing_set()
    assert len(utterances) == len({each.text for each in utterances}) == 200
    for half in (utterances[0::2], utterances[1::2]):
        assert 45 <= sum(each.search for each in half) <= 55
    assert len({each.kind for each in utterances}) >= 20
    assert sum(bool(each.earlier) for each in utterances) >= 15


@pytest.mark.parametrize("score", evaluate_routing(), ids=lambda score: score.half)
def test_the_rules_alone_route_both_halves(score: RoutingScore) -> None:
    """Measured: all of the half they were tuned on, 0.98 of the other, nothing missed in either."""
    assert score.accuracy >= 0.95, score.wrong
    assert score.missed <= 0.02, score.wrong
    assert score.undecided <= 0.10
