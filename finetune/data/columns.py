"""By which names a column is known, in English and in Korean data.

Knows: the names, and that two columns for one thing are a question to the person and not to us.
Refuses to know: rows, files, and what is made of a column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from finetune.data.rows import BadRow

NAMES: dict[str, tuple[str, ...]] = {
    "question": ("instruction", "question", "prompt", "질문", "명령어", "지시문", "지시"),
    "input": ("input", "context", "입력", "맥락"),
    "answer": ("output", "answer", "completion", "response", "답변", "응답", "출력", "대답", "답"),
    "system": ("system", "system_prompt", "시스템"),
    "talk": ("conversations", "messages", "<사람>/<챗봇>"),
    "turns": ("turns",),
    "instances": ("instances",),
}


@dataclass(frozen=True)
class Columns:
    """Which column of a row holds what; empty where there is none."""

    question: str = ""
    input: str = ""
    answer: str = ""
    system: str = ""
    talk: str = ""
    turns: str = ""
    instances: str = ""

    def unused(self, names: Iterable[str]) -> list[str]:
        used = {self.question, self.input, self.answer, self.system, self.talk, self.turns, self.instances}
        return [name for name in names if name not in used]


def understood(names: Iterable[str]) -> Columns:
    """The columns by their names, in any case; raises BadRow where two could be meant."""
    found: dict[str, list[str]] = {}
    for name in names:
        plain = plain_name(name)
        for use, known in NAMES.items():
            if plain in known:
                found.setdefault(use, []).append(name)
    for use, several in found.items():
        if len(several) > 1:
            listed = " and ".join(f"'{name}'" for name in several)
            raise BadRow(f"the columns {listed} could both be the {use}; rename or remove one")
    return Columns(**{use: one for use, (one,) in found.items()})


def plain_name(name: str) -> str:
    """As compared: without case and outer spaces, Hangul in whole syllables (macOS writes it in letters)."""
    return unicodedata.normalize("NFC", name).strip().casefold()
