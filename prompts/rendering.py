"""The one renderer: a conversation in a format, to be asked and to be trained on.

Knows: in which order the pieces of a format stand, and whose each piece is.
Refuses to know: tokens, models, and how a tokenizer's own template works.
"""

from __future__ import annotations

import re
import weakref
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from errors import BadRequest
from prompts.chat import ChatTokenizer, chat_pieces
from prompts.conversation import Conversation, Turn
from prompts.format import PromptFormat, Template
from prompts.rendered import PromptPiece, RenderedPrompt

_THINKING = "<think>"
_EMPTY_BLOCK = re.compile(r"<([^<>/]+)>\s*</\1>")
"""Thinking that some templates write into an earlier answer that has none; it marks no turn."""


@dataclass(frozen=True)
class AnswerSegment:
    """One answer to be learned and the exact prompt it answers; each stands for itself."""

    prompt: RenderedPrompt
    answer: tuple[PromptPiece, ...]
    """Lead, answer and the end token's text."""

    @property
    def answer_text(self) -> str:
        return "".join(piece.text for piece in self.answer)


def render(
    format: PromptFormat,
    conversation: Conversation,
    tokenizer: ChatTokenizer | None = None,
    thinking: bool | None = None,
) -> RenderedPrompt:
    """The prompt whose last question is to be answered; a chat format needs the tokenizer."""
    if conversation.turns[-1].answer is not None:
        raise BadRequest("conversation-answered")
    return RenderedPrompt(
        pieces=_pieces(format, conversation, tokenizer, thinking),
        format_id=format.id,
        stop_strings=format.stop_strings,
        answer_lead=format.answer_lead,
        add_bos=format.kind == "template",
        turn_marks=_turn_marks(format, tokenizer),
    )


def training_text(
    format: PromptFormat,
    conversation: Conversation,
    eos: str,
    tokenizer: ChatTokenizer | None = None,
    thinking: bool | None = None,
) -> tuple[AnswerSegment, ...]:
    """A segment for every answered turn; its prompt is what `render` gives when that turn is asked.

    Segments do not share a prefix: some formats and templates write an earlier turn otherwise than a new one.
    """
    segments = []
    for count, turn in enumerate(conversation.turns, start=1):
        if turn.answer is None:
            continue
        asked = replace(conversation, turns=(*conversation.turns[: count - 1], replace(turn, answer=None)))
        prompt = render(format, asked, tokenizer, thinking)
        answer = (_ours(format.answer_lead), _answered(_going_on(prompt.text, turn.answer)), _ours(eos))
        segments.append(AnswerSegment(prompt, joined(answer)))
    if not segments:
        raise BadRequest("conversation-without-answer")
    return tuple(segments)


def answered(prompt: RenderedPrompt, answer: str) -> AnswerSegment:
    """The prompt with this text as what its answer begins with."""
    return AnswerSegment(prompt, joined((_ours(prompt.answer_lead), _answered(answer))))


def _going_on(prompt: str, answer: str) -> str:
    """Without the beginning of its thinking where the template wrote that already."""
    if not prompt.rstrip().endswith(_THINKING) or not answer.lstrip().startswith(_THINKING):
        return answer
    answer = answer.lstrip().removeprefix(_THINKING)
    return answer.removeprefix("\n") if prompt.endswith("\n") else answer


def joined(pieces: Iterable[PromptPiece]) -> tuple[PromptPiece, ...]:
    """Without empty pieces, neighbors of one owner made one."""
    result: list[PromptPiece] = []
    for piece in pieces:
        if result and (result[-1].is_user, result[-1].is_answer) == (piece.is_user, piece.is_answer):
            result[-1] = replace(piece, text=result[-1].text + piece.text)
        elif piece.text:
            result.append(piece)
    return tuple(result)


def _pieces(
    format: PromptFormat,
    conversation: Conversation,
    tokenizer: ChatTokenizer | None,
    thinking: bool | None = None,
) -> tuple[PromptPiece, ...]:
    if format.kind == "chat":
        return joined(chat_pieces(format, conversation, tokenizer, thinking))
    return joined(_template_pieces(format, conversation))


