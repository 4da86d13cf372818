"""One row of training data, whatever shape it came in: an answered conversation, a pair of answers, a
question to be answered, or an answer with a thumb.

Each knows the conversation and where it was read. In all but `Example` the last question has no answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeVar

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
class PreferencePair:
    """Two answers to the last question, of which one was found better."""

    conversation: Conversation
    chosen: str
    rejected: str
    source: str


@dataclass(frozen=True)
class PromptOnly:
    """A conversation whose last question the model answers by itself."""

    conversation: Conversation
    source: str
    expected: str = ""
    """How the data answers it, where it does; for rewards and figures that compare with it."""


@dataclass(frozen=True)
class LabeledAnswer:
    """One answer to the last question, found good or bad."""

    conversation: Conversation
    answer: str
    good: bool
    source: str


Use = Literal["examples", "pairs", "labeled", "prompts"]
"""What rows of data are learned as."""
AnyRow = TypeVar("AnyRow", Example, PreferencePair, PromptOnly, LabeledAnswer)


@dataclass(frozen=True)
class TokenRow:
    """An example as a network sees it."""

    ids: tuple[int, ...]
    learned: tuple[bool, ...]
    """Which of the ids are to be predicted."""
    source: str
    cut: bool = False
    """It was longer than allowed and lost its end."""
