"""Prompts by the chat template that a tokenizer carries, rendered in transformers' sandbox.

Knows: how turns become messages, and how to tell a person's text from the template's in the rendered string.
Refuses to know: what any template looks like; tokens; models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Protocol

from errors import BadRequest
from prompts.conversation import Conversation, Turn
from prompts.format import PromptFormat
from prompts.rendered import PromptPiece

_SENTINEL = re.compile("\ue000([0-9]+)\ue001")


class ChatTokenizer(Protocol):
    """What is needed of a tokenizer that carries a chat template."""

    @property
    def chat_template(self) -> Any: ...

    def apply_chat_template(
        self, conversation: Any, *, tokenize: bool, add_generation_prompt: bool, **switches: Any
    ) -> Any: ...


class TemplateRefused(BadRequest):
    """The template raised an error, or left out the system text."""


def chat_pieces(
    format: PromptFormat, conversation: Conversation, tokenizer: ChatTokenizer | None, thinking: bool | None
) -> list[PromptPiece]:
    """The rendered conversation; where the template refuses a system text, the format may fold it."""
    if tokenizer is None:
        raise BadRequest("format-needs-tokenizer", format=format.id)
    if tokenizer.chat_template is None:
        raise BadRequest("no-chat-template")
    try:
        return _owned_pieces(messages_of(conversation), tokenizer, thinking)
    except TemplateRefused:
        if not conversation.system or not format.fold_system_into_question:
            raise
    return _owned_pieces(messages_of(conversation, fold=True), tokenizer, thinking)


def messages_of(conversation: Conversation, fold: bool = False) -> list[dict[str, str]]:
    """The conversation as role and content; `fold` writes the system text above the first question."""
    messages = []
    if conversation.system and not fold:
        messages.append({"role": "system", "content": conversation.system})
    above = f"{conversation.system}\n\n" if conversation.system and fold else ""
    for turn in conversation.turns:
        messages.append({"role": "user", "content": f"{above}{_asked(turn)}"})
        above = ""
        if turn.answer is not None:
            messages.append({"role": "assistant", "content": turn.answer})
    return messages


def _asked(turn: Turn) -> str:
    """No template has a place for an input of its own."""
    if not turn.input:
        return turn.question
    return f"{turn.input}\n\n{turn.question}" if turn.input_above else f"{turn.question}\n{turn.input}"


def _owned_pieces(
    messages: list[dict[str, str]], tokenizer: ChatTokenizer, thinking: bool | None
) -> list[PromptPiece]:
    """Render the real texts, and once more with a sentinel for each; the first is the truth, the second
    tells where in it the texts of a person stand."""
    stand_ins = [
        {**message, "content": f"\ue000{index}\ue001" if message["content"].strip() else message["content"]}
        for index, message in enumerate(messages)
    ]
    real = _apply(tokenizer, messages, thinking)
    lead, *rest = _SENTINEL.split(_apply(tokenizer, stand_ins, thinking))
    slots = list(zip(map(int, rest[::2]), rest[1::2], strict=True))
    _check_all_placed(messages, {index for index, _ in slots})
    pieces = _align(real, lead, [(messages[index], literal) for index, literal in slots])
    if pieces is None:
        raise BadRequest("chat-template-rewrites")
    return pieces


def _apply(tokenizer: ChatTokenizer, messages: list[dict[str, str]], thinking: bool | None) -> str:
    from jinja2 import TemplateError

    switches = {} if thinking is None else {"enable_thinking": thinking, "thinking": thinking}
    try:
        rendered = tokenizer.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=True, **switches
        )
    except (TemplateError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise TemplateRefused("chat-template-refuses", reason=error) from None
    return str(rendered)


def _check_all_placed(messages: Sequence[dict[str, str]], placed: set[int]) -> None:
    for index, message in enumerate(messages):
        if message["content"].strip() and index not in placed:
            raise TemplateRefused("chat-template-leaves-out", role=message["role"])


def _align(real: str, lead: str, slots: Sequence[tuple[dict[str, str], str]]) -> list[PromptPiece] | None:
    """`real` cut into the template's literals and a reading of each content; None where they do not fit."""
    if not real.startswith(lead):
        return None
    reached: dict[int, list[PromptPiece]] = {len(lead): [PromptPiece(lead, is_user=False)]}
    for message, literal in slots:
        is_answer = message["role"] == "assistant"
        further: dict[int, list[PromptPiece]] = {}
        for start, pieces in reached.items():
            for reading in _readings(message["content"]):
                end = start + len(reading)
                if real.startswith(reading, start) and real.startswith(literal, end):
                    cut = [PromptPiece(reading, True, is_answer), PromptPiece(literal, is_user=False)]
                    further.setdefault(end + len(literal), [*pieces, *cut])
        reached = further
    return reached.get(len(real))


def _readings(content: str) -> list[str]:
    """What templates make of a text: as it is, stripped, or (an answer) without its thinking."""
    visible = content.rpartition("</think>")[2]
    readings = [content, content.rstrip(), content.lstrip(), content.strip()]
    return list(dict.fromkeys([*readings, visible.lstrip("\n"), visible.strip("\n"), visible.strip()]))
