"""The answers that a row of any kind holds, each as an example of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from finetune.data.holding_out import first_question
from finetune.examples import AnyRow, Example, LabeledAnswer, PreferencePair, PromptOnly, Use

USES: dict[type, Use] = {
    Example: "examples",
    PreferencePair: "pairs",
    LabeledAnswer: "labeled",
    PromptOnly: "prompts",
}


def answered(row: AnyRow) -> tuple[tuple[str, Example], ...]:
    """Each answer by what it is (chosen, rejected, good, bad; nothing in an example); none of a prompt."""
    match row:
        case Example():
            return (("", row),)
        case PreferencePair():
            return ("chosen", _example(row, row.chosen)), ("rejected", _example(row, row.rejected))
        case LabeledAnswer():
            return (("good" if row.good else "bad", _example(row, row.answer)),)
    return ()


def _example(row: PreferencePair | LabeledAnswer, answer: str) -> Example:
    earlier = frozenset(range(len(row.conversation.turns) - 1))
    return Example(row.conversation.answered(answer), row.source, earlier)


def texts(row: AnyRow) -> Iterator[str]:
    for conversation in [one.conversation for _, one in answered(row)] or [row.conversation]:
        yield conversation.system
        for turn in conversation.turns:
            yield from (turn.question, turn.input, turn.answer or "")


def learned_answers(row: AnyRow) -> Iterator[str]:
    for _, one in answered(row):
        turns = enumerate(one.conversation.turns)
        yield from (turn.answer or "" for place, turn in turns if place not in one.not_learned)


def is_good(row: AnyRow) -> bool:
    match row:
        case LabeledAnswer():
            return row.good
        case PromptOnly():
            return bool(row.expected)
    return True


def duplicates(rows: Iterable[AnyRow]) -> Iterator[str]:
    """The sources of rows that stand there before, word for word."""
    seen = set()
    for row in rows:
        said = replace(row, source="")
        if said in seen:
            yield row.source
        seen.add(said)


def repeated_questions(rows: Iterable[AnyRow]) -> Iterator[str]:
    """Of examples and prompts that ask what was asked before, and are answered otherwise."""
    first: dict[tuple[str, str], tuple[str | None, ...]] = {}
    for row in rows:
        if not isinstance(row, Example | PromptOnly):
            continue
        turns = row.conversation.turns
        answers = tuple(turn.answer for turn in turns)
        if isinstance(row, PromptOnly):
            answers = (row.expected,)
        if first.setdefault((first_question(row), turns[0].input), answers) != answers:
            yield row.source


def contradicted(rows: Iterable[AnyRow]) -> Iterator[str]:
    """Pairs that stand there before the other way round, and answers that were labeled otherwise before."""
    seen = set()
    for row in rows:
        match row:
            case PreferencePair():
                said, other = (row.chosen, row.rejected), (row.rejected, row.chosen)
            case LabeledAnswer():
                said, other = (row.answer, str(row.good)), (row.answer, str(not row.good))
            case _:
                return
        if (row.conversation, other) in seen:
            yield row.source
        seen.add((row.conversation, said))
