"""What the network answers to rows whose answer is known, asked as it will be asked later.

Knows: the greedy loop, when an answer ends, and when it is exact or near.
Refuses to know: which rows are asked, and what is made of the answers.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch

from finetune.examples import Example
from finetune.training.measuring import resting
from finetune.training.stopping import StopWish
from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendering import render

NEAR = 0.8
"""The share of characters in common, in order, from which an answer counts as near."""
_LONGEST = 256


@dataclass(frozen=True)
class Answered:
    """One question, the answer in the data, and what came."""

    source: str
    question: str
    expected: str
    answer: str

    @property
    def exact(self) -> bool:
        return self.answer.strip() == self.expected.strip()

    @property
    def near(self) -> bool:
        return self.exact or difflib.SequenceMatcher(None, self.answer, self.expected).ratio() >= NEAR


class Asker:
    """Asks one network in one format; tells nothing apart from what the rows say."""

    def __init__(
        self,
        network: Any,
        tokenizer: Any,
        format: PromptFormat,
        ends: frozenset[int],
        wish: StopWish,
        agree: Callable[[int], int] = int,
    ) -> None:
        """`agree`: the token that all processes go on with, where all of them take part in each forward."""
        self._network, self._tokenizer, self._format = network, tokenizer, format
        self._ends, self._wish, self._agree = ends, wish, agree

    def ask_all(self, examples: Sequence[Example]) -> list[Answered]:
        with resting(self._network):
            return [self._ask(example) for example in examples]

    def _ask(self, example: Example) -> Answered:
        conversation, expected = last_question(example.conversation)
        rendered = render(self._format, conversation, self._tokenizer)
        ids = encode(rendered, self._tokenizer)
        wanted = len(self._tokenizer.backend_tokenizer.encode(expected, add_special_tokens=False).ids)
        made = self._continue(ids, min(_LONGEST, wanted * 2 + 16))
        text = self._tokenizer.decode(made, skip_special_tokens=True).removeprefix(rendered.answer_lead)
        for stop in rendered.stop_strings:
            text = text.split(stop)[0]
        turn = conversation.turns[-1]
        question = f"{turn.question}\n{turn.input}" if turn.input else turn.question
        return Answered(example.source, question, expected, text.strip())

    @torch.no_grad()
    def _continue(self, ids: list[int], most: int) -> list[int]:
        """The likeliest token each time. By hand: `generate` does not know how RWKV hands its state on."""
        device = next(self._network.parameters()).device
        step = torch.tensor([ids], device=device)
        kept: dict[str, Any] = {}
        made: list[int] = []
        while len(made) < most:
            self._wish.check()
            out = self._network(input_ids=step, use_cache=True, **kept)
            token = self._agree(int(out.logits[0, -1].argmax()))
            if token in self._ends:
                break
            made.append(token)
            step = torch.tensor([[token]], device=device)
            name = "state" if "state" in out else "past_key_values"
            kept = {name: out[name]}
        return made


def last_question(conversation: Conversation) -> tuple[Conversation, str]:
    """The conversation up to its last question, and how that one is answered in the data."""
    last = conversation.turns[-1]
    asked = replace(conversation, turns=(*conversation.turns[:-1], replace(last, answer=None)))
    return asked, last.answer or ""
