"""How likely a model finds each of some given texts as the beginning of its answer; no text is drawn.

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
from engines.sampling import NO_TOKEN, TokenSampler
from engines.sequence import Sequence
from errors import NaraniError
from prompts.encoding import FastTokenizer, encode_segment
from prompts.rendered import RenderedPrompt
from prompts.rendering import answered

_LEAST = -1e9
"""In the place of minus infinity (a token that the network rules out), which JSON cannot hold."""


class GivenTokens(TokenSampler):
    """Takes the tokens that are given instead of choosing, and adds up how likely each was."""

    def __init__(self, asked: TokenSampler, given: list[int]) -> None:
        self.settings, self.numbers, self.greedy = asked.settings, asked.numbers, False
        self.likelihood = 0.0
        self._left = given[::-1]

    @property
    def is_done(self) -> bool:
        return not self._left

    def choose(self, logits: torch.Tensor) -> int:
        if not logits.max().isfinite():
            return NO_TOKEN
        token = self._left.pop()
        likelihood = float(torch.log_softmax(logits.float(), dim=-1)[token])
        self.likelihood = max(_LEAST, self.likelihood + likelihood)
        return token


@dataclass(eq=False)
class ChoiceSequence(Sequence):
    """One choice on its way; when it has ended the next one begins, and after the last the answer is out."""

    sampler: GivenTokens
    choice: str = ""
    left: tuple[tuple[str, list[int]], ...] = ()
    likelihoods: Mapping[str, float] = field(default_factory=dict)
    begin: Callable[[Sequence], None] = lambda _: None

    def take(self, token: int) -> None:
        self.last_token = token
        if self.sampler.is_done:
            self.likelihoods = {**self.likelihoods, self.choice: self.sampler.likelihood}
            self.end(FinishReason.EOS)

    def deliver(self) -> None:
        assert self._answer is not None, "a choice is delivered when it has ended"
        if self._answer.finish_reason is FinishReason.EOS:
            if self.left and self._begin_next():
                return
            if not self.left:
                self._answer = replace(
                    self._answer,
                    text=max(self.likelihoods, key=self.likelihoods.__getitem__),
                    extras={LIKELIHOODS: dict(self.likelihoods)},
                )
        super().deliver()

    def _begin_next(self) -> bool:
        """Whether the next one was begun; the answer has failed where it could not be."""
        try:
            self.begin(_sequence(self, self.left, self.begin, self.likelihoods))
        except NaraniError as error:
            self._answer = None
            self.fail(error)
            return False
        return True


def tokens_of(
    choices: Iterable[str], prompt: RenderedPrompt, tokenizer: FastTokenizer
) -> dict[str, list[int]]:
    """Each choice as the tokens that an answer to this prompt has which begins with it."""
    return {choice: encode_segment(answered(prompt, choice), tokenizer)[1] for choice in choices}


def choosing(
    asked: Sequence, choices: Mapping[str, list[int]], begin: Callable[[Sequence], None]
) -> ChoiceSequence:
    """What is asked, but with these texts and their tokens; `begin` lets a sequence join its batch."""
    return _sequence(asked, tuple(choices.items()), begin, {})


def _sequence(
    asked: Sequence,
    choices: tuple[tuple[str, list[int]], ...],
    begin: Callable[[Sequence], None],
    likelihoods: Mapping[str, float],
) -> ChoiceSequence:
    (choice, given), *left = choices
    return ChoiceSequence(
        origin=asked.origin,
        live=asked.live,
        prompt_ids=asked.prompt_ids,
        eos_token_ids=frozenset(),
        max_new_tokens=len(given),
        sampler=GivenTokens(asked.sampler, given),
        stream=asked.stream,
        on_end=asked.on_end,
        peak_bytes=asked.peak_bytes,
        choice=choice,
        left=tuple(left),
        likelihoods=likelihoods,
        begin=begin,
    )
