"""Pairs and judged answers as token ids: the prompt as it is asked, and each answer with its end token.

A row that is too long is left out and counted, never cut: a cut answer would be judged for what it does not
say. So is a pair whose answers are the same ids: there is nothing in it to tell apart.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.examples import Example, LabeledAnswer, PreferencePair
from finetune.tokens.rows import TrainingTokenizer, encoded_answers
from prompts.conversation import Conversation
from prompts.format import PromptFormat

_UNUSED = re.compile(r"unused|reserved|\bpad\b|_pad", re.IGNORECASE)


@dataclass(frozen=True)
class PairRow:
    """A pair as a network sees it."""

    prompt: tuple[int, ...]
    chosen: tuple[int, ...]
    """The better answer with its end token."""
    rejected: tuple[int, ...]
    source: str

    @property
    def chosen_ids(self) -> list[int]:
        return [*self.prompt, *self.chosen]

    @property
    def rejected_ids(self) -> list[int]:
        return [*self.prompt, *self.rejected]


@dataclass(frozen=True)
class LabeledRow:
    """A judged answer as a network sees it."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]
    good: bool
    source: str


@dataclass(frozen=True)
class PairRows:
    """What became of the pairs."""

    rows: tuple[PairRow, ...]
    too_long: tuple[str, ...]
    """Left out, by where they were read."""
    equal: tuple[str, ...] = ()
    """Left out as well: both answers are the same."""


@dataclass(frozen=True)
class LabeledRows:
    """What became of the judged answers."""

    rows: tuple[LabeledRow, ...]
    too_long: tuple[str, ...]


def pair_rows(
    pairs: Sequence[PreferencePair],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    *,
    max_tokens: int,
    check: Callable[[], None] = lambda: None,
) -> PairRows:
    """`eos`: as base.learned_end finds it. `check` is called every few hundred rows, and may raise."""
    answers = (
        _as_example(pair.conversation, answer, pair.source)
        for pair in pairs
        for answer in (pair.chosen, pair.rejected)
    )
    encoded = _encoded(answers, format, tokenizer, eos, check)
    rows: list[PairRow] = []
    too_long: list[str] = []
    equal: list[str] = []
    for pair in pairs:
        (prompt, chosen), (_, rejected) = next(encoded), next(encoded)
        if chosen == rejected:
            equal.append(pair.source)
        elif len(prompt) + max(len(chosen), len(rejected)) > max_tokens:
            too_long.append(pair.source)
        else:
            rows.append(PairRow(prompt, chosen, rejected, pair.source))
    return PairRows(tuple(rows), tuple(too_long), tuple(equal))


def labeled_rows(
    answers: Sequence[LabeledAnswer],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    *,
    max_tokens: int,
    check: Callable[[], None] = lambda: None,
) -> LabeledRows:
    """As `pair_rows`, an answer at a time."""
    examples = (_as_example(one.conversation, one.answer, one.source) for one in answers)
    rows: list[LabeledRow] = []
    too_long: list[str] = []
    encoded = _encoded(examples, format, tokenizer, eos, check)
    for one, (prompt, answer) in zip(answers, encoded, strict=True):
        if len(prompt) + len(answer) > max_tokens:
            too_long.append(one.source)
        else:
            rows.append(LabeledRow(prompt, answer, one.good, one.source))
    return LabeledRows(tuple(rows), tuple(too_long))


def own_pad_id(tokenizer: Any, embedding_rows: int, ends: Collection[int]) -> int:
    """An id that the network has a row for and that never ends an answer, so that a padded row still shows
    whether its answer ended.

    A row beyond the vocabulary, else a token that stands for nothing, else a control token that only begins
    something. Where there is none of these it is the end token's, to be used beside lengths alone."""
    backend = tokenizer.backend_tokenizer
    beyond = max(backend.get_vocab(with_added_tokens=True).values()) + 1
    if beyond < embedding_rows:
        return int(beyond)
    special = {
        id: token.content
        for id, token in sorted(backend.get_added_tokens_decoder().items())
        if token.special and id not in ends
    }
    idle = [id for id, content in special.items() if _UNUSED.search(content)]
    return next(iter([*idle, *special]), min(ends))


def _as_example(conversation: Conversation, answer: str, source: str) -> Example:
    """One in which only the last answer is learned."""
    earlier = frozenset(range(len(conversation.turns) - 1))
    return Example(conversation.answered(answer), source, earlier)


def _encoded(
    examples: Iterator[Example],
    format: PromptFormat,
    tokenizer: TrainingTokenizer,
    eos: str,
    check: Callable[[], None],
) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    for _, found in encoded_answers(examples, format, tokenizer, eos, check):
        ((_, prompt, answer),) = found
        yield tuple(prompt), tuple(answer)
