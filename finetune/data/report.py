"""What is found out about data before anything is trained on it; plain values, for a terminal and for a page.

Knows: what is worth a person's eye, and how each of it is counted.
Refuses to know: how it is drawn, and how a base is found.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from errors import BadRequest
from finetune.data.base_reading import BaseReading, base_reading
from finetune.data.holding_out import first_question
from finetune.data.lengths import Lengths, Sample, lengths_of, sample_of, sample_text
from finetune.data.readers import read_examples
from finetune.data.reading import DataFile, DataRows, Fault
from finetune.examples import Example
from model_registry.registry import Registry
from prompts.rendering import training_text

_FIRST = 5
_SAMPLES = 5
_MEASURED = 20_000
"""How many rows are turned into tokens; where there are more, so many are drawn."""
_END_TOKENS = (
    "<|endoftext|>",
    "</s>",
    "<s>",
    "<|im_start|>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|end_of_text|>",
    "<eos>",
    "<start_of_turn>",
    "<end_of_turn>",
    "[|endofturn|]",
)
"""The end tokens of models that are often tuned; those of a base's own tokenizer are looked for besides."""


@dataclass(frozen=True)
class Found:
    """Something that stands in some rows."""

    what: str
    rows: int
    first: tuple[str, ...]
    """Where the first few of them were read."""


@dataclass(frozen=True)
class DataReport:
    """All of it."""

    format_id: str
    base: str
    """Empty where none was named."""
    files: tuple[DataFile, ...]
    rows: int
    """Rows after weighting."""
    answers: int
    """Answers in the rows that are learned."""
    duplicates: Found
    """Rows that stand there before, question and answer, beyond what a weight repeats."""
    repeated_questions: Found
    """Rows whose first question was asked before and is answered otherwise."""
    empty_answers: int
    bad: int
    faults: tuple[Fault, ...]
    markers: tuple[Found, ...]
    """Text of a person that reads as the format's own marker: an answer ends there when it is asked."""
    end_tokens: tuple[Found, ...]
    """Control tokens written out by a person: they stay text, and are never learned as an end."""
    taught: tuple[Found, ...]
    """Control tokens in answers that are learned as such: they mark something inside an answer."""
    refused: Found
    """Rows that the format has no place for, by the reason of the first."""
    lengths: Lengths | None
    """None where the base or its tokenizer is not here; `notes` says why."""
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]


def inspect(
    sources: Sequence[str],
    format_id: str | None,
    base: str | None,
    registry: Registry,
    *,
    max_tokens: int = 1024,
    learn_prompts: bool = False,
    seed: int = 42,
) -> DataReport:
    """Everything that is found out about `sources`; bad rows are counted, unreadable files refused."""
    reading = base_reading(registry, format_id, base)
    examples = read_examples(sources, skip_bad=True, seed=seed)
    return report_on(examples, reading, max_tokens=max_tokens, learn_prompts=learn_prompts, seed=seed)


def report_on(
    examples: DataRows[Example],
    reading: BaseReading,
    *,
    max_tokens: int,
    learn_prompts: bool = False,
    seed: int = 42,
) -> DataReport:
    once = list(dict.fromkeys(examples.rows))
    fitting, refused = _fitting(once, reading)
    return DataReport(
        format_id=reading.format.id,
        base=reading.base,
        files=examples.files,
        rows=len(examples.rows),
        answers=sum(row.answers for row in examples.rows),
        duplicates=_duplicates(once),
        repeated_questions=_repeated(once),
        empty_answers=sum(file.empty_answers for file in examples.files),
        bad=sum(file.bad for file in examples.files),
        faults=examples.faults,
        markers=_written(once, reading.format.stop_strings),
        end_tokens=_written(
            once, {*_END_TOKENS, *reading.control_tokens.of_turns} - set(reading.format.stop_strings)
        ),
        taught=_written(once, reading.control_tokens.in_answers, _answers),
        refused=refused,
        lengths=_lengths(fitting, reading, max_tokens, seed),
        samples=_samples(fitting, reading, max_tokens, learn_prompts, seed),
        notes=(*examples.notes, *reading.notes),
    )


def _fitting(rows: Sequence[Example], reading: BaseReading) -> tuple[list[Example], Found]:
    fitting: list[Example] = []
    refused: list[str] = []
    reason: BadRequest | None = None
    for row in rows:
        try:
            training_text(reading.format, row.conversation, reading.eos, reading.tokenizer)
            fitting.append(row)
        except BadRequest as error:
            reason = reason or error
            refused.append(row.source)
    if not fitting and reason is not None:
        raise BadRequest(reason.cause, format=reading.format.id)
    return fitting, _found("" if reason is None else str(reason), refused)


def _lengths(rows: Sequence[Example], reading: BaseReading, max_tokens: int, seed: int) -> Lengths | None:
    if reading.tokenizer is None:
        return None
    return lengths_of(_drawn(rows, _MEASURED, seed), reading, reading.tokenizer, max_tokens)


def _samples(
    rows: Sequence[Example], reading: BaseReading, max_tokens: int, learn_prompts: bool, seed: int
) -> tuple[Sample, ...]:
    drawn = _drawn(rows, _SAMPLES, seed)
    tokenizer = reading.tokenizer
    if tokenizer is None:
        return tuple(sample_text(row, reading, learn_prompts) for row in drawn)
    made = (sample_of(row, reading, tokenizer, max_tokens, learn_prompts) for row in drawn)
    return tuple(sample for sample in made if sample.parts)


def _drawn(rows: Sequence[Example], count: int, seed: int) -> Sequence[Example]:
    if len(rows) <= count:
        return rows
    return [rows[at] for at in sorted(random.Random(seed).sample(range(len(rows)), count))]


def _duplicates(rows: Iterable[Example]) -> Found:
    seen = set()
    again = []
    for row in rows:
        learned = row.conversation, row.not_learned
        if learned in seen:
            again.append(row.source)
        seen.add(learned)
    return _found("", again)


def _repeated(rows: Iterable[Example]) -> Found:
    first: dict[tuple[str, str], tuple[str | None, ...]] = {}
    again = []
    for row in rows:
        turns = row.conversation.turns
        answers = tuple(turn.answer for turn in turns)
        if first.setdefault((first_question(row), turns[0].input), answers) != answers:
            again.append(row.source)
    return _found("", again)


def _written(
    rows: Iterable[Example], marks: Iterable[str], texts: Callable[[Example], Iterator[str]] | None = None
) -> tuple[Found, ...]:
    """In which rows each mark stands; one that begins with a newline also counts at a text's beginning."""
    wanted = sorted(set(marks), key=lambda mark: (-len(mark), mark))
    if not wanted:
        return ()
    pattern = re.compile("|".join(map(re.escape, wanted)))
    holders: dict[str, list[str]] = {}
    for row in rows:
        text = "\n".join(("", *(texts or _texts)(row)))
        for mark in sorted({mark.strip() for mark in pattern.findall(text)}):
            holders.setdefault(mark, []).append(row.source)
    most = Counter({mark: len(sources) for mark, sources in holders.items()})
    return tuple(_found(mark, holders[mark]) for mark, _ in most.most_common())


def _texts(row: Example) -> Iterator[str]:
    yield row.conversation.system
    for turn in row.conversation.turns:
        yield from (turn.question, turn.input, turn.answer or "")


def _answers(row: Example) -> Iterator[str]:
    turns = enumerate(row.conversation.turns)
    return (turn.answer or "" for place, turn in turns if place not in row.not_learned)


def _found(what: str, sources: Sequence[str]) -> Found:
    return Found(what, len(sources), tuple(sources[:_FIRST]))
