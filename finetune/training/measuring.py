"""How well a network predicts and answers rows, before a training and after it.

Knows: loss over the learned tokens of some rows, perplexity, the fixed sentences that show forgetting, and
greedy answers to rows whose answer is known, asked as it will be asked later: when one is exact or near.
Refuses to know: which rows are asked, when, and what is made of the figures.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional

from finetune.examples import Example, TokenRow
from finetune.stopping import StopWish
from finetune.tokens.blocks import NOT_LEARNED, Block
from finetune.tokens.dataset import Collator
from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.format import PromptFormat
from prompts.rendered import RenderedPrompt
from prompts.rendering import render

_SENTENCES = Path(__file__).parent / "forgetting.txt"
NEAR = 0.8
"""The share of characters in common, in order, from which an answer counts as near."""
_LONGEST = 256


@dataclass(frozen=True)
class Predicted:
    """How well some tokens were predicted, weighed by token."""

    loss: float
    tokens: int

    @property
    def perplexity(self) -> float:
        return math.exp(min(self.loss, 700.0))


@torch.no_grad()
def predicted(network: Any, blocks: Sequence[Block], device: torch.device, wish: StopWish) -> Predicted:
    """A block at a time, so that measuring never needs more memory than learning."""
    total, tokens = 0.0, 0
    collate = Collator(0)
    with resting(network):
        for block in blocks:
            wish.check()
            batch = collate([block.line])
            labels = batch.pop("labels").to(device)[:, 1:]
            inputs = {name: value.to(device) for name, value in batch.items()}
            logits = network(**inputs, use_cache=False).logits[:, :-1].float()
            total += float(
                functional.cross_entropy(
                    logits.flatten(0, 1), labels.flatten(), ignore_index=NOT_LEARNED, reduction="sum"
                )
            )
            tokens += int((labels != NOT_LEARNED).sum())
    return Predicted(total / max(1, tokens), tokens)


@contextmanager
def resting(network: Any) -> Iterator[None]:
    """Without dropout; learning goes on afterwards as before."""
    was_learning = network.training
    network.eval()
    try:
        yield
    finally:
        network.train(was_learning)


def forgetting_rows(tokenizer: Any) -> list[TokenRow]:
    """Plain sentences that no tuning is about; each begins after the token that stands between texts."""
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    rows = []
    for number, sentence in enumerate(forgetting_sentences(), start=1):
        ids = tokenizer.backend_tokenizer.encode(sentence, add_special_tokens=False).ids
        whole = (*([start] if start is not None else []), *ids)
        rows.append(TokenRow(whole, (False, *[True] * (len(whole) - 1)), f"forgetting set, {number}"))
    return rows


def forgetting_sentences() -> list[str]:
    return [line for line in _SENTENCES.read_text(encoding="utf-8").splitlines() if line]


@dataclass(frozen=True)
class Answered:
    """One question, the answer in the data, and what came."""

    source: str
    question: str
    expected: str
    answer: str
    ended: bool = True
    """By itself, before it became too long."""

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
        made, ended = self._continue(ids, min(_LONGEST, wanted * 2 + 16))
        text, stopped = shown_text(made, rendered, self._tokenizer)
        turn = conversation.turns[-1]
        question = f"{turn.question}\n{turn.input}" if turn.input else turn.question
        return Answered(example.source, question, expected, text, ended or stopped)

    @torch.no_grad()
    def _continue(self, ids: list[int], most: int) -> tuple[list[int], bool]:
        """The likeliest token each time, and whether it ended. By hand: `generate` does not know how RWKV
        hands its state on."""
        device = next(self._network.parameters()).device
        step = torch.tensor([ids], device=device)
        kept: dict[str, Any] = {}
        made: list[int] = []
        while len(made) < most:
            self._wish.check()
            out = self._network(input_ids=step, use_cache=True, **kept)
            token = self._agree(int(out.logits[0, -1].argmax()))
            if token in self._ends:
                return made, True
            made.append(token)
            step = torch.tensor([[token]], device=device)
            name = "state" if "state" in out else "past_key_values"
            kept = {name: out[name]}
        return made, False


def shown_text(ids: Sequence[int], rendered: RenderedPrompt, tokenizer: Any) -> tuple[str, bool]:
    """An answer as a person sees it, and whether a stop string ended it."""
    text = str(tokenizer.decode(list(ids), skip_special_tokens=True)).removeprefix(rendered.answer_lead)
    stopped = any(stop in text for stop in rendered.stop_strings)
    for stop in rendered.stop_strings:
        text = text.split(stop)[0]
    return text.strip(), stopped


def last_question(conversation: Conversation) -> tuple[Conversation, str]:
    """The conversation up to its last question, and how that one is answered in the data."""
    last = conversation.turns[-1]
    asked = replace(conversation, turns=(*conversation.turns[:-1], replace(last, answer=None)))
    return asked, last.answer or ""
