"""What every training has before its first step that learns an adapter over a base which stays as it is: the
base, where learning begins, and what the run's files tell of both. What is learned is each kind's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from engines.loading import LoadedModel
from errors import BadRequest
from errors.note import Note, note_facts
from finetune.base import Base, base_for, learned_end
from finetune.steps import StepPlan
from finetune.targets import lora_targets
from finetune.trainable import Trainable
from finetune.training.adapters import LEARNS, REFERENCE, StoredAdapter, read_adapter
from finetune.training.course import Course
from finetune.training.learner import Learner, add_tokens, load_base, set_learning
from finetune.training.preparing import DividedRows, base_name
from model_registry.registry import Registry, load_registry

SetFree = Callable[..., Learner]
"""finetune.training.learner.set_learning, or what takes the same for a network that scores."""


@dataclass(frozen=True, eq=False)
class AdapterStart:
    """A base in memory, of which nothing learns yet."""

    base: Base
    loaded: LoadedModel
    compute: torch.dtype
    end: str
    """The end token that is learned."""
    tuned: StoredAdapter | None
    notes: tuple[str, ...]

    def set_free(
        self, course: Course[Any], set_free: SetFree = set_learning
    ) -> tuple[Learner, tuple[str, ...]]:
        """The network that learns, and the names of the layers in which it does."""
        architecture, wanted = self.base.spec.local.architecture, course.settings.lora_targets
        targets = lora_targets(self.loaded.model, architecture, wanted)
        learner = set_free(self.loaded, self.compute, course.settings, targets, self.tuned)
        if self.tuned is not None:
            targets = tuple(sorted(learner.network.peft_config[LEARNS].target_modules))
        return learner, targets

    def told_of(self, learner: Learner) -> Iterator[Note]:
        if self.tuned is not None:
            config = learner.network.peft_config
            code = "note-goes-on-held" if REFERENCE in config else "note-goes-on"
            yield Note(code, model=self.base.title, rank=config[LEARNS].r)


def start_over(
    course: Course[Any], registry: Registry | None = None, *, scores: bool = False
) -> AdapterStart:
    """`scores`: what comes of it gives scores, so it may begin with a reward model."""
    settings, wish = course.settings, course.wish
    registry = registry or load_registry(course.home / "models")
    base = base_for(settings.base_model, registry, settings.format, tuned=True)
    if base.tuned is not None and base.tuned.task == "reward" and not scores:
        raise BadRequest(
            "tuned-is-reward-model", model=base.tuned.title, base=base.spec.id, name="base_model"
        )
    loaded, compute = load_base(base.spec, settings, course.device, wish)
    added = add_tokens(loaded.model, loaded.tokenizer, base.format, settings.method, base.spec.title)
    end = learned_end(base, loaded.tokenizer)
    tuned = read_adapter(base.tuned, wish) if base.tuned else None
    return AdapterStart(base, loaded, compute, end, tuned, (*base.notes, *loaded.notes, *added))


@dataclass(frozen=True, eq=False, kw_only=True)
class PreparedAdapter:
    """All of it, as far as kinds have it in common."""

    base: Base
    divided: DividedRows[Any]
    learner: Learner
    learned: Sequence[Any]
    """Rows as the kind learns them, and those that are held out."""
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
            "note_facts": note_facts(self.notes),
        }

    def report_facts(self, course: Course[Any], seen: Sequence[Note] = ()) -> dict[str, Any]:
        """What the report tells beside what was measured. `seen`: warnings of what came of it."""
        status, notes = course.status.status, [*self.notes, *seen]
        return {
            "kind": course.settings.kind,
            "run": course.run.name,
            "base": self.base.title,
            "base_id": (self.base.tuned or self.base.spec).id,
            "format": self.base.format.id,
            "method": course.settings.method,
            "steps": status.step,
            "epochs": status.epoch,
            "seconds": round(time.monotonic() - course.began, 1),
            "trainable": str(self.trainable),
            "rows": self.counts,
            **self.divided.files(),
            "notes": notes,
            "note_facts": note_facts(notes),
        }
