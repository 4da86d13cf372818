"""What is found out about data before anything is trained on it; plain values, for a terminal and for a page.

Knows: what is worth a person's eye, and how each of it is counted.
Refuses to know: how it is drawn, and how a base is found.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from errors import BadRequest
from finetune.data.base_reading import BaseReading, base_reading
from finetune.data.holding_out import first_question
from finetune.data.lengths import Lengths, Sample, TextPart, lengths_of, sample_of, sample_text
from finetune.data.preference_lengths import (
    JudgedRow,
    LengthBias,
    PartLengths,
    length_bias,
    preference_lengths,
)
from finetune.data.readers import READERS
from finetune.data.reading import DataFile, DataRows, Fault, use_of
from finetune.data.row_answers import (
    USES,
    answered,
    contradicted,
    duplicates,
    is_good,
    learned_answers,
    repeated_questions,
    texts,
)
from finetune.examples import AnyRow, Example, PreferencePair, PromptOnly, Use
from model_registry.registry import Registry
from prompts.encoding import ControlTokens
from prompts.rendering import render, training_text

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
    use: Use
    """What the rows are: examples, pairs, labeled answers or prompts."""
    files: tuple[DataFile, ...]
    rows: int
    """Rows after weighting."""
    answers: int
    """Answers in the rows that are learned, both of a pair."""
    good: int
    """How many of them were found good; of prompts, how many say what is expected."""
    questions: int
    """Different ones, as rows are held out by them."""
    duplicates: Found
    """Rows that stand there before, question and answer, beyond what a weight repeats."""
    repeated_questions: Found
    """Rows whose first question was asked before and is answered otherwise."""
    contradicted: Found
    """Pairs that stand there the other way round, and answers found good and bad."""
    held_out_too: Found
    """Rows whose question stands in the held-out data too; they are not learned."""
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
    parts: tuple[PartLengths, ...]
    """Of everything but examples, where `lengths` are known."""
    length_bias: LengthBias | None
    """Of pairs."""
    samples: tuple[Sample, ...]
    notes: tuple[str, ...]


def inspect(
    sources: Sequence[str],
    format_id: str | None,
    base: str | None,
    registry: Registry,
    *,
    use: Use | None = None,
    held_out: Sequence[str] = (),
    max_tokens: int = 1024,
    learn_prompts: bool = False,
    seed: int = 42,
) -> DataReport:
    """Everything that is found out about `sources`; bad rows are counted, unreadable files refused.

    `use`: what they are to be learned as; None: what they look like."""
    reading = base_reading(registry, format_id, base)
    read = READERS[use or use_of(sources)]
    rows = read(sources, skip_bad=True, seed=seed)
    kept = read(held_out, skip_bad=True, seed=seed).rows if held_out else ()
    return report_on(
        rows, reading, held_out=kept, max_tokens=max_tokens, learn_prompts=learn_prompts, seed=seed
    )


def report_on(
    found: DataRows[AnyRow],
    reading: BaseReading,
    *,
    held_out: Sequence[AnyRow] = (),
    max_tokens: int,
    learn_prompts: bool = False,
    seed: int = 42,
) -> DataReport:
    once = list(dict.fromkeys(found.rows))
    fitting, refused = _fitting(once, reading)
    kept = {first_question(row) for row in held_out}
    lengths, parts, bias = _lengths(_drawn(fitting, _MEASURED, seed), reading, max_tokens)
    markers, end_tokens, taught = _marks(once, reading)
    return DataReport(
        format_id=reading.format.id,
        base=reading.base,
        use=USES[type(once[0])],
        files=found.files,
        rows=len(found.rows),
        answers=sum(len(list(learned_answers(row))) for row in found.rows),
        good=sum(is_good(row) for row in found.rows),
        questions=len({first_question(row) for row in once}),
        duplicates=_found("", duplicates(once)),
        repeated_questions=_found("", repeated_questions(once)),
        contradicted=_found("", contradicted(once)),
        held_out_too=_found("", [row.source for row in once if first_question(row) in kept]),
        empty_answers=sum(file.empty_answers for file in found.files),
        bad=sum(file.bad for file in found.files),
        faults=found.faults,
        markers=markers,
        end_tokens=end_tokens,
        taught=taught,
        refused=refused,
        lengths=lengths,
        parts=parts,
        length_bias=bias,
        samples=tuple(_samples(fitting, reading, max_tokens, learn_prompts, seed)),
        notes=(*found.notes, *reading.notes),
    )


def _marks(rows: Sequence[AnyRow], reading: BaseReading) -> tuple[tuple[Found, ...], ...]:
    """Markers of the format, end tokens, and control tokens that answers teach."""
    own = set(reading.format.stop_strings)
    control: ControlTokens = reading.control_tokens
    return (
        _written(rows, own, texts),
        _written(rows, {*_END_TOKENS, *control.of_turns} - own, texts),
        _written(rows, control.in_answers, learned_answers),
    )


def _fitting(rows: Sequence[AnyRow], reading: BaseReading) -> tuple[list[AnyRow], Found]:
    fitting: list[AnyRow] = []
    refused: list[str] = []
    reason: BadRequest | None = None
    for row in rows:
        try:
            for _, one in answered(row):
                training_text(reading.format, one.conversation, reading.eos, reading.tokenizer)
            if isinstance(row, PromptOnly):
                render(reading.format, row.conversation, reading.tokenizer)
            fitting.append(row)
        except BadRequest as error:
            reason = reason or error
            refused.append(row.source)
    if not fitting and reason is not None:
        raise BadRequest(reason.cause, format=reading.format.id)
    return fitting, _found("" if reason is None else str(reason), refused)


def _lengths(
    rows: Sequence[AnyRow], reading: BaseReading, max_tokens: int
) -> tuple[Lengths | None, tuple[PartLengths, ...], LengthBias | None]:
    examples = [row for row in rows if isinstance(row, Example)]
    others: list[JudgedRow] = []
    for row in rows:
        if not isinstance(row, Example):
            others.append(row)
    if reading.tokenizer is None:
        pairs = [row for row in others if isinstance(row, PreferencePair)]
        return None, (), length_bias([(len(pair.chosen), len(pair.rejected)) for pair in pairs])
    if others:
        return preference_lengths(others, reading, reading.tokenizer, max_tokens)
    return lengths_of(examples, reading, reading.tokenizer, max_tokens), (), None


def _samples(
    rows: Sequence[AnyRow], reading: BaseReading, max_tokens: int, learn_prompts: bool, seed: int
) -> Iterator[Sample]:
    for row in _drawn(rows, _SAMPLES, seed):
        if isinstance(row, PromptOnly):
            prompt = render(reading.format, row.conversation, reading.tokenizer).text
            yield Sample(row.source, (TextPart(prompt, False),))
        for what, example in answered(row):
            if reading.tokenizer is None:
                sample = sample_text(example, reading, learn_prompts)
            else:
                sample = sample_of(example, reading, reading.tokenizer, max_tokens, learn_prompts)
            if sample.parts:
                yield _as_judged(sample, what)


def _as_judged(sample: Sample, what: str) -> Sample:
    """Of a worse answer only itself, unmarked: nobody wants it learned."""
    if what in ("rejected", "bad"):
        return Sample(sample.source, (replace(sample.parts[-1], learned=False),), what)
    return replace(sample, what=what)


def _drawn(rows: Sequence[AnyRow], count: int, seed: int) -> Sequence[AnyRow]:
    if len(rows) <= count:
        return rows
    return [rows[at] for at in sorted(random.Random(seed).sample(range(len(rows)), count))]


def _written(
    rows: Iterable[AnyRow], marks: Iterable[str], said: Callable[[AnyRow], Iterator[str]]
) -> tuple[Found, ...]:
    """In which rows each mark stands; one that begins with a newline also counts at a text's beginning."""
    wanted = sorted(set(marks), key=lambda mark: (-len(mark), mark))
    if not wanted:
        return ()
    pattern = re.compile("|".join(map(re.escape, wanted)))
    holders: dict[str, list[str]] = {}
    row: AnyRow
    for row in rows:
        text = "\n".join(("", *said(row)))
        for mark in sorted({mark.strip() for mark in pattern.findall(text)}):
            holders.setdefault(mark, []).append(row.source)
    most = Counter({mark: len(sources) for mark, sources in holders.items()})
    return tuple(_found(mark, holders[mark]) for mark, _ in most.most_common())


def _found(what: str, found: Iterable[str]) -> Found:
    sources = tuple(found)
    return Found(what, len(sources), sources[:_FIRST])
