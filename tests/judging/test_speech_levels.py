"""The level of speech of each sentence, over labeled sentences of every class and the demo answers.

Run: python -m pytest tests/judging/test_speech_levels.py
"""

from __future__ import annotations

import json
import unicodedata
from pathlib import Path

import pytest

from judging.measures.speech_level import Level, speech_levels

SET = Path(__file__).parent / "speech.jsonl"
LABELED = [json.loads(line) for line in SET.read_text(encoding="utf-8").splitlines()]
DEMO = Path(__file__).parents[2] / "model_registry/demo/questions.jsonl"


@pytest.mark.parametrize("row", LABELED, ids=lambda row: row["text"][:30])
def test_a_sentence_has_the_level_of_its_ending(row: dict[str, list[str] | str]) -> None:
    assert list(speech_levels(str(row["text"])).levels) == row["levels"]


def test_every_level_is_among_the_labeled_sentences() -> None:
    assert {level for row in LABELED for level in row["levels"]} == set(Level)


@pytest.mark.parametrize(("key", "polite", "familiar"), [("answer", 1.0, 0.0), ("banmal", 0.0, 1.0)])
def test_the_demo_answers_are_polite_or_familiar_throughout(key: str, polite: float, familiar: float) -> None:
    turns = [
        turn for line in DEMO.read_text(encoding="utf-8").splitlines() for turn in json.loads(line)["turns"]
    ]
    found = {turn[key]: speech_levels(turn[key]) for turn in turns}
    wrong = {
        text: levels
        for text, levels in found.items()
        if (levels.polite, levels.familiar) != (polite, familiar)
    }
    assert len(found) > 268 and not wrong


def test_shares_are_of_all_sentences_and_there_is_none_without_one() -> None:
    mixed = speech_levels("접수는 끝남. 다음에 오세요. 잘 가. 그랬구나.")
    assert (mixed.polite, mixed.familiar) == (0.25, 0.5)
    assert speech_levels("").polite is None and speech_levels("Seoul, 3").familiar is None


@pytest.mark.parametrize(
    ("text", "switches"),
    [
        ("네, 알겠습니다. 그럼 잘 가.", 1),
        ("알겠습니다. 그렇게 할게요.", 0),
        ("그렇다. 알았어.", 0),
        ("알겠습니다. 접수함. 그렇게 할게요.", 0),
        ("가요. 가. 가시오. 갑니다.", 3),
    ],
)
def test_a_switch_is_from_one_manner_to_another(text: str, switches: int) -> None:
    assert speech_levels(text).switches == switches


def test_a_text_in_single_letters_is_read_as_the_composed_one() -> None:
    assert speech_levels(unicodedata.normalize("NFD", "서울이에요.")).levels == (Level.HAEYO,)
