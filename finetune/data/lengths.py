"""How long rows are in the tokens of a base, and how a few of them look when they are learned.

Knows: what is cut or lost at a length, and which stretches of a row are learned.
Refuses to know: how tokens are made (finetune/tokens does), and how anything is drawn.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from finetune.data.base_reading import BaseReading
from finetune.examples import Example
from finetune.tokens.rows import TokenRows, TrainingTokenizer, token_rows
from prompts.rendering import training_text

_LOWEST_BIN = 16


@dataclass(frozen=True)
class Bin:
    """So many rows have from `low` to `high` tokens."""

    low: int
    high: int
    rows: int


@dataclass(frozen=True)
class Lengths:
    """How many tokens rows have, prompt, answer and end token together; of a pair the longer one."""

    measured: int
    """Examples that were turned into tokens."""
    rows: int
    """Rows that came of them; formats that write earlier turns otherwise make one of each answer."""
    tokens: int
    learned: int
    shortest: int
    median: int
    mean: float
    longest: int
    max_tokens: int
    cut: int
    """Rows longer than max_tokens: examples would lose their end, and the end token; rows of another kind
    would be left out."""
    dropped: int
    """Answers of which nothing would be left."""
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class TextPart:
    """A stretch of a row."""

    text: str
    learned: bool


@dataclass(frozen=True)
class Sample:
    """A row as it would be learned."""

    source: str
    parts: tuple[TextPart, ...]
    what: str = ""
    """Which of a row's answers it is: chosen, rejected, good, bad; empty where there is one kind only."""


def lengths_of(
    examples: Sequence[Example], reading: BaseReading, tokenizer: TrainingTokenizer, max_tokens: int
) -> Lengths:
    whole = _rows(examples, reading, tokenizer, sys.maxsize).rows
    lengths = [len(row.ids) for row in whole]
    too_long = {row.source for row in whole if len(row.ids) > max_tokens}
    short = _rows([row for row in examples if row.source in too_long], reading, tokenizer, max_tokens)
    return Lengths(
        measured=len(examples),
        rows=len(whole),
        tokens=sum(lengths),
        learned=sum(sum(row.learned) for row in whole),
        shortest=min(lengths),
        median=round(statistics.median(lengths)),
        mean=statistics.fmean(lengths),
        longest=max(lengths),
        max_tokens=max_tokens,
        cut=sum(length > max_tokens for length in lengths),
        dropped=len(short.dropped),
        bins=tuple(bins_of(lengths)),
    )


def sample_of(
    example: Example, reading: BaseReading, tokenizer: TrainingTokenizer, max_tokens: int, learn_prompts: bool
) -> Sample:
    """Its last row in tokens, cut as it would be; every piece is what those tokens say."""
    rows = _rows([example], reading, tokenizer, max_tokens, learn_prompts).rows
    if not rows:
        return Sample(example.source, ())
    pairs = zip(rows[-1].learned, rows[-1].ids, strict=True)
    parts = []
    for learned, run in groupby(pairs, key=lambda pair: pair[0]):
        text = tokenizer.backend_tokenizer.decode([id for _, id in run], skip_special_tokens=False)
        parts.append(TextPart(text, learned))
    return Sample(example.source, tuple(parts))


def sample_text(example: Example, reading: BaseReading, learn_prompts: bool) -> Sample:
    """The same without a tokenizer, as text."""
    segment = training_text(reading.format, example.conversation, reading.eos)[-1]
    parts = (TextPart(segment.prompt.text, learn_prompts), TextPart(segment.answer_text, True))
    return Sample(example.source, parts)


def _rows(
    examples: Sequence[Example],
    reading: BaseReading,
    tokenizer: TrainingTokenizer,
    max_tokens: int,
    learn_prompts: bool = False,
) -> TokenRows:
    return token_rows(
        examples, reading.format, tokenizer, reading.eos, max_tokens=max_tokens, learn_prompts=learn_prompts
    )


def bins_of(lengths: Sequence[int]) -> Iterator[Bin]:
    """Each twice as wide as the one before, from the shortest row's to the longest's."""
    low, high = 1, _LOWEST_BIN
    while low <= max(lengths):
        rows = sum(low <= length <= high for length in lengths)
        if high >= min(lengths):
            yield Bin(low, high, rows)
        low, high = high + 1, high * 2
