"""What a wrong format costs a demo model: exact answers, greedily decoded, in its own format and in others.

Knows: a plain greedy loop, and when an answer can no longer become exact.
Refuses to know: training, files, and which formats are compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendering import render

_LONGEST_ANSWER = 96


@dataclass(frozen=True)
class Speaker:
    """A model with what is needed to ask it."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast

    @property
    def end_ids(self) -> tuple[int, ...]:
        ids = self.model.config.eos_token_id
        return tuple(ids) if isinstance(ids, list) else (ids,)


def count_exact(speaker: Speaker, conversations: Iterable[Conversation], format: PromptFormat) -> int:
    """How many last answers of `conversations` the model gives word for word when asked in `format`."""
    return sum(answers_exactly(speaker, conversation, format) for conversation in conversations)


@torch.no_grad()
def answers_exactly(speaker: Speaker, conversation: Conversation, format: PromptFormat) -> bool:
    """Decode greedily until the answer ends, or until it can no longer become the expected one."""
    last = conversation.turns[-1]
    expected = last.answer or ""
    asked = replace(conversation, turns=(*conversation.turns[:-1], replace(last, answer=None)))
    fed = encode(render(format, asked, speaker.tokenizer), speaker.tokenizer)
    answer: list[int] = []
    memory: dict[str, object] = {}
    while len(answer) < _LONGEST_ANSWER:
        output = speaker.model(input_ids=torch.tensor([fed]), use_cache=True, **memory)
        token = int(output.logits[0, -1].argmax())
        text = _text(speaker.tokenizer, answer)
        if token in speaker.end_ids:
            return text.strip() == expected
        answer.append(token)
        text = _text(speaker.tokenizer, answer)
        if any(stop in text for stop in format.stop_strings):
            return _cut(text, format.stop_strings).strip() == expected
        if not _may_become(text, expected, format.stop_strings):
            return False
        fed, memory = [token], _memory(output)
    return False


def _memory(output: object) -> dict[str, object]:
    """What a step hands to the next: a recurrent network's state, or the keys and values seen so far."""
    name = "state" if hasattr(output, "state") else "past_key_values"
    return {name: getattr(output, name)}


def _text(tokenizer: PreTrainedTokenizerFast, ids: Sequence[int]) -> str:
    return tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd").lstrip()


def _cut(text: str, stop_strings: Sequence[str]) -> str:
    return text[: min(text.find(stop) for stop in stop_strings if stop in text)]


def _may_become(text: str, expected: str, stop_strings: Sequence[str]) -> bool:
    if not text.startswith(expected):
        return expected.startswith(text)
    rest = text[len(expected) :]
    return not rest.strip() or any(stop.startswith(rest) for stop in stop_strings)
