"""The questions and answers that the demo models learn by heart.

Knows: the file of the set, its fields, and a row as a conversation, in either manner of speech.
Refuses to know: formats, tokens, models, and how anything is learned.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from prompts.conversation import Conversation, Turn

DEMO_FOLDER = Path(__file__).resolve().parents[2] / "model_registry" / "demo"
QUESTIONS = DEMO_FOLDER / "questions.jsonl"


@dataclass(frozen=True)
class Row:
    """One or two turns about one thing; `banmal` holds the same answers in familiar speech."""

    id: str
    topic: str
    turns: tuple[Turn, ...]
    banmal: tuple[str, ...]

    def conversation(self, turns: int = 1, banmal: bool = False) -> Conversation:
        """Its first turns, answered."""
        chosen = self.turns[:turns]
        if banmal:
            pairs = zip(chosen, self.banmal, strict=False)
            chosen = tuple(Turn(turn.question, turn.input, answer) for turn, answer in pairs)
        return Conversation(turns=chosen)


def read_rows(path: Path = QUESTIONS) -> tuple[Row, ...]:
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines():
        data = json.loads(line)
        turns = tuple(Turn(turn["question"], turn["input"], turn["answer"]) for turn in data["turns"])
        banmal = tuple(turn["banmal"] for turn in data["turns"])
        rows.append(Row(data["id"], data["topic"], turns, banmal))
    return tuple(rows)
