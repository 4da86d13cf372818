"""How well a reward model judges: figures of plain scores, so that nothing but their numbers counts.

Each says what it is for: an accuracy with the interval that it may as well have, whether a score knows how
sure it is, and whether it judges more than length.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from errors.note import Note

_Z = 1.959964
"""Of a normal distribution, for an interval that holds in 95 of 100 cases."""
_BINS = 10
_MATCHED = 0.1
"""Answers whose lengths differ by no larger share of the longer one are of like length."""
LENGTH_BOUND = 0.5
"""The correlation from which a score has to be suspected of counting tokens."""


@dataclass(frozen=True)
class ScoredPair:
    """What a pair was scored; lengths of the answers in tokens."""

    chosen: float
    rejected: float
    chosen_length: int
    rejected_length: int

    @property
    def margin(self) -> float:
        return self.chosen - self.rejected

    @property
    def right(self) -> bool:
        return self.chosen > self.rejected

    @property
    def matched(self) -> bool:
        longer = max(self.chosen_length, self.rejected_length)
        return abs(self.chosen_length - self.rejected_length) <= _MATCHED * longer


@dataclass(frozen=True)
class Accuracy:
    """The share of pairs whose chosen answer has the higher score, with Wilson's interval."""

    accuracy: float
    low: float
    high: float
    pairs: int

    @property
    def proven(self) -> bool:
        """Surely better than a coin."""
        return self.low > 0.5


def accuracy_of(pairs: Sequence[ScoredPair]) -> Accuracy | None:
    """None: there are no such pairs."""
    if not pairs:
        return None
    count, share = len(pairs), sum(pair.right for pair in pairs) / len(pairs)
    middle, spread = share + _Z**2 / (2 * count), share * (1 - share) / count + (_Z / (2 * count)) ** 2
    whole, reach = 1 + _Z**2 / count, _Z * math.sqrt(spread)
    return Accuracy(share, max(0.0, (middle - reach) / whole), min(1.0, (middle + reach) / whole), count)


def mean_margin(pairs: Sequence[ScoredPair]) -> float:
    return statistics.fmean(pair.margin for pair in pairs)


def calibration_error(pairs: Sequence[ScoredPair]) -> float:
    """By how much the certainty that the scores tell differs from the share that is right (ECE)."""
    bins: list[list[ScoredPair]] = [[] for _ in range(_BINS)]
    for pair in pairs:
        bins[min(_BINS - 1, int((_certainty(pair) - 0.5) * 2 * _BINS))].append(pair)
    return sum(
        abs(sum(pair.right for pair in held) - sum(map(_certainty, held))) / len(pairs)
        for held in bins
        if held
    )


def length_correlation(pairs: Sequence[ScoredPair]) -> float:
    """Pearson's, of score and length over all answers; 0 where one of them is always the same."""
    scores = [score for pair in pairs for score in (pair.chosen, pair.rejected)]
    lengths = [float(length) for pair in pairs for length in (pair.chosen_length, pair.rejected_length)]
    if len({*scores}) < 2 or len({*lengths}) < 2:
        return 0.0
    return statistics.correlation(scores, lengths)


@dataclass(frozen=True)
class Drop:
    """How the mean score of the chosen answers falls when something about them is made wrong."""

    before: float
    after: float

    @property
    def falls(self) -> bool:
        return self.after < self.before


@dataclass(frozen=True)
class Judgment:
    """All that is measured of a reward model with held-out pairs."""

    pairs: Sequence[ScoredPair]
    swapped: Sequence[float]
    """The chosen answers' scores, each under another question; empty where there is only one."""
    cut: Sequence[float]
    """The chosen answers' scores without their second half and their end."""

    @property
    def accuracy(self) -> Accuracy:
        found = accuracy_of(self.pairs)
        assert found is not None
        return found

    @property
    def _scores(self) -> list[float]:
        return [score for pair in self.pairs for score in (pair.chosen, pair.rejected)]

    @property
    def says_nothing(self) -> bool:
        """Whatever it reads, the score is the same: no head was learned, or none was loaded."""
        scores = [*self.swapped, *self._scores]
        return max(scores) - min(scores) < 1e-6

    def drop(self, scores: Sequence[float]) -> Drop | None:
        if not scores:
            return None
        return Drop(statistics.fmean(pair.chosen for pair in self.pairs), statistics.fmean(scores))

    def figures(self) -> dict[str, Any]:
        """For report.json."""
        matched = [pair for pair in self.pairs if pair.matched]
        shorter = [pair for pair in self.pairs if pair.chosen_length < pair.rejected_length]
        return {
            "held_out": {
                **vars(self.accuracy),
                "margin": mean_margin(self.pairs),
                "mean": statistics.fmean(self._scores),
                "spread": statistics.pstdev(self._scores),
            },
            "calibration_error": calibration_error(self.pairs),
            "length": {
                "correlation": length_correlation(self.pairs),
                "matched": _table(accuracy_of(matched)),
                "chosen_shorter": _table(accuracy_of(shorter)),
            },
            "swapped_prompts": _table(self.drop(self.swapped)),
            "cut_answers": _table(self.drop(self.cut)),
        }

    def notes(self) -> Iterator[Note]:
        """What a person should know before trusting it."""
        correlation = length_correlation(self.pairs)
        if abs(correlation) >= LENGTH_BOUND:
            lengths = "long" if correlation > 0 else "short"
            yield Note("note-scores-follow-length", correlation=correlation, lengths=lengths)
        swapped, cut = self.drop(self.swapped), self.drop(self.cut)
        if swapped is not None and not swapped.falls:
            yield Note("note-scores-without-question")
        if cut is not None and not cut.falls:
            yield Note("note-scores-cut-answers")


def _certainty(pair: ScoredPair) -> float:
    """How sure the scores are of the better one: from .5 to 1."""
    return 1 / (1 + math.exp(-min(abs(pair.margin), 700.0)))


def _table(found: Accuracy | Drop | None) -> dict[str, Any] | None:
    return None if found is None else dict(vars(found))
