"""The one renderer: a conversation in a format, to be asked and to be trained on.

Knows: in which order the pieces of a format stand, and whose each piece is.
Refuses to know: tokens, models, and how a tokenizer's own template works.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from errors import BadRequest
from prompts.chat import ChatTokenizer, chat_pieces
from prompts.conversation import Conversation, Turn
from prompts.format import PromptFormat, Template
from prompts.rendered import Piece, RenderedPrompt


@dataclass(frozen=True)
class Segment:
    """One answer to be learned and the exact prompt it answers; each stands for itself."""

    prompt: RenderedPrompt
    answer: tuple[Piece, ...]
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
        raise BadRequest("The last question is answered already. Add another question to go on.")
    if format.kind == "chat":
        pieces = chat_pieces(format, conversation, tokenizer, thinking)
    else:
        pieces = _template_pieces(format, conversation)
    return RenderedPrompt(
        pieces=joined(pieces),
        format_id=format.id,
        stop_strings=format.stop_strings,
        answer_lead=format.answer_lead,
        add_bos=format.kind == "template",
    )


def training_text(
    format: PromptFormat,
    conversation: Conversation,
    eos: str,
    tokenizer: ChatTokenizer | None = None,
    thinking: bool | None = None,
) -> tuple[Segment, ...]:
    """A segment for every answered turn; its prompt is what `render` gives when that turn is asked.

    Segments do not share a prefix: some formats and templates write an earlier turn otherwise than a new one.
    """
    segments = []
    for count, turn in enumerate(conversation.turns, start=1):
        if turn.answer is None:
            continue
        asked = replace(conversation, turns=(*conversation.turns[: count - 1], replace(turn, answer=None)))
        answer = (_ours(format.answer_lead), _theirs(turn.answer), _ours(eos))
        segments.append(Segment(render(format, asked, tokenizer, thinking), joined(answer)))
    if not segments:
        raise BadRequest("This conversation holds no answer, so there is nothing to learn from it.")
    return tuple(segments)


def joined(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    """Without empty pieces, neighbours of one owner made one."""
    result: list[Piece] = []
    for piece in pieces:
        if result and result[-1].is_user == piece.is_user:
            result[-1] = Piece(result[-1].text + piece.text, piece.is_user)
        elif piece.text:
            result.append(piece)
    return tuple(result)


def _template_pieces(format: PromptFormat, conversation: Conversation) -> list[Piece]:
    pieces: list[Piece] = []
    for turn in conversation.turns:
        if format.context and turn.input:
            pieces += _fill(format.context, {"input": [_theirs(turn.input)]})
    pieces += _system_pieces(format, conversation.system)
    folded = "" if format.system else conversation.system
    for turn in conversation.turns[:-1]:
        pieces += _earlier_pieces(format, turn, folded)
        folded = ""
    return pieces + _question_pieces(format, conversation.turns[-1], folded)


def _system_pieces(format: PromptFormat, system: str) -> list[Piece]:
    if format.system:
        text = _theirs(system) if system else _ours(format.default_system)
        return _fill(format.system, {"system": [text]}) if text.text else []
    if system and not format.fold_system_into_question:
        raise BadRequest(
            f"The format '{format.id}' has no place for a system text. Ask without one.", format=format.id
        )
    return []


def _earlier_pieces(format: PromptFormat, turn: Turn, folded: str) -> list[Piece]:
    answer = _theirs(turn.answer or "")
    if format.earlier_turn:
        question = _question_text(format, turn, folded, input_below=True)
        return _fill(format.earlier_turn, {"question": question, "answer": [answer]})
    question = _question_pieces(format, turn, folded)
    return [*question, _ours(format.answer_lead), answer, _ours(format.turn_end)]


def _question_pieces(format: PromptFormat, turn: Turn, folded: str) -> list[Piece]:
    if turn.input and format.question_with_input:
        question = _question_text(format, turn, folded, input_below=False)
        return _fill(format.question_with_input, {"question": question, "input": [_theirs(turn.input)]})
    return _fill(format.question, {"question": _question_text(format, turn, folded, input_below=True)})


def _question_text(format: PromptFormat, turn: Turn, folded: str, input_below: bool) -> list[Piece]:
    pieces = [_theirs(folded), _ours("\n\n")] if folded else []
    pieces.append(_theirs(turn.question))
    if input_below and turn.input and not format.context:
        pieces += [_ours("\n"), _theirs(turn.input)]
    return pieces


def _fill(template: Template, values: Mapping[str, list[Piece]]) -> list[Piece]:
    pieces: list[Piece] = []
    for part in template:
        pieces += values[part.field] if part.field else [_ours(part.text)]
    return pieces


def _ours(text: str) -> Piece:
    return Piece(text, is_user=False)


def _theirs(text: str) -> Piece:
    return Piece(text, is_user=True)
