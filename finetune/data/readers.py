"""The four kinds of rows that data is read into, each by a function of its own under the same laws.

A file is read as any kind that its rows hold enough for: pairs are also answers found good or bad, and
whatever asks something holds questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from errors import BadEntry, Cause
from finetune.data.conversations import conversations_of
from finetune.data.preferences import labeled_of, pairs_of, prompts_of
from finetune.data.reading import DataRows, RowReader, read_rows
from finetune.data.shapes import DataShape
from finetune.examples import Example, LabeledAnswer, PreferencePair, PromptOnly, Use


def _examples_of(row: Mapping[str, object], shape: DataShape, told: Counter[Cause]) -> list[Example]:
    return [Example(one.conversation, "", one.not_learned) for one in conversations_of(row, shape, told)]


_EXAMPLES: RowReader[Example] = RowReader("examples", frozenset({"examples"}), _examples_of, "instance")
_PAIRS: RowReader[PreferencePair] = RowReader("pairs", frozenset({"pairs"}), pairs_of, "pair")
_LABELED: RowReader[LabeledAnswer] = RowReader(
    "labeled", frozenset({"labeled", "pairs"}), labeled_of, "answer"
)
_PROMPTS: RowReader[PromptOnly] = RowReader(
    "prompts", frozenset({"examples", "pairs", "labeled", "prompts"}), prompts_of, "instance"
)


def read_examples(sources: Sequence[str], *, skip_bad: bool = False, seed: int = 42) -> DataRows[Example]:
    """Questions with the answers that are learned."""
    return read_rows(sources, _EXAMPLES, skip_bad=skip_bad, seed=seed)


def read_pairs(sources: Sequence[str], *, skip_bad: bool = False, seed: int = 42) -> DataRows[PreferencePair]:
    """Two answers to a question, of which one was found better."""
    found = read_rows(sources, _PAIRS, skip_bad=skip_bad, seed=seed)
    if len(found.rows) == 1:
        raise BadEntry("pair-alone", source=found.rows[0].source)
    return found


def read_labeled(
    sources: Sequence[str], *, skip_bad: bool = False, seed: int = 42
) -> DataRows[LabeledAnswer]:
    """Answers that were found good or bad; of pairs both."""
    return read_rows(sources, _LABELED, skip_bad=skip_bad, seed=seed)


def read_prompts(sources: Sequence[str], *, skip_bad: bool = False, seed: int = 42) -> DataRows[PromptOnly]:
    """Questions for the model to answer, of rows of any kind."""
    return read_rows(sources, _PROMPTS, skip_bad=skip_bad, seed=seed)


READERS: dict[Use, Callable[..., DataRows[Any]]] = {
    "examples": read_examples,
    "pairs": read_pairs,
    "labeled": read_labeled,
    "prompts": read_prompts,
}
"""By what rows are to be learned as."""
