"""Questions asked of the model that learns, and its answers as records that can be rewarded.

Whoever makes the answers is an `AnswerSampler`: here the network that learns (rollout.py). A server that is
given the adapter after each update would be another, which is how sampling could leave this one GPU.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from finetune.examples import PromptOnly
from finetune.rl.records import SampledAnswer
from finetune.rl.rollout import Rollout
from finetune.training.measuring import shown_text
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendered import RenderedPrompt
from prompts.rendering import render


class AnswerSampler(Protocol):
    def sample(
        self,
        prompts: Sequence[Sequence[int]],
        group: int,
        generator: torch.Generator,
        check: Callable[[], None],
    ) -> list[Rollout]:
        """`group` answers to each prompt, side by side; the generator alone decides which."""

    def greedy(self, prompts: Sequence[Sequence[int]], check: Callable[[], None]) -> list[Rollout]:
        """The likeliest answer to each prompt."""


@dataclass(frozen=True)
class RlQuestion:
    prompt: PromptOnly
    ids: tuple[int, ...]
    rendered: RenderedPrompt

    @property
    def text(self) -> str:
        turn = self.prompt.conversation.turns[-1]
        return f"{turn.question}\n{turn.input}" if turn.input else turn.question


def questions_of(
    prompts: Sequence[PromptOnly], format: PromptFormat, tokenizer: Any, most: int
) -> list[RlQuestion]:
    """Those whose prompt has at most `most` tokens; what is cut would ask something else."""
    rendered = [render(format, prompt.conversation, tokenizer) for prompt in prompts]
    ids = [tuple(encode(each, tokenizer)) for each in rendered]
    made = [RlQuestion(*each) for each in zip(prompts, ids, rendered, strict=True)]
    return [question for question in made if len(question.ids) <= most]


class PolicyAsker:
    def __init__(self, sampler: AnswerSampler, tokenizer: Any, check: Callable[[], None]) -> None:
        """`check`: called between steps of sampling, may raise."""
        self._sampler, self._tokenizer, self._check = sampler, tokenizer, check

    def sample(self, questions: Sequence[RlQuestion], group: int, seed: int) -> list[SampledAnswer]:
        """The same questions, weights and seed give the same answers."""
        generator = torch.Generator().manual_seed(seed)
        found = self._sampler.sample([each.ids for each in questions], group, generator, self._check)
        return self._records(found, [question for question in questions for _ in range(group)])

    def greedy(self, questions: Sequence[RlQuestion]) -> list[SampledAnswer]:
        return self._records(self._sampler.greedy([each.ids for each in questions], self._check), questions)

    def _records(self, found: Sequence[Rollout], questions: Sequence[RlQuestion]) -> list[SampledAnswer]:
        return [
            SampledAnswer(
                question.prompt,
                one.prompt_ids,
                one.answer_ids,
                shown_text(one.answer_ids, question.rendered, self._tokenizer)[0],
                one.ended,
            )
            for one, question in zip(found, questions, strict=True)
        ]
