"""What a model is shown: token ids, and from which of them on it learns.

Knows: conversations as examples whose answers alone are learned, through the renderer that asking uses too;
documents as examples learned whole; batches of examples of like length.
Refuses to know: networks, and how a step is taken.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from transformers import PreTrainedTokenizerFast

from prompts.conversation import Conversation
from prompts.encoding import encode_segment
from prompts.format import PromptFormat
from prompts.rendering import training_text

_LONGEST_DOCUMENT = 120
_NOT_LEARNED = -100
_LIKE_LENGTH = 12
_SYSTEM_TEXTS = (
    "당신은 친절한 한국어 도우미입니다.",
    "짧고 정확하게 답하세요.",
    "질문에 한국어로 답해 주세요.",
)


@dataclass(frozen=True)
class Example:
    ids: tuple[int, ...]
    learned_from: int


def answer_examples(
    conversations: Iterable[Conversation], format: PromptFormat, tokenizer: PreTrainedTokenizerFast
) -> list[Example]:
    """One for every answer; only the answer and its end token are learned."""
    examples = []
    for conversation in conversations:
        segments = training_text(format, conversation, str(tokenizer.eos_token), tokenizer)
        for prompt, answer in (encode_segment(segment, tokenizer) for segment in segments):
            examples.append(Example((*prompt, *answer), len(prompt)))
    return examples


def document_examples(texts: Iterable[str], tokenizer: PreTrainedTokenizerFast, end_id: int) -> list[Example]:
    backend = tokenizer.backend_tokenizer
    cut = (backend.encode(text, add_special_tokens=False).ids[:_LONGEST_DOCUMENT] for text in texts)
    return [Example((*ids, end_id), 1) for ids in cut]


def varied(conversations: Sequence[Conversation], rng: random.Random) -> list[Conversation]:
    """For a chat model: some with a system text, some after an unrelated turn, most as they are."""
    result = []
    for conversation in conversations:
        draw = rng.random()
        if draw < 0.2:
            conversation = replace(conversation, system=rng.choice(_SYSTEM_TEXTS))
        elif draw < 0.4:
            earlier = rng.choice(conversations).turns[:1]
            conversation = replace(conversation, turns=(*earlier, *conversation.turns))
        result.append(conversation)
    return result


def batches(
    examples: Sequence[Example], rng: random.Random, rows: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Inputs and targets, padded on the right, which no causal network sees."""
    order = rng.sample(examples, len(examples))
    order.sort(key=lambda example: len(example.ids) // _LIKE_LENGTH)
    groups = [order[first : first + rows] for first in range(0, len(order), rows)]
    rng.shuffle(groups)
    for group in groups:
        longest = max(len(example.ids) for example in group)
        inputs = torch.zeros(len(group), longest, dtype=torch.long)
        targets = torch.full((len(group), longest), _NOT_LEARNED)
        for row, example in enumerate(group):
            ids = torch.tensor(example.ids)
            inputs[row, : len(ids)] = ids
            targets[row, example.learned_from : len(ids)] = ids[example.learned_from :]
        yield inputs, targets
