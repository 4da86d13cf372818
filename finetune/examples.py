"""One row of training data, whatever shape it came in.

Knows: a conversation in which every question is answered, and where it was read.
Refuses to know: files, formats and tokens.
"""

from __future__ import annotations

from dataclasses import dataclass

from prompts.conversation import Conversation


@dataclass(frozen=True)
class Example:
    """Its last answer is to be learned, and mostly every other."""

    conversation: Conversation
    source: str
    """File name and line or row, for messages."""
    not_learned: frozenset[int] = frozenset()
    """Turns, counted from 0, whose answers are only read by the later ones."""

    @property
    def answers(self) -> int:
        """How many are learned."""
        return len(self.conversation.turns) - len(self.not_learned)


@dataclass(frozen=True)
class TokenRow:
    """An example as a network sees it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    """Which of the ids are to be predicted."""
    source: str
    cut: bool = False
    """It was longer than allowed and lost its end."""
