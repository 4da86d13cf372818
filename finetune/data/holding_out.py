"""The part of the data that is kept from learning, to measure with.

Knows: that the same question must never stand on both sides, and how many rows are too few.
Refuses to know: what is measured.
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Sequence

from errors import BadRequest
from finetune.examples import AnyRow, Example, LabeledAnswer


def hold_out(
    rows: Sequence[AnyRow], share: float, seed: int, least: int = 8
) -> tuple[list[AnyRow], list[AnyRow]]:
    """Rows to learn and rows held out, each in the order given; at least `least` are held out and at least as
    many stay. Rows with the same question go together, so a few more than asked for may be held out."""
    wanted = max(least, round(share * len(rows)))
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        groups.setdefault(first_question(row), []).append(at)
    held = _drawn(list(groups.values()), wanted, seed)
    if len(held) < least or len(held) > len(rows) / 2:
        code = "rows-too-few" if len(groups) == len(rows) else "questions-too-few"
        if any(isinstance(row, LabeledAnswer) for row in rows):
            # Two of them may come of one pair, so they are no rows of a file.
            code = "answers-too-few"
        raise BadRequest(code, rows=len(rows), questions=len(groups), wanted=wanted)
    return (
        [row for at, row in enumerate(rows) if at not in held],
        [row for at, row in enumerate(rows) if at in held],
    )


def without_questions(rows: Sequence[AnyRow], held_out: Sequence[AnyRow]) -> list[AnyRow]:
    """The rows to learn, where what is held out was given: none of its questions is learned."""
    asked = {first_question(row) for row in held_out}
    kept = [row for row in rows if first_question(row) not in asked]
    if not kept:
        raise BadRequest("holdout-holds-all", name="holdout_data")
    return kept


def first_question(row: AnyRow) -> str:
    """As compared: spaces and case do not make it another question. Rows that are asked the last question of
    a conversation have all of it compared that is asked."""
    turns = row.conversation.turns
    texts = [turns[0].question]
    if not isinstance(row, Example) and len(turns) > 1:
        texts = [text for turn in turns for text in (turn.question, turn.input, turn.answer or "")]
    text = unicodedata.normalize("NFC", "\n".join(texts))
    return " ".join(text.split()).casefold()


def _drawn(groups: list[list[int]], wanted: int, seed: int) -> set[int]:
    """Groups at random while they fit; then the smallest of the others, where some rows are still wanting."""
    random.Random(seed).shuffle(groups)
    held: set[int] = set()
    too_large: list[list[int]] = []
    for group in groups:
        if len(held) + len(group) <= wanted:
            held.update(group)
        else:
            too_large.append(group)
    if len(held) < wanted and too_large:
        held.update(sorted(too_large, key=len)[0])
    return held
