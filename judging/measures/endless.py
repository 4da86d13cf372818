"""Answers that did not know when to end: text that goes round and round, and a model that asks itself on.

All of it takes time in proportion to the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

TIMES = 3
COVERS = 30
WORDS = 4
MOST_REPEATED = 0.5
_QUESTION_MARK = re.compile(
    r"^[ \t]*+(?:###? ?(?:질문|명령어|입력|맥락|이전 질문|사용자|User|Human|Instruction|Input|Question)\b"
    r"|(?:User|Human|USER|HUMAN|사용자)[ \t]*+:"
    r"|<\|im_start\|>[ \t]*+user|<\|user\|>|\[\|user\|\]|<start_of_turn>user|<\|start_header_id\|>user"
    r"|\[INST\]|<usr>|<human>)",
    re.MULTILINE,
)


def end_loop(text: str) -> str:
    """What the text repeats until its end, at least three times and over 30 characters; else nothing. A
    row of dots or a rule is none."""
    turned = unicodedata.normalize("NFC", text).rstrip()[::-1]
    marks = next((at for at, letter in enumerate(turned) if letter.isalnum()), len(turned))
    for period, same in enumerate(_same_as_beginning(turned)):
        if period > marks and period + same >= max(TIMES * period, COVERS):
            return turned[:period][::-1]
    return ""


def repeated_share(text: str) -> float:
    """Of its runs of four words, those that stood before; an inner loop is more than half of them."""
    words = unicodedata.normalize("NFC", text).split()
    runs = [tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)]
    return 1 - len(set(runs)) / len(runs) if runs else 0.0


def is_endless(text: str) -> bool:
    """Whether it goes round, at its end or inside."""
    return bool(end_loop(text)) or repeated_share(text) > MOST_REPEATED


def asks_itself_on(text: str) -> bool:
    """Whether a line begins as a format begins a question: the model wrote the person's part too."""
    return bool(_QUESTION_MARK.search(unicodedata.normalize("NFC", text)))


def _same_as_beginning(text: Sequence[str]) -> list[int]:
    """For every place how many letters from there on are those from the beginning on (the Z function)."""
    same, left, right = [0] * len(text), 0, 0
    for at in range(1, len(text)):
        length = min(right - at, same[at - left]) if at < right else 0
        while at + length < len(text) and text[length] == text[at + length]:
            length += 1
        same[at] = length
        if at + length > right:
            left, right = at, at + length
    return same
