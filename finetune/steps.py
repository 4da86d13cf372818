"""How many steps a training makes of its data, and what is decided where nobody said it.

Knows: how much is enough to learn anything, learning rates by method, and how a rate rises and falls.
Refuses to know: torch, how rows become tokens, and how blocks are filled.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Generic

from errors.note import Note
from finetune.rl_settings import AnyRlSettings, RlSettings
from finetune.run_settings import AnySettings, RunSettings, Schedule
from finetune.sft_settings import SftSettings

ENOUGH = 60
"""The number of steps below which a model was seen to learn hardly anything."""
_BATCHES = (32, 16, 8, 4, 2, 1)
_MOST_EPOCHS = 20.0
_RATE_OF_FULL = 2e-5
_ANSWERS = 64
"""That one update of learning by rewards samples."""
_LONGEST_WARMUP = 0.25
"""The largest share of all steps that a warm-up counted in steps may take."""


@dataclass(frozen=True)
class Volume:
    """How much there is to learn."""

    rows: int
    tokens: int
    longest: int


@dataclass(frozen=True)
class StepPlan(Generic[AnySettings]):
    """What a training does, with every choice made."""

    settings: AnySettings
    """The settings asked for, with what was decided in place of None."""
    blocks: int
    block_tokens: int
    """How long packed blocks are; at most max_tokens."""
    decided: tuple[str, ...]
    """The names of the settings that nobody had said."""
    packed: bool

    @property
    def batch(self) -> int:
        return min(self.settings.batch or 1, self.blocks)

    @property
    def steps(self) -> int:
        an_epoch = math.ceil(self.blocks / self.batch)
        return self.settings.max_steps or math.ceil(an_epoch * (self.settings.epochs or 1))

    @property
    def warmup(self) -> int:
        return warmup_steps(self.settings.warmup, self.steps)

    @property
    def is_short(self) -> bool:
        return self.steps < ENOUGH and self.settings.max_steps is None

    @property
    def epochs(self) -> float:
        """How often all rows are learned, by the steps that are made."""
        if self.settings.max_steps is None:
            return self.settings.epochs or 1
        return self.steps * self.batch / self.blocks

    def facts(self) -> dict[str, Any]:
        return {
            "steps": self.steps,
            "enough": not self.is_short,
            "batch": self.batch,
            "epochs": round(self.epochs, 3),
            "learning_rate": self.settings.learning_rate,
            "warmup": self.warmup,
            "blocks": self.blocks,
            "block_tokens": self.block_tokens if self.packed else None,
            "decided": list(self.decided),
        }

    def sentences(self) -> Iterator[Note]:
        settings = self.settings
        yield Note(
            "note-steps-of-blocks" if self.packed else "note-steps-of-rows",
            steps=self.steps,
            blocks=self.blocks,
            tokens=self.block_tokens,
            batch=self.batch,
            epochs=round(self.epochs, 2),
            rate=settings.learning_rate,
            warmup=self.warmup,
        )
        yield from self.told_decided()
        if self.is_short:
            yield Note(
                "note-few-steps", steps=self.steps, enough=ENOUGH, epochs=settings.epochs, batch=self.batch
            )
        if settings.warmup >= 1 and self.warmup < settings.warmup:
            wanted = settings.warmup
            yield Note("note-warmup-shortened", wanted=wanted, steps=self.steps, warmup=self.warmup)

    def told_decided(self) -> Iterator[Note]:
        if self.decided:
            options = tuple("--" + name.replace("_", "-") for name in self.decided)
            yield Note("note-decided", options=options)


def plan_steps(
    volume: Volume, settings: AnySettings, *, packed: bool, processes: int = 1
) -> StepPlan[AnySettings]:
    """Where batch, epochs or rate are not said: small steps, then short blocks, then more epochs."""
    epochs = settings.epochs or settings.usual_epochs
    size = settings.max_tokens
    batches = [each for each in _BATCHES if each % processes == 0] or [processes]
    if settings.batch is not None:
        batches = [settings.batch]

    def plan(batch: int, size: int, epochs: float) -> StepPlan[AnySettings]:
        blocks = max(1, math.ceil(volume.tokens / size)) if packed else volume.rows
        return StepPlan(_said(settings, batch, epochs, processes), blocks, size, _decided(settings), packed)

    plans = (plan(batch, size, epochs) for batch in batches)
    found = next((made for made in plans if not made.is_short), plan(batches[-1], size, epochs))
    if packed and found.is_short and settings.batch is None:
        a_step = max(1, int(volume.tokens * epochs) // (ENOUGH * batches[-1]))
        size = min(settings.max_tokens, max(volume.longest, a_step, 2))
        found = plan(batches[-1], size, epochs)
    if found.is_short and settings.epochs is None:
        epochs = min(_MOST_EPOCHS, math.ceil(ENOUGH / math.ceil(found.blocks / found.batch)))
        found = plan(batches[-1], size, epochs)
    return found


def plan_updates(questions: int, settings: AnyRlSettings) -> StepPlan[AnyRlSettings]:
    """Of learning by rewards, whose rows are the answers that are sampled: a batch is large, for rewards
    differ by chance, and questions may be asked again, for their answers will be others."""
    rows = questions * settings.group
    batch = settings.batch or max(1, min(_ANSWERS, rows) // settings.group) * settings.group
    epochs = settings.epochs or min(_MOST_EPOCHS, max(1.0, math.ceil(ENOUGH * batch / rows)))
    said = _said(settings, batch, epochs, processes=1)
    return StepPlan(said, rows, settings.max_tokens, _decided(settings), packed=False)


def foreseen_steps(
    lengths: Mapping[str, Any], rows: int, settings: AnySettings, *, recurrent: bool
) -> StepPlan[AnySettings]:
    """About, before anything is packed. `lengths`: as finetune.data.lengths found them in some of `rows`."""
    share = rows / lengths["measured"] * (1 - (0 if settings.holdout_data else settings.holdout))
    whole = lengths["rows"] - (0 if settings.reads == "examples" else lengths["cut"])
    learned = max(1, round(whole * share))
    if isinstance(settings, RlSettings):
        updates: StepPlan[Any] = plan_updates(learned, settings)
        return updates
    mean = min(lengths["mean"], settings.max_tokens)
    volume = Volume(learned, round(learned * mean), min(lengths["longest"], settings.max_tokens))
    packed = isinstance(settings, SftSettings) and settings.batching == "packed" and not recurrent
    return plan_steps(volume, settings, packed=packed)


def warmup_steps(warmup: float, steps: int) -> int:
    """A share of all steps, or a number of them that leaves something to learn at full rate."""
    if warmup < 1:
        return math.ceil(warmup * steps)
    return int(warmup) if warmup <= steps * _LONGEST_WARMUP else steps // 10


def rate_at(step: int, warmup: int, steps: int, schedule: Schedule) -> float:
    """The share of the learning rate that step counts with, from 0 on; no step of a training learns at 0."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = min(1.0, (step - warmup) / max(1, steps - warmup))
    return {"linear": 1 - done, "cosine": (1 + math.cos(math.pi * done)) / 2, "constant": 1.0}[schedule]


def _said(settings: AnySettings, batch: int, epochs: float, processes: int) -> AnySettings:
    micro = settings.micro_batch
    if settings.batch is None:
        share = max(1, batch // processes)
        micro = max(size for size in range(1, min(micro, share) + 1) if share % size == 0)
    usual = _RATE_OF_FULL if settings.method == "full" else settings.usual_rate
    rate = settings.learning_rate or usual
    return replace(settings, batch=batch, micro_batch=micro, epochs=epochs, learning_rate=rate)


def _decided(settings: RunSettings) -> tuple[str, ...]:
    told = ("batch", "learning_rate") if settings.max_steps else ("batch", "epochs", "learning_rate")
    return tuple(name for name in told if getattr(settings, name) is None)
