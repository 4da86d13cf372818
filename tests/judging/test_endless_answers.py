"""Answers that go round, and answers in which a model asks itself on.

Run: python -m pytest tests/judging/test_endless_answers.py
"""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from judging.measures.endless import asks_itself_on, end_loop, is_endless, repeated_share
from prompts.catalog import load_formats
from prompts.conversation import Conversation
from prompts.rendering import render

DEMO = Path(__file__).parents[2] / "model_registry/demo/questions.jsonl"
UNIT = "가나다라 마바사 아자차카. "


@pytest.mark.parametrize(
    ("text", "period"),
    [
        (f"처음은 다르다. {UNIT * 3}", len(UNIT)),
        (f"{UNIT * 3}가나다", len(UNIT)),
        ("앞 " + "하" * 30, 1),
        ("그만 " * 11, 3),
        ("하" * 29, 0),
        (UNIT * 2, 0),
        (f"{UNIT * 3}그리고 끝났다.", 0),
        ("." * 60, 0),
        ("제목\n" + "-" * 60, 0),
        ("| --- " * 20, 0),
        ("", 0),
    ],
)
def test_the_smallest_unit_that_a_text_repeats_until_its_end(text: str, period: int) -> None:
    assert len(end_loop(text)) == period


def test_the_loop_is_that_of_a_plain_search() -> None:
    """By trying every period, over texts of two letters, where much repeats by chance."""
    drawn = random.Random(7)
    found = 0
    for _ in range(400):
        beginning, unit = drawn.choices("가나", k=8), drawn.choices("가나", k=drawn.randint(1, 4))
        text = "".join([*beginning, *unit * 30])[: drawn.randint(20, 80)]
        fits = [
            period
            for period in range(1, len(text) // 3 + 1)
            if len(text) >= 30
            and all(text[~at] == text[~at - period] for at in range(max(2 * period, 30 - period)))
        ]
        assert len(end_loop(text)) == min(fits, default=0), text
        found += bool(fits)
    assert 100 < found < 400


def test_an_inner_loop_is_words_that_stood_before() -> None:
    inner = "그러면 물을 넣고 다시 젓습니다. " * 4 + "마지막으로 불을 끄고 그릇에 담아 먹습니다."
    assert not end_loop(inner) and repeated_share(inner) > 0.5 and is_endless(inner)
    assert repeated_share("세 낱말 뿐") == 0.0 and not is_endless("세 낱말 뿐")


def test_no_demo_answer_is_endless_or_asks_on() -> None:
    for line in DEMO.read_text(encoding="utf-8").splitlines():
        for turn in json.loads(line)["turns"]:
            assert not is_endless(turn["answer"]) and not asks_itself_on(turn["answer"])


WITHIN_A_LINE = {"plain", "vicuna-1.1"}
"""They begin a question with nothing of their own, or behind the text before it."""
TEMPLATES = [format.id for format in load_formats() if format.kind == "template"]


@pytest.mark.parametrize("format_id", TEMPLATES)
def test_every_format_s_mark_of_a_question_is_known(format_id: str) -> None:
    """The answer, then the format's own question: what a model writes that asks itself on."""
    rendered = render(load_formats().get(format_id), Conversation.ask("다음 질문"), None)
    assert asks_itself_on(f"답입니다.\n{rendered.text}") or format_id in WITHIN_A_LINE


@pytest.mark.parametrize(
    "mark",
    ["### 질문: 또", "### 명령어:\n또", "User: 또", "<|im_start|>user\n또", "[INST] 또", "### Human: 또"],
)
def test_a_question_mark_counts_at_the_start_of_a_line_only(mark: str) -> None:
    assert asks_itself_on(f"답입니다.\n{mark}") and asks_itself_on(f"  {mark}")
    assert not asks_itself_on(f"답입니다. 이것은 {mark}")
