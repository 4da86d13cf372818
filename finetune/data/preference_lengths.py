"""How long prompts and answers of preference data are, and whether length alone tells the better answer.

Of a pair both answers count, of a question that the model answers itself only the prompt.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from finetune.data.base_reading import BaseReading
from finetune.data.lengths import Lengths, bins_of
from finetune.examples import LabeledAnswer, PreferencePair, PromptOnly
from finetune.preference.rows import labeled_rows, pair_rows
from finetune.tokens.rows import TrainingTokenizer
from prompts.encoding import encode
from prompts.rendering import render

JudgedRow = PreferencePair | LabeledAnswer | PromptOnly
_ENOUGH, _MARKED = 20, 0.6
"""So many pairs, and such a share of them on one side, make a bias that is worth saying."""


@dataclass(frozen=True)
class PartLengths:
    """Tokens of one part of all rows."""

    part: str
    """prompt, chosen, rejected, good, bad."""
    rows: int
    median: int
    mean: float
    longest: int


@dataclass(frozen=True)
class LengthBias:
    """In how many pairs one answer is longer; in tokens where a base is there, else in characters."""

    chosen_longer: int
    rejected_longer: int
    equal: int
    share: float
    """Of the pairs that differ in it, those whose better answer is the longer one."""
    is_marked: bool
    """Whether length alone would mostly tell the better answer."""


@dataclass(frozen=True)
class _Measured:
    """The tokens of a row, by part."""

    prompt: int
    answers: tuple[tuple[str, int], ...]

    @property
    def longest(self) -> int:
        return self.prompt + max((length for _, length in self.answers), default=0)


def preference_lengths(
    rows: Sequence[JudgedRow], reading: BaseReading, tokenizer: TrainingTokenizer, max_tokens: int
) -> tuple[Lengths | None, tuple[PartLengths, ...], LengthBias | None]:
    measured = list(_measured(rows, reading, tokenizer))
    if not measured:
        return None, (), None
    lengths = [row.longest for row in measured]
    answers = [length for row in measured for _, length in row.answers]
    prompts = sum(row.prompt * max(1, len(row.answers)) for row in measured)
    whole = Lengths(
        measured=len(rows),
        rows=len(measured),
        tokens=prompts + sum(answers),
        learned=sum(answers),
        shortest=min(lengths),
        median=round(statistics.median(lengths)),
        mean=statistics.fmean(lengths),
        longest=max(lengths),
        max_tokens=max_tokens,
        cut=sum(length > max_tokens for length in lengths),
        dropped=0,
        bins=tuple(bins_of(lengths)),
    )
    pairs = [dict(row.answers) for row in measured if len(row.answers) > 1]
    sides = [(pair["chosen"], pair["rejected"]) for pair in pairs]
    return whole, tuple(_parts(measured)), length_bias(sides)


def length_bias(sides: Sequence[tuple[int, int]]) -> LengthBias | None:
    """Of the lengths of a better and a worse answer each; None where there are no pairs."""
    if not sides:
        return None
    longer = sum(chosen > rejected for chosen, rejected in sides)
    shorter = sum(chosen < rejected for chosen, rejected in sides)
    share = longer / max(1, longer + shorter)
    marked = longer + shorter >= _ENOUGH and not 1 - _MARKED < share < _MARKED
    return LengthBias(longer, shorter, len(sides) - longer - shorter, share, marked)


def _measured(
    rows: Sequence[JudgedRow], reading: BaseReading, tokenizer: TrainingTokenizer
) -> Iterator[_Measured]:
    pairs = [row for row in rows if isinstance(row, PreferencePair)]
    whole = pair_rows(pairs, reading.format, tokenizer, reading.eos, max_tokens=sys.maxsize)
    for pair in whole.rows:
        answers = ("chosen", len(pair.chosen)), ("rejected", len(pair.rejected))
        yield _Measured(len(pair.prompt), answers)
    judged = [row for row in rows if isinstance(row, LabeledAnswer)]
    for one in labeled_rows(judged, reading.format, tokenizer, reading.eos, max_tokens=sys.maxsize).rows:
        yield _Measured(len(one.prompt), (("good" if one.good else "bad", len(one.answer)),))
    for row in rows:
        if isinstance(row, PromptOnly):
            ids = encode(render(reading.format, row.conversation, tokenizer), tokenizer)
            yield _Measured(len(ids), ())


def _parts(measured: Sequence[_Measured]) -> Iterator[PartLengths]:
    parts: dict[str, list[int]] = {"prompt": [row.prompt for row in measured]}
    for row in measured:
        for part, length in row.answers:
            parts.setdefault(part, []).append(length)
    for part, lengths in parts.items():
        median, mean = round(statistics.median(lengths)), statistics.fmean(lengths)
        yield PartLengths(part, len(lengths), median, mean, max(lengths))
