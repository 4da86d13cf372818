"""How well the rules route, on the set of utterances that ships; apart from the rules, which must not see it.

Odd lines of the set are the half that the rules were tuned on, even lines the half that they were not. An
utterance on which no rule decides counts as searched, as it is where no model is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from search.routing_rules import verdict_of_rules

SETS = Path(__file__).parent / "sets"


@dataclass(frozen=True)
class Utterance:
    """What a person says to a search chat, and whether sources would help to answer it."""

    text: str
    search: bool
    kind: str
    earlier: str = ""
    """What the person asked just before."""


@dataclass(frozen=True)
class RoutingScore:
    """`accuracy` is of all utterances, `missed` of those that have to be searched for, `needless` of those
    that have not, `undecided` again of all."""

    half: str
    utterances: int
    accuracy: float
    missed: float
    """It should have been searched for, and was not."""
    needless: float
    undecided: float
    """No rule held, so that a model would be asked."""
    wrong: tuple[Utterance, ...]


def routing_set() -> tuple[Utterance, ...]:
    lines = (SETS / "routing.jsonl").read_text(encoding="utf-8").splitlines()
    return tuple(Utterance(**json.loads(line)) for line in lines)


def evaluate_routing() -> tuple[RoutingScore, RoutingScore]:
    """On the half that the rules were tuned on, and on the other."""
    utterances = routing_set()
    return _score("tuned on", utterances[0::2]), _score("held out", utterances[1::2])


def _score(half: str, utterances: tuple[Utterance, ...]) -> RoutingScore:
    verdicts = [verdict_of_rules(each.text, each.earlier) for each in utterances]
    searched = [verdict is None or verdict.searched for verdict in verdicts]
    wrong = tuple(each for each, said in zip(utterances, searched, strict=True) if said != each.search)
    wanted = [each for each in utterances if each.search]
    unwanted = [each for each in utterances if not each.search]
    return RoutingScore(
        half,
        len(utterances),
        accuracy=1 - len(wrong) / len(utterances),
        missed=_share((each.search for each in wrong), len(wanted)),
        needless=_share((not each.search for each in wrong), len(unwanted)),
        undecided=_share((verdict is None for verdict in verdicts), len(utterances)),
        wrong=wrong,
    )


def _share(said: Iterable[bool], of: int) -> float:
    return sum(said) / of
