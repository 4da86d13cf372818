"""Given texts, weighed one after another instead of drawing one: how likely a model finds each as its answer.

Each choice goes through the decode loop as an answer whose tokens are given: its row is read, stepped,
stopped and dropped like any other. So it holds for every family, and whoever answers beside it gets the
tokens that it gets alone. The prompt is read once a choice: not every network can go back to where it ended.

A likelihood is the sum of the natural logarithms over all tokens of the choice, as they follow this prompt in
an answer: byte-level tokenizers begin different words with the same token, so the first ones tell nothing. It
is not divided by the number of tokens: it is the chance that the model would begin with just this text. What
a model has against a longer word whatever it is asked, the asker measures on questions that are plain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

import torch

from engines.base import LIKELIHOODS, FinishReason
from engines.sampling import NO_TOKEN, TokenSampler, WeighedText
from engines.sequence import Sequence
from errors import NaraniError
from prompts.encoding import FastTokenizer, encode_segment
from prompts.rendered import RenderedPrompt
from prompts.rendering import answered

_LEAST = -1e9
"""In the place of minus infinity (a token that the network rules out), which JSON cannot hold."""


class GivenTokens(WeighedText):
    """Takes the tokens that are given instead of choosing, and adds up how likely each was."""

    name = LIKELIHOODS

    def __init__(self, asked: TokenSampler, given: list[int]) -> None:
        super().__init__(asked)
        self._left = given[::-1]

    def weigh(self, logits: torch.Tensor) -> int:
        if not logits.max().isfinite():
            return NO_TOKEN
        token = self._left.pop()
        self.is_done = not self._left
        self.value = max(_LEAST, self.value + float(torch.log_softmax(logits.float(), dim=-1)[token]))
        return token


@dataclass(frozen=True)
class Choice:
    """One text, what is read of it at once, and how many of its tokens are stepped after that."""

    text: str
    prompt_ids: list[int]
    steps: int
    weighed: WeighedText


@dataclass(eq=False)
class ChoiceSequence(Sequence):
    """One choice on its way; when it has ended the next one begins, and after the last the answer is out."""

    sampler: WeighedText
    choice: str = ""
    left: tuple[Choice, ...] = ()
    found: Mapping[str, float] = field(default_factory=dict)
    begin: Callable[[Sequence], None] = lambda _: None

    def take(self, token: int) -> None:
        self.last_token = token
        if self.sampler.is_done:
            self.found = {**self.found, self.choice: self.sampler.value}
            self.end(FinishReason.EOS)

    def deliver(self) -> None:
        assert self._answer is not None, "a choice is delivered when it has ended"
        if self._answer.finish_reason is FinishReason.EOS:
            if self.left and self._begin_next():
                return
            if not self.left:
                self._answer = replace(
                    self._answer,
                    text=max(self.found, key=self.found.__getitem__),
                    extras={self.sampler.name: dict(self.found)},
                )
        super().deliver()

    def _begin_next(self) -> bool:
        """Whether the next one was begun; the answer has failed where it could not be."""
        try:
            self.begin(_sequence(self, self.left, self.begin, self.found))
        except NaraniError as error:
            self._answer = None
            self.fail(error)
            return False
        return True


def likely_choices(asked: Sequence, choices: Mapping[str, list[int]]) -> list[Choice]:
    """How likely each text with its tokens is as the beginning of the answer."""
    return [
        Choice(text, asked.prompt_ids, len(given), GivenTokens(asked.sampler, given))
        for text, given in choices.items()
    ]


def tokens_of(
    choices: Iterable[str], prompt: RenderedPrompt, tokenizer: FastTokenizer
) -> dict[str, list[int]]:
    """Each choice as the tokens that an answer to this prompt has which begins with it."""
    return {choice: encode_segment(answered(prompt, choice), tokenizer)[1] for choice in choices}


def choosing(asked: Sequence, choices: list[Choice], begin: Callable[[Sequence], None]) -> ChoiceSequence:
    """What is asked, but with these texts; `begin` lets a sequence join its batch."""
    return _sequence(asked, tuple(choices), begin, {})


def _sequence(
    asked: Sequence,
    choices: tuple[Choice, ...],
    begin: Callable[[Sequence], None],
    found: Mapping[str, float],
) -> ChoiceSequence:
    choice, *left = choices
    return ChoiceSequence(
        origin=asked.origin,
        live=asked.live,
        prompt_ids=choice.prompt_ids,
        eos_token_ids=frozenset(),
        max_new_tokens=choice.steps,
        sampler=choice.weighed,
        stream=asked.stream,
        on_end=asked.on_end,
        peak_bytes=asked.peak_bytes,
        step_bytes=asked.step_bytes,
        choice=choice.text,
        left=tuple(left),
        found=found,
        begin=begin,
    )
