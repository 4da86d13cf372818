"""A prompt ready to be encoded: ordered pieces of text, each marked ours, an answer or the user's.

Knows: whose each piece is, which strings end the answer, and what stands between prompt and answer.
Refuses to know: how it was made and which tokens it becomes.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PromptPiece:
    """A stretch of the prompt. In ours every control token is recognized, in a person's words none; an answer
    is nobody's to forge a turn with, but it may hold control tokens that mark something inside it."""

    text: str
    is_user: bool
    is_answer: bool = False
    """Not our text but the words of a model, or those it is to learn."""


@dataclass(frozen=True)
class RenderedPrompt:
    """The exact prompt, and how its answer is to be read."""

    pieces: tuple[PromptPiece, ...]
    format_id: str
    stop_strings: tuple[str, ...] = ()
    answer_lead: str = ""
    """What training puts between prompt and answer (koalpaca: one space); not shown."""
    add_bos: bool = True
    """Whether the tokenizer adds its own first token; False where a chat template already wrote it."""
    turn_marks: str = ""
    """What the format writes around turns: no control token of it is ever read in an answer."""

    @property
    def text(self) -> str:
        return "".join(piece.text for piece in self.pieces)
