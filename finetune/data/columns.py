"""By which names a column is known, in English and in Korean data.

Knows: the names, and that two columns for one thing are a question to the person and not to us.
Refuses to know: rows, files, and what is made of a column.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from finetune.data.rows import BadRow
from text_rows import COLUMN_NAMES, plain_name

NAMES: dict[str, tuple[str, ...]] = {
    **COLUMN_NAMES,
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
