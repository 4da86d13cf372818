"""Whether a format of ours says the same as the chat template that a tokenizer carries.

Knows: the conversations to try, and how to say in which token two prompts differ.
Refuses to know: which model has which format, and where tokenizers lie.
"""

from __future__ import annotations

from typing import Any, Protocol

from errors import BadRequest
from prompts.chat import ChatTokenizer, messages_of
from prompts.conversation import Conversation, Turn
from prompts.encoding import FastTokenizer, encode
from prompts.format import PromptFormat
from prompts.rendering import render

_TWO_TURNS = (Turn("한국의 수도는?", answer="서울입니다."), Turn("그곳의 인구는?"))
_SAMPLES = {
    "one question": Conversation.ask("한국의 수도는?"),
    "a system text": Conversation.ask("한국의 수도는?", system="짧게 답하세요."),
    "two turns": Conversation(_TWO_TURNS),
}


class TemplatedTokenizer(FastTokenizer, ChatTokenizer, Protocol):
    """A fast tokenizer that may carry a chat template."""

    chat_template: Any

    def decode(self, token_ids: list[int]) -> Any: ...


def compare_with_chat_template(format: PromptFormat, tokenizer: TemplatedTokenizer) -> list[str]:
    """A sentence for each sample conversation that the two write otherwise; empty where they agree, where
    the format is the tokenizer's own, or where the tokenizer carries none."""
    if format.kind == "chat" or not tokenizer.chat_template:
        return []
    differences = []
    for name, conversation in _SAMPLES.items():
        difference = _difference(format, conversation, tokenizer)
        if difference:
            differences.append(f"{name}: {difference}")
    return differences


def _difference(format: PromptFormat, conversation: Conversation, tokenizer: TemplatedTokenizer) -> str:
    from jinja2 import TemplateError

    try:
        ours = encode(render(format, conversation), tokenizer)
    except BadRequest as error:
        return f"the format refuses it ({error})"
    try:
        theirs = tokenizer.apply_chat_template(
            messages_of(conversation), tokenize=True, add_generation_prompt=True, return_dict=False
        )
    except (TemplateError, TypeError, ValueError) as error:
        return f"the chat template refuses it ({error})"
    if ours == theirs:
        return ""
    at = next(
        (i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs))
    )
    return (
        f"from token {at + 1} on the format writes {_shown(ours[at:], tokenizer)},"
        f" the chat template {_shown(theirs[at:], tokenizer)}"
    )


def _shown(ids: list[int], tokenizer: TemplatedTokenizer) -> str:
    return repr(str(tokenizer.decode(ids[:8]))) + ("…" if len(ids) > 8 else "") if ids else "nothing"
