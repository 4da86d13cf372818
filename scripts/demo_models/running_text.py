"""Loose documents of the set's sentences: what a base model reads before anybody teaches it to answer.

Knows: the layouts of such documents (lists, headings, prose), in which no question is followed by its answer.
Refuses to know: prompt formats, tokens and models.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from scripts.demo_models.question_set import Row

_HEADINGS = {
    "facts": "상식",
    "cooking": "요리",
    "travel": "여행",
    "arithmetic": "셈",
    "etiquette": "예절",
    "code": "코드",
}


def documents(rows: Sequence[Row], rng: random.Random, count: int) -> list[str]:
    """`count` documents, each of one topic."""
    by_topic: dict[str, list[Row]] = {}
    for row in rows:
        by_topic.setdefault(row.topic, []).append(row)
    return [_document(by_topic, rng.choice(list(by_topic)), rng) for _ in range(count)]


def _document(by_topic: dict[str, list[Row]], topic: str, rng: random.Random) -> str:
    rows = by_topic[topic]
    questions = [row.turns[-1 if rng.random() < 0.2 else 0].question for row in rng.sample(rows, 4)]
    answers = _statements(rows, rng)
    passages = rng.sample([row.turns[0].input for row in rows if row.turns[0].input], 2)
    heading = _HEADINGS[topic]
    layouts = (
        "\n".join(questions),
        "\n".join(f"{number}. {question}" for number, question in enumerate(questions, start=1)),
        f"# {heading}\n\n" + "\n".join(f"- {question}" for question in questions),
        f"{passages[0]}\n{questions[0]}\n{questions[1]}",
        " ".join(answers),
        f"## {heading}\n\n" + "\n".join(answers),
        " ".join([*passages, answers[0]]),
    )
    return rng.choice(layouts)


def _statements(rows: Sequence[Row], rng: random.Random) -> list[str]:
    """Answers without their questions, all in one manner of speech: a base model has read both."""
    familiar = rng.random() < 0.5
    return [row.banmal[0] if familiar else row.turns[0].answer or "" for row in rng.sample(rows, 4)]
