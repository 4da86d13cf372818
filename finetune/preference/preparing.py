"""What a tuning on preferences has before its first step: base, adapters, its rows as ids, and what is asked.

Everything but what a row is: pairs and judged answers are read and made into ids by their own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from errors import BadRequest
from errors.note import Note
from finetune.data.holding_out import first_question
from finetune.examples import Example, LabeledAnswer, PreferencePair
from finetune.preference.rows import LabeledRows, PairRows
from finetune.steps import Volume, plan_steps
from finetune.trainable import count
from finetune.training.course import Course
from finetune.training.learner import set_learning
from finetune.training.prepared_adapter import PreparedAdapter, SetFree, start_over
from finetune.training.preparing import DividedRows

ASKED = 32
"""Held-out questions that are answered before and after."""


class PreparedPreferences(PreparedAdapter):
    """Its rows are ids, the learned ones in the order of the first epoch."""

    @property
    def asked(self) -> tuple[Example, ...]:
        """Held-out questions, each once, with the answer that the data finds good."""
        found: dict[str, Example] = {}
        for row in self.divided.held_out:
            good = row.answer if isinstance(row, LabeledAnswer) and row.good else ""
            answer = row.chosen if isinstance(row, PreferencePair) else good
            if answer:
                found.setdefault(first_question(row), Example(row.conversation.answered(answer), row.source))
        return tuple(found.values())[:ASKED]


MakeIds = Callable[..., PairRows | LabeledRows]
"""finetune.preference.rows.pair_rows or labeled_rows."""


def prepare(
    course: Course[Any],
    rows: DividedRows[Any],
    make_ids: MakeIds,
    set_free: SetFree = set_learning,
    *,
    scores: bool = False,
) -> PreparedPreferences:
    """Called by every process. `scores`: what comes of it gives scores instead of answers."""
    settings, start = course.settings, start_over(course, scores=scores)
    format, tokenizer = start.base.format, start.loaded.tokenizer
    learned, held_out = (
        make_ids(some, format, tokenizer, start.end, max_tokens=settings.max_tokens, check=course.wish.check)
        for some in (rows.learned, rows.held_out)
    )
    if not learned.rows or not held_out.rows:
        raise BadRequest("preferences-none-left", max_tokens=settings.max_tokens, name="max_tokens")
    learner, targets = start.set_free(course, set_free)
    lengths = [len(row.prompt) + _longer(row) for row in learned.rows]
    volume = Volume(len(lengths), sum(lengths), max(lengths))
    plan = plan_steps(volume, settings, packed=False, processes=course.group.size)
    told = (*start.told_of(learner), *_left_out((learned, held_out)), *plan.sentences())
    return PreparedPreferences(
        base=start.base,
        divided=rows,
        learner=learner,
        learned=Random(settings.seed).sample(learned.rows, len(learned.rows)),
        held_out=held_out.rows,
        plan=plan,
        end=start.end,
        targets=targets,
        trainable=count(learner.network),
        notes=(*start.notes, *rows.notes, *told),
    )


def _longer(row: Any) -> int:
    return max(len(row.chosen), len(row.rejected)) if hasattr(row, "chosen") else len(row.answer)


def _left_out(made: Sequence[PairRows | LabeledRows]) -> Iterator[str]:
    if long := sum(len(rows.too_long) for rows in made):
        yield Note("note-rows-too-long", count=long)
    if equal := sum(len(rows.equal) for rows in made if isinstance(rows, PairRows)):
        yield Note("note-pairs-equal", count=equal)
