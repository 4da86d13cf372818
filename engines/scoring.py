"""How good a reward model finds each of some given answers to a question.

Each is read as it was in training: prompt, answer and end token in one row, by the same renderer and encoder.
It goes through the decode loop as a prompt after which nothing is drawn, so that it waits for memory, stops
and ends like any other, and whoever answers beside it gets the tokens that it gets alone. The score is read
from the hidden state of the last token.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch

from engines.base import SCORES, AnswerRequest
from engines.choices import Choice
from engines.loading.loaded import LoadedModel, ScoreHead
from engines.sampling import NO_TOKEN, TokenSampler, WeighedText
from engines.sequence import Sequence
from errors import BadRequest
from model_registry.spec import ModelSpec
from prompts.encoding import encode_segment
from prompts.format import PromptFormat
from prompts.rendering import training_text


class ScoredText(WeighedText):
    """Asks a reward model's head once the whole text was read; what word might follow does not matter."""

    name = SCORES

    def __init__(self, asked: TokenSampler, head: ScoreHead) -> None:
        super().__init__(asked)
        self._head = head

    def weigh(self, logits: torch.Tensor) -> int:
        self.value, self.is_done = self._head.score(), True
        return 0 if math.isfinite(self.value) else NO_TOKEN


def scored_choices(asked: Sequence, choices: Mapping[str, list[int]], head: ScoreHead) -> list[Choice]:
    """How good each text is by a reward model, which reads the whole of it with its question."""
    return [Choice(text, whole, 0, ScoredText(asked.sampler, head)) for text, whole in choices.items()]


def whole_answers(
    request: AnswerRequest, spec: ModelSpec, format: PromptFormat, loaded: LoadedModel
) -> dict[str, list[int]]:
    """Each choice as training writes it: the prompt, the answer, and the end token unless it is cut."""
    end = _end_text(spec, loaded)
    found = {}
    for choice in request.choices:
        conversation = request.conversation.answered(choice)
        segment = training_text(format, conversation, end, loaded.tokenizer, request.thinking)[-1]
        prompt, answer = encode_segment(segment, loaded.tokenizer)
        found[choice] = [*prompt, *(answer[:-1] if request.cut else answer)]
        if len(found[choice]) > spec.local.context_length:
            tokens, most = len(found[choice]), spec.local.context_length
            raise BadRequest("answer-too-long-to-score", tokens=tokens, model=spec.title, most=most)
    return found


def _end_text(spec: ModelSpec, loaded: LoadedModel) -> str:
    """The token that ended the answers which the model learned from; its entry names it."""
    tokenizer = loaded.tokenizer
    ids = spec.local.eos_token_ids or tuple(loaded.eos_token_ids)
    end = tokenizer.eos_token_id if tokenizer.eos_token_id in ids else ids[0]
    return str(tokenizer.convert_ids_to_tokens(end))
