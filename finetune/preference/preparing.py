"""What a tuning on preferences has before its first step: base, adapters, its rows as ids, and what is asked.

Everything but what a row is: pairs and judged answers are read and made into ids by their own kind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from errors import BadRequest
from finetune.base import Base, base_for, learned_end
from finetune.data.holding_out import first_question
from finetune.examples import Example, LabeledAnswer, PreferencePair
from finetune.preference.rows import LabeledRows, PairRows
from finetune.steps import StepPlan, Volume, plan_steps
from finetune.targets import lora_targets
from finetune.trainable import Trainable, count
from finetune.training.adapters import REFERENCE, read_adapter
from finetune.training.course import Course
from finetune.training.learner import Learner, add_tokens, load_base, set_learning
from finetune.training.preparing import DividedRows, base_name
from model_registry.registry import load_registry

ASKED = 32
"""Held-out questions that are answered before and after."""


@dataclass(frozen=True, eq=False)
class PreparedPreferences:
    base: Base
    divided: DividedRows[Any]
    learner: Learner
    learned: Sequence[Any]
    """Rows of ids in the order of the first epoch; the held-out ones are ids, too."""
    held_out: Sequence[Any]
    plan: StepPlan[Any]
    end: str
    """The end token that is learned."""
    targets: tuple[str, ...]
    trainable: Trainable
    notes: tuple[str, ...]
    """Decisions made for the person, one plain sentence each."""

    @property
    def end_id(self) -> int:
        return int(self.learner.loaded.tokenizer.backend_tokenizer.token_to_id(self.end))

    @property
    def ends(self) -> frozenset[int]:
        return self.learner.loaded.eos_token_ids | {self.end_id}

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

    @property
    def counts(self) -> dict[str, int]:
        return {"learned": len(self.learned), "held_out": len(self.held_out)}

    def facts(self) -> dict[str, Any]:
        """What the manifest tells."""
        tuned = self.base.tuned
        return {
            "base": {
                "id": self.base.spec.id,
                "name": base_name(self.base),
                "tuned": tuned.id if tuned else None,
                "revision": self.learner.loaded.revision,
                "format": self.base.format.id,
                "end": self.end,
            },
            "device": self.learner.loaded.device.type,
            "precision": str(self.learner.compute).removeprefix("torch."),
            **self.divided.files(),
            "rows": self.counts,
            "plan": self.plan.facts(),
            "trainable": asdict(self.trainable),
            "targets": list(self.targets),
            "notes": list(self.notes),
        }


MakeIds = Callable[..., PairRows | LabeledRows]
"""finetune.preference.rows.pair_rows or labeled_rows."""
SetFree = Callable[..., Learner]
"""finetune.training.learner.set_learning, or what takes the same for a network that scores."""


def prepare(
    course: Course[Any], rows: DividedRows[Any], make_ids: MakeIds, set_free: SetFree = set_learning
) -> PreparedPreferences:
    """Called by every process."""
    settings, wish = course.settings, course.wish
    base = base_for(settings.base_model, load_registry(course.home / "models"), settings.format, tuned=True)
    loaded, compute = load_base(base.spec, settings, course.device, wish)
    tokenizer = loaded.tokenizer
    added = add_tokens(loaded.model, tokenizer, base.format, settings.method, base.spec.title)
    end = learned_end(base, tokenizer)
    learned, held_out = (
        make_ids(some, base.format, tokenizer, end, max_tokens=settings.max_tokens, check=wish.check)
        for some in (rows.learned, rows.held_out)
    )
    if not learned.rows or not held_out.rows:
        raise BadRequest("preferences-none-left", max_tokens=settings.max_tokens, name="max_tokens")
    tuned = read_adapter(base.tuned, wish) if base.tuned else None
    targets = lora_targets(loaded.model, base.spec.local.architecture, settings.lora_targets)
    learner = set_free(loaded, compute, settings, targets, tuned)
    lengths = [len(row.prompt) + _longer(row) for row in learned.rows]
    volume = Volume(len(lengths), sum(lengths), max(lengths))
    plan = plan_steps(volume, settings, packed=False, processes=course.group.size)
    notes = (*base.notes, *rows.notes, *loaded.notes, *added, *_told(base, (learned, held_out), learner))
    return PreparedPreferences(
        base=base,
        divided=rows,
        learner=learner,
        learned=Random(settings.seed).sample(learned.rows, len(learned.rows)),
        held_out=held_out.rows,
        plan=plan,
        end=end,
        targets=targets
        if tuned is None
        else tuple(sorted(learner.network.peft_config["default"].target_modules)),
        trainable=count(learner.network),
        notes=(*notes, *plan.sentences()),
    )


def _longer(row: Any) -> int:
    return max(len(row.chosen), len(row.rejected)) if hasattr(row, "chosen") else len(row.answer)


def _told(base: Base, made: Sequence[PairRows | LabeledRows], learner: Learner) -> Iterator[str]:
    if base.tuned is not None:
        config = learner.network.peft_config["default"]
        held = " and is what it is held against" if REFERENCE in learner.network.peft_config else ""
        yield (
            f"{base.title} goes on learning{held}; its LoRA layers keep their rank ({config.r}) and their "
            "places."
        )
    if long := sum(len(rows.too_long) for rows in made):
        yield f"{long} rows are longer than max_tokens and left out: a cut answer would say something else."
    if equal := sum(len(rows.equal) for rows in made if isinstance(rows, PairRows)):
        yield f"{equal} pairs have the same answer twice and are left out."
