"""What an answer is rewarded for: parts named in the settings, each scored alone, added up by their weights.

A part is told as NAME, NAME=ARGUMENT or NAME=ARGUMENT*WEIGHT and gives each answer a number from 0 to 1. The
measures of Korean text are those that answers are judged by too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from errors import BadRequest, Cause, UnknownName
from finetune.examples import PromptOnly
from finetune.rl.records import SampledAnswer
from judging.measures.answers import contains, is_exact, is_json, length
from judging.measures.endless import is_endless
from judging.measures.scripts import hangul_share
from judging.measures.speech_level import FAMILIAR, POLITE, speech_levels


class RewardPart(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def weight(self) -> float: ...

    def scores(self, answers: Sequence[SampledAnswer]) -> list[float]: ...


Scores = Callable[[Sequence[SampledAnswer]], list[float]]
AnswerScore = Callable[[SampledAnswer], float]


@dataclass(frozen=True)
class DroppedAnswer:
    """One that is not learned from, because a part gave it no number."""

    index: int
    cause: Cause


@dataclass(frozen=True)
class Rewards:
    """What some answers are worth, one value an answer in each list."""

    totals: list[float]
    """Weighted and added up; NaN where the answer was dropped."""
    parts: dict[str, list[float]]
    """By a part's name, as it scored, without its weight."""
    dropped: list[DroppedAnswer]


@dataclass(frozen=True)
class PartKind:
    """A part that can be named: what its score is, and how it is made of its argument."""

    told: str
    made: Callable[[str], AnswerScore] | None
    """None: it is a reward model, which whoever learns brings along."""
    argument: str = ""
    """How the argument is written; empty where it takes none."""
    needs_expected: bool = False


def reward_parts(texts: Sequence[str], model_part: Callable[[str], RewardPart]) -> tuple[RewardPart, ...]:
    """The parts that the settings name; `model_part` makes that of a reward model from its run."""
    if not texts:
        raise BadRequest("rewards-unnamed", known=tuple(KINDS))
    wishes = [_wish(text) for text in texts]
    names = [wish.name for wish in wishes]
    for name in names:
        if names.count(name) > 1:
            raise BadRequest("reward-twice", name=name)
    return tuple(_Part(wish.name, wish.weight, _scores(wish, model_part)) for wish in wishes)


def refuse_unreadable(texts: Sequence[str]) -> None:
    """Before a training is asked for, without any reward model."""
    reward_parts(texts, lambda run: _Part(run, 1.0, lambda answers: []))


def refuse_without_expected(texts: Sequence[str], prompts: Sequence[PromptOnly]) -> None:
    """Some parts compare with the expected answer, so every question has to have one."""
    lacking = [prompt for prompt in prompts if not prompt.expected.strip()]
    for name in (_wish(text).name for text in texts):
        if lacking and KINDS[name].needs_expected:
            raise BadRequest(
                "reward-needs-expected",
                name=name,
                source=lacking[0].source,
                count=len(lacking),
                all=len(prompts),
            )


def total_rewards(
    parts: Sequence[RewardPart], answers: Sequence[SampledAnswer], unended_reward: float | None
) -> Rewards:
    """`unended_reward` is the whole reward of an answer that did not end, whatever its parts say."""
    scored = {part.name: part.scores(answers) for part in parts}
    for name, scores in scored.items():
        if len(scores) != len(answers):
            raise BadRequest("reward-wrong-count", name=name, found=len(scores), answers=len(answers))
    totals, dropped = [], []
    for index, answer in enumerate(answers):
        bad = next((name for name, scores in scored.items() if not math.isfinite(scores[index])), None)
        if unended_reward is not None and not answer.ended:
            totals.append(unended_reward)
        elif bad is None:
            totals.append(sum(part.weight * scored[part.name][index] for part in parts))
        else:
            value = str(scored[bad][index])
            cause = Cause("reward-not-a-number", name=bad, value=value, source=answer.prompt.source)
            totals.append(math.nan)
            dropped.append(DroppedAnswer(index, cause))
    if answers and len(dropped) == len(answers):
        raise BadRequest("reward-never-a-number", name=dropped[0].cause.facts["name"], count=len(answers))
    return Rewards(totals, scored, dropped)


