"""Control tokens that a format is written with and a tokenizer lacks.

Knows: what such a token looks like in a format, and when it can be added.
Refuses to know: how a format is rendered.
"""

from __future__ import annotations

import re
from typing import Any

from errors import BadRequest
from finetune.run_settings import Method
from prompts.format import PromptFormat

_MARK = re.compile(r"<\|[^<>|\s]+\|>|\[\|[^\[\]|\s]+\|\]|<(?:start|end)_of_turn>|</?s>")


def lacking(format: PromptFormat, tokenizer: Any) -> list[str]:
    """In the order they stand in the format; a chat template is the tokenizer's own, so it lacks none."""
    if format.kind == "chat":
        return []
    marks = dict.fromkeys(_MARK.findall(_text_of(format)))
    return [mark for mark in marks if tokenizer.backend_tokenizer.token_to_id(mark) is None]


def add_tokens(network: Any, tokenizer: Any, format: PromptFormat, method: Method, title: str) -> list[str]:
    """Before the tokenizer is first used: rows are added to the embeddings, which only method full learns."""
    missing = lacking(format, tokenizer)
    if not missing:
        return []
    named = ", ".join(missing)
    if method != "full":
        raise BadRequest(
            f"The format '{format.id}' is written with tokens that {title} lacks ({named}), and an adapter "
            "cannot learn new ones. Choose method full, or another format.",
            tokens=missing,
        )
    tokenizer.add_special_tokens({"additional_special_tokens": missing}, replace_extra_special_tokens=False)
    if len(tokenizer) > network.get_input_embeddings().weight.shape[0]:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    return [f"The tokens {named} were added to the tokenizer, and are learned."]


def _text_of(format: PromptFormat) -> str:
    templates = (
        format.question,
        format.question_with_input,
        format.earlier_turn,
        format.system,
        format.context,
    )
    pieces = [part.text for template in templates for part in template]
    return "\n".join([*pieces, format.answer_lead, format.turn_end, format.default_system])
