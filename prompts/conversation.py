"""What was said so far, before any model's format is applied.

Knows: a system text and turns of question, optional input and answer.
Refuses to know: formats, tokens and models.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from errors import BadRequest


@dataclass(frozen=True)
class Turn:
    """One question; `answer` is None while it is still to be answered."""

    question: str
    input: str = ""
    answer: str | None = None
    answered_by: str = ""
    """Whose answer it is, where it is not that of the model which is asked now."""
    input_above: bool = False
    """Whether a format without a place for an input writes it above the question instead of below it."""


@dataclass(frozen=True)
class Conversation:
    """Turns in order; only the last may be unanswered."""

    turns: tuple[Turn, ...]
    system: str = ""

    def __post_init__(self) -> None:
        if not self.turns:
            raise BadRequest("conversation-empty")
        if any(turn.answer is None for turn in self.turns[:-1]):
            raise BadRequest("conversation-answer-missing")

    @classmethod
    def ask(cls, question: str, input: str = "", system: str = "") -> Conversation:
        return cls(turns=(Turn(question=question, input=input),), system=system)

    def answered(self, answer: str) -> Conversation:
        """The same conversation with its last question answered."""
        return replace(self, turns=(*self.turns[:-1], replace(self.turns[-1], answer=answer)))

    def go_on(self, question: str, input: str = "") -> Conversation:
        return replace(self, turns=(*self.turns, Turn(question=question, input=input)))