_chat_marks: weakref.WeakKeyDictionary[ChatTokenizer, tuple[Any, str]] = weakref.WeakKeyDictionary()


def _turn_marks(format: PromptFormat, tokenizer: ChatTokenizer | None) -> str:
    if format.kind == "template" or tokenizer is None:
        return _marks_of(format)
    template, marks = _chat_marks.get(tokenizer, (None, ""))
    if template is not tokenizer.chat_template:
        marks = _around_turns(format, tokenizer)
        _chat_marks[tokenizer] = tokenizer.chat_template, marks
    return marks


@lru_cache(maxsize=256)
def _marks_of(format: PromptFormat) -> str:
    return _around_turns(format, None)


def _around_turns(format: PromptFormat, tokenizer: ChatTokenizer | None) -> str:
    """A conversation up to its last question. What follows that question may begin the answer already, so it
    only counts where earlier turns cannot be written."""
    once, twice = Conversation((Turn("1"),)), Conversation((Turn("1", answer="2"), Turn("3")))
    for conversation in (replace(twice, system="0"), twice, once):
        try:
            pieces = _pieces(format, conversation, tokenizer)
        except BadRequest:
            continue
        if len(conversation.turns) > 1:
            pieces = pieces[: max(place for place, piece in enumerate(pieces) if piece.is_user)]
        return _EMPTY_BLOCK.sub("", "".join(piece.text for piece in pieces))
    return ""


def _template_pieces(format: PromptFormat, conversation: Conversation) -> list[PromptPiece]:
    pieces: list[PromptPiece] = []
    for turn in conversation.turns:
        if format.context and turn.input:
            pieces += _fill(format.context, {"input": [_theirs(turn.input)]})
    pieces += _system_pieces(format, conversation.system)
    folded = "" if format.system else conversation.system
    for turn in conversation.turns[:-1]:
        pieces += _earlier_pieces(format, turn, folded)
        folded = ""
    return pieces + _question_pieces(format, conversation.turns[-1], folded)


def _system_pieces(format: PromptFormat, system: str) -> list[PromptPiece]:
    if format.system:
        text = _theirs(system) if system else _ours(format.default_system)
        return _fill(format.system, {"system": [text]}) if text.text else []
    if system and not format.fold_system_into_question:
        raise BadRequest("no-place-for-system-text", format=format.id)
    return []


def _earlier_pieces(format: PromptFormat, turn: Turn, folded: str) -> list[PromptPiece]:
    answer = _answered(turn.answer or "")
    if format.earlier_turn:
        question = _question_text(format, turn, folded, with_input=True)
        return _fill(format.earlier_turn, {"question": question, "answer": [answer]})
    question = _question_pieces(format, turn, folded)
    return [*question, _ours(format.answer_lead), answer, _ours(format.turn_end)]


def _question_pieces(format: PromptFormat, turn: Turn, folded: str) -> list[PromptPiece]:
    if turn.input and format.question_with_input:
        question = _question_text(format, turn, folded, with_input=False)
        return _fill(format.question_with_input, {"question": question, "input": [_theirs(turn.input)]})
    return _fill(format.question, {"question": _question_text(format, turn, folded, with_input=True)})


def _question_text(format: PromptFormat, turn: Turn, folded: str, with_input: bool) -> list[PromptPiece]:
    pieces = [_theirs(folded), _ours("\n\n")] if folded else []
    question, input = _theirs(turn.question), _theirs(turn.input)
    if not (with_input and turn.input and not format.context):
        return [*pieces, question]
    return pieces + ([input, _ours("\n\n"), question] if turn.input_above else [question, _ours("\n"), input])


def _fill(template: Template, values: Mapping[str, list[PromptPiece]]) -> list[PromptPiece]:
    pieces: list[PromptPiece] = []
    for part in template:
        pieces += values[part.field] if part.field else [_ours(part.text)]
    return pieces


def _ours(text: str) -> PromptPiece:
    return PromptPiece(text, is_user=False)


def _theirs(text: str) -> PromptPiece:
    return PromptPiece(text, is_user=True)


def _answered(answer: str) -> PromptPiece:
    return PromptPiece(answer, is_user=True, is_answer=True)
