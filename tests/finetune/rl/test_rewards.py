"""Reward parts from their texts, what each scores, and how they add up; a number that is none is dropped.

Run: python -m pytest tests/finetune/rl/test_rewards.py
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from errors import BadRequest, NaraniError, UnknownName
from finetune.cli import main
from finetune.examples import PromptOnly
from finetune.rl.records import SampledAnswer
from finetune.rl.rewards import KINDS, RewardPart, refuse_without_expected, reward_parts, total_rewards
from prompts.conversation import Conversation

DEMO = Path(__file__).parents[3] / "model_registry/demo/questions.jsonl"


def answer(
    text: str, *, ended: bool = True, expected: str = "", source: str = "a.jsonl, line 1"
) -> SampledAnswer:
    prompt = PromptOnly(Conversation.ask("질문"), source, expected)
    return SampledAnswer(prompt, (1,), (2, 3), text, ended)


@dataclass
class Given:
    """A reward model that scores as it is told."""

    values: list[float]
    name: str = "anything"
    weight: float = 99.0
    asked: list[str] = field(default_factory=list)

    def scores(self, answers: Sequence[SampledAnswer]) -> list[float]:
        return self.values

    def of(self, run: str) -> RewardPart:
        self.asked.append(run)
        return self


def parts(*texts: str) -> tuple[RewardPart, ...]:
    return reward_parts(texts, Given([]).of)


@pytest.mark.parametrize(
    ("text", "said", "score"),
    [
        ("level=familiar", "한라산이야. 높아.", 1.0),
        ("level=familiar", "한라산이야. 높아요.", 0.5),
        ("level=familiar", "그렇다. 높다.", 1.0),
        ("level=familiar", "서울, 부산", 0.0),
        ("level=polite", "한라산이야. 높아요.", 0.5),
        ("level=polite", "", 0.0),
        ("hangul", "가나 ab", 0.5),
        ("hangul", "12", 0.0),
        ("no-loop", "한 번 말했다.", 1.0),
        ("no-loop", "또 말했다. " * 9, 0.0),
        ("length=5-10", "가" * 5, 1.0),
        ("length=5-10", "가" * 10, 1.0),
        ("length=5-10", "가가", 0.4),
        ("length=5-10", "가" * 15, 0.5),
        ("length=5-10", "가" * 30, 0.0),
        ("exact", "한라산.", 1.0),
        ("exact", "한라산입니다.", 0.0),
        ("contains", "답은 한라산. 끝", 1.0),
        ("contains", "백두산", 0.0),
        ("json", "[1]", 1.0),
        ("json", "하나", 0.0),
        ("ended", "무엇이든", 1.0),
    ],
)
def test_a_part_scores_an_answer(text: str, said: str, score: float) -> None:
    (part,) = parts(text)
    assert part.scores([answer(said, expected="한라산.")]) == [pytest.approx(score)]
    assert (part.name, part.weight) == (text.partition("=")[0], 1.0)


def test_an_answer_that_was_cut_did_not_end() -> None:
    assert parts("ended")[0].scores([answer("", ended=False), answer("")]) == [0.0, 1.0]


def test_familiar_speech_of_the_demo_is_told_from_polite_speech() -> None:
    turns = [json.loads(line)["turns"][-1] for line in DEMO.read_text(encoding="utf-8").splitlines()]
    (familiar,) = parts("level=familiar")
    assert familiar.scores([answer(turn["banmal"]) for turn in turns]) == [1.0] * 268
    assert familiar.scores([answer(turn["answer"]) for turn in turns]) == [0.0] * 268


def test_a_reward_model_scores_under_the_weight_of_its_text() -> None:
    model = Given([2.0])
    (part,) = reward_parts(["model=demo-rm*0.5"], model.of)
    assert (part.name, part.weight, part.scores([answer("")])) == ("model", 0.5, [2.0])
    assert model.asked == ["demo-rm"]


@pytest.mark.parametrize(
    ("texts", "code", "says"),
    [
        ((), "rewards-unnamed", "level"),
        (("levle=polite",), "name-near", "Did you mean level?"),
        (("level=polit",), "name-near", "Did you mean polite?"),
        (("level",), "reward-argument-missing", "level=familiar|polite"),
        (("model",), "reward-argument-missing", "model=RUN"),
        (("ended=3",), "reward-argument-needless", "'3'"),
        (("hangul*0",), "reward-weight", "'0'"),
        (("hangul*x",), "reward-weight", "'x'"),
        (("hangul*nan",), "reward-weight", "nan"),
        (("length=5",), "reward-length", "'5'"),
        (("length=9-3",), "reward-length", "9-3"),
        (("length=0-3",), "reward-length", "0-3"),
        (("hangul", "hangul*2"), "reward-twice", "'hangul'"),
    ],
)
def test_a_bad_text_is_refused_in_a_sentence(texts: tuple[str, ...], code: str, says: str) -> None:
    with pytest.raises(NaraniError) as refused:
        parts(*texts)
    assert refused.value.code == code and says in str(refused.value)
    assert isinstance(refused.value, BadRequest | UnknownName)


@pytest.mark.parametrize("name", ["exact", "contains"])
def test_what_compares_needs_an_expected_answer_to_every_question(name: str) -> None:
    prompts = [answer("", expected="있음").prompt, answer("", source="b.jsonl, line 7").prompt]
    with pytest.raises(BadRequest) as refused:
        refuse_without_expected(["ended", f"{name}*2"], prompts)
    assert "1 of 2 (the first: b.jsonl, line 7)" in str(refused.value)
    refuse_without_expected([name], prompts[:1])
    refuse_without_expected(["ended"], prompts)


def test_parts_are_added_up_by_weight_and_kept_apart() -> None:
    given = [answer("가나"), answer("가나 ab"), answer("가나", ended=False)]
    found = total_rewards(parts("hangul*2", "ended*-1"), given, None)
    assert found.totals == [1.0, 0.0, 2.0]
    assert found.parts == {"hangul": [1.0, 0.5, 1.0], "ended": [1.0, 1.0, 0.0]}
    assert not found.dropped


def test_the_reward_of_an_unended_answer_replaces_all_its_parts() -> None:
    found = total_rewards(parts("hangul*2"), [answer("가", ended=False), answer("가")], -1.0)
    assert found.totals == [-1.0, 2.0] and found.parts == {"hangul": [1.0, 1.0]}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_an_answer_without_a_number_is_dropped_and_named(value: float) -> None:
    given = [answer("", source=f"a.jsonl, line {line}") for line in (1, 2)] + [answer("", ended=False)]
    both = reward_parts(["ended", "model=rm"], Given([0.5, value, value]).of)
    found = total_rewards(both, given, -1.0)
    assert found.totals[0] == 1.5 and math.isnan(found.totals[1]) and found.totals[2] == -1.0
    ((index, cause),) = [(each.index, each.cause) for each in found.dropped]
    assert index == 1 and "'model'" in str(cause) and "a.jsonl, line 2" in str(cause)


def test_a_reward_that_never_gives_a_number_or_too_few_is_refused() -> None:
    with pytest.raises(BadRequest, match="gave no number to any"):
        total_rewards(reward_parts(["model=rm"], Given([math.nan]).of), [answer("")], -1.0)
    with pytest.raises(BadRequest, match="gave 1 scores for 2 answers"):
        total_rewards(reward_parts(["model=rm"], Given([1.0]).of), [answer(""), answer("")], -1.0)


def test_every_part_is_listed_with_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["rewards"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for name, kind in KINDS.items():
        assert f"{name}={kind.argument}" if kind.argument else name in shown
    assert all(len(kind.told) > 20 and kind.told.endswith(".") for kind in KINDS.values())