@dataclass(frozen=True)
class _Part:
    name: str
    weight: float
    score: Scores

    def scores(self, answers: Sequence[SampledAnswer]) -> list[float]:
        return self.score(answers)


@dataclass(frozen=True)
class _Wish:
    name: str
    argument: str
    weight: float


def _wish(text: str) -> _Wish:
    named, star, weight = text.rpartition("*")
    if not star:
        named, weight = text, "1"
    name, _, argument = (piece.strip() for piece in named.partition("="))
    if name not in KINDS:
        raise UnknownName("reward", name, KINDS)
    try:
        factor = float(weight)
    except ValueError:
        factor = 0.0
    if not factor or not math.isfinite(factor):
        raise BadRequest("reward-weight", text=text, weight=weight.strip())
    kind = KINDS[name]
    if bool(argument) != bool(kind.argument):
        code = "reward-argument-missing" if kind.argument else "reward-argument-needless"
        raise BadRequest(code, name=name, argument=argument, form=kind.argument)
    return _Wish(name, argument, factor)


def _scores(wish: _Wish, model_part: Callable[[str], RewardPart]) -> Scores:
    made = KINDS[wish.name].made
    if made is None:
        return model_part(wish.argument).scores
    measure = made(wish.argument)
    return lambda answers: [float(measure(answer)) for answer in answers]


def _simply(measure: AnswerScore) -> Callable[[str], AnswerScore]:
    return lambda argument: measure


def _level(argument: str) -> AnswerScore:
    wanted = {"polite": POLITE, "familiar": FAMILIAR}
    if argument not in wanted:
        raise UnknownName("level of speech", argument, wanted)
    return lambda answer: speech_levels(answer.text).share(wanted[argument]) or 0.0


def _length(argument: str) -> AnswerScore:
    try:
        least, most = (int(number) for number in argument.split("-"))
    except ValueError:
        least, most = 0, 0
    if not 0 < least <= most:
        raise BadRequest("reward-length", argument=argument)

    def measure(answer: SampledAnswer) -> float:
        found = length(answer.text)
        return found / least if found < least else max(0.0, 1 - max(0, found - most) / most)

    return measure


KINDS: dict[str, PartKind] = {
    "model": PartKind(
        "The score of a reward model that was trained here, from 0 to 1 by where it stands among those of "
        "its held-out answers.",
        None,
        "RUN",
    ),
    "level": PartKind(
        "The share of its sentences in familiar (해, 해라) or polite speech (해요, 합쇼).",
        _level,
        "familiar|polite",
    ),
    "hangul": PartKind(
        "The share of Hangul among its letters; code and brackets that explain a word left out.",
        _simply(lambda answer: hangul_share(answer.text) or 0.0),
    ),
    "ended": PartKind("1 where the model ended it by itself.", _simply(lambda answer: answer.ended)),
    "no-loop": PartKind(
        "0 where it goes round: the end repeats, or half of its runs of four words do.",
        _simply(lambda answer: not is_endless(answer.text)),
    ),
    "length": PartKind(
        "1 between so many characters; less the shorter it is, and the longer up to twice as many.",
        _length,
        "LEAST-MOST",
    ),
    "exact": PartKind(
        "1 where it is the expected answer word for word.",
        _simply(lambda answer: is_exact(answer.text, answer.prompt.expected)),
        needs_expected=True,
    ),
    "contains": PartKind(
        "1 where the expected answer stands in it.",
        _simply(lambda answer: contains(answer.text, answer.prompt.expected)),
        needs_expected=True,
    ),
    "json": PartKind(
        "1 where it is one JSON object or list and nothing else.",
        _simply(lambda answer: is_json(answer.text)),
    ),
}
"""The parts that can be named, in the order in which they are listed."""
