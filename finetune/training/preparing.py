"""Everything that has to be there before the first step: base, rows, tokens, and what is to be measured.

Knows: the order in which they are made, cheap refusals first.
Refuses to know: the loop, saving and how figures are told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, Protocol

import torch

from errors import BadRequest, Cause
from errors.note import Note, note_facts
from finetune.base import Base, base_for, learned_end
from finetune.data import DataRows, hold_out, without_questions
from finetune.distributed.process_group import ALONE, ProcessGroup
from finetune.examples import AnyRow, Example
from finetune.run_folder import RunFolder
from finetune.sft_settings import Batching, SftSettings
from finetune.stopping import StopWish
from finetune.targets import lora_targets
from finetune.tokens.blocks import Block, blocks
from finetune.tokens.rows import TokenRows, token_rows
from finetune.trainable import Trainable, count
from finetune.training.batches import TrainingBatches, training_batches
from finetune.training.learner import Learner, add_tokens, load_base, set_learning
from finetune.training.measuring import forgetting_rows
from finetune.training.packing_probe import batching_of
from model_registry.registry import load_registry
from model_registry.spec import Architecture

_ASKED, _ASKED_OF_LEARNED = 16, 8


@dataclass(frozen=True)
class DividedRows(Generic[AnyRow]):
    """The data, divided."""

    examples: DataRows[AnyRow]
    learned: tuple[AnyRow, ...]
    held_out: tuple[AnyRow, ...]
    given: DataRows[AnyRow] | None = None
    """What the held-out rows were read from, where they are no share of the data."""
    all_wished: bool = False
    """Whether all rows were to be learned, which nothing could be measured with."""

    @property
    def notes(self) -> tuple[str, ...]:
        return (*self.examples.notes, *self._told())

    def _told(self) -> Iterator[str]:
        if self.all_wished:
            yield Note("note-held-out-anyway", count=len(self.held_out))
        if self.given is None:
            return
        yield from self.given.notes
        if left_out := len(self.examples.rows) - len(self.learned):
            yield Note("note-in-held-out-data", count=left_out)

    def files(self) -> dict[str, list[dict[str, Any]]]:
        """What was read, with hashes."""
        read = {"data": self.examples.files, "holdout_data": self.given.files if self.given else ()}
        return {name: [asdict(file) for file in files] for name, files in read.items()}


@dataclass(frozen=True, eq=False)
class Prepared:
    base: Base
    rows: DividedRows[Example]
    learner: Learner
    batches: TrainingBatches
    held_out: tuple[Block, ...]
    forgetting: tuple[Block, ...]
    end: str
    """The end token that is learned."""
    trainable: Trainable
    targets: tuple[str, ...]
    unpacked: str | None
    """Why rows do not share blocks although it was asked for."""
    notes: tuple[str, ...]
    """Decisions made for the person, one plain sentence each."""

    @property
    def ends(self) -> frozenset[int]:
        learned = self.learner.loaded.tokenizer.backend_tokenizer.token_to_id(self.end)
        return self.learner.loaded.eos_token_ids | {learned}

    @property
    def asked(self) -> tuple[Example, ...]:
        return self.rows.held_out[:_ASKED]

    @property
    def asked_of_learned(self) -> tuple[Example, ...]:
        return self.rows.learned[:_ASKED_OF_LEARNED]

    def facts(self) -> dict[str, Any]:
        """What the manifest tells; where the base's files lie on this machine is not part of it."""
        return {
            "base": {
                "id": self.base.spec.id,
                "name": base_name(self.base),
                "revision": self.learner.loaded.revision,
                "format": self.base.format.id,
                "end": self.end,
            },
            "device": self.learner.loaded.device.type,
            "precision": str(self.learner.compute).removeprefix("torch."),
            **self.rows.files(),
            "rows": {"learned": len(self.rows.learned), "held_out": len(self.rows.held_out)},
            "batching": self.batches.batching,
            "unpacked": self.unpacked,
            "blocks": len(self.batches.blocks),
            "rows_a_step": self.batches.rows_a_step,
            "plan": self.batches.plan.facts(),
            "trainable": asdict(self.trainable),
            "targets": list(self.targets),
            "notes": list(self.notes),
            "note_facts": note_facts(self.notes),
        }


class DataSettings(Protocol):
    """What says which data is learned, and which is measured with."""

    @property
    def data(self) -> tuple[str, ...]: ...
    @property
    def holdout(self) -> float: ...
    @property
    def holdout_data(self) -> tuple[str, ...]: ...
    @property
    def skip_bad(self) -> bool: ...
    @property
    def seed(self) -> int: ...


def read_rows(settings: DataSettings, read: Callable[..., DataRows[AnyRow]]) -> DividedRows[AnyRow]:
    """`read`: of finetune.data, for the kind of rows that are learned."""
    examples = read(settings.data, skip_bad=settings.skip_bad, seed=settings.seed)
    if settings.holdout_data:
        given = read(settings.holdout_data, skip_bad=settings.skip_bad, seed=settings.seed)
        return DividedRows(examples, tuple(without_questions(examples.rows, given.rows)), given.rows, given)
    learned, held_out = hold_out(examples.rows, settings.holdout, settings.seed)
    return DividedRows(examples, tuple(learned), tuple(held_out), all_wished=not settings.holdout)


def refuse_other_data(run: RunFolder, rows: DividedRows[Any]) -> None:
    """A run that goes on must find the files that it began with."""
    manifest = run.read("manifest.json") or {}
    for kind, files in rows.files().items():
        before = {file["name"]: file["sha256"] for file in manifest.get(kind, [])}
        for file in files:
            if before and before.get(file["name"]) != file["sha256"]:
                raise BadRequest("run-other-file", file=file["name"], run=run.name)


@dataclass(frozen=True, eq=False)
class _Loaded:
    """All that does not depend on how rows are put together."""

    base: Base
    learner: Learner
    made: TokenRows
    held: TokenRows
    end: str
    targets: tuple[str, ...]
    added: tuple[str, ...]


def prepare(
    settings: SftSettings,
    rows: DividedRows[Example],
    home: Path,
    device: torch.device,
    wish: StopWish,
    group: ProcessGroup = ALONE,
    begun: Mapping[str, Any] | None = None,
) -> Prepared:
    """Called by every process. `begun`: the manifest of a run that goes on."""
    loaded = group.each(lambda: _load(settings, rows, home, device, wish, group))
    batching, unpacked = group.first_only(
        lambda: batching_of(loaded.learner, loaded.made.rows, settings, begun or {}, wish.check)
    )
    return group.each(lambda: _prepared(loaded, rows, settings, batching, unpacked, group.size))


def _load(
    settings: SftSettings,
    rows: DividedRows[Example],
    home: Path,
    device: torch.device,
    wish: StopWish,
    group: ProcessGroup,
) -> _Loaded:
    base = base_for(settings.base_model, load_registry(home / "models"), settings.format)
    if group.divided and base.spec.local.architecture is Architecture.RWKV:
        raise BadRequest("recurrent-not-divided", kind=group.kind, name="distributed")
    loaded, compute = load_base(base.spec, settings, device, wish)
    tokenizer = loaded.tokenizer
    added = add_tokens(loaded.model, tokenizer, base.format, settings.method, base.spec.title)
    end = learned_end(base, tokenizer)
    made = _tokens(rows.learned, settings, base, tokenizer, end, wish)
    held = _tokens(rows.held_out, settings, base, tokenizer, end, wish)
    targets = () if settings.method == "full" else _targets(loaded.model, base, settings)
    learner = set_learning(loaded, compute, settings, targets)
    return _Loaded(base, learner, made, held, end, targets, tuple(added))


def _prepared(
    loaded: _Loaded,
    rows: DividedRows[Example],
    settings: SftSettings,
    batching: Batching,
    unpacked: str | None,
    processes: int,
) -> Prepared:
    learner = loaded.learner
    batches = training_batches(loaded.made.rows, settings, batching, learner.pad_id, processes)
    added = (*loaded.added, *_told(unpacked))
    return Prepared(
        base=loaded.base,
        rows=rows,
        learner=learner,
        batches=batches,
        held_out=tuple(blocks(loaded.held.rows, batching, settings.max_tokens, settings.seed)),
        forgetting=tuple(Block((row,)) for row in forgetting_rows(learner.loaded.tokenizer)),
        end=loaded.end,
        trainable=count(learner.network),
        targets=loaded.targets,
        unpacked=unpacked,
        notes=tuple(_notes(loaded.base, rows, learner, batches, loaded.made, settings, added)),
    )


def base_name(base: Base) -> str:
    """As a card may show it: the hub's name, or a folder's without the way to it."""
    source = Path(base.spec.local.source)
    return source.name if source.is_absolute() else base.spec.local.source


def _tokens(
    examples: Sequence[Example],
    settings: SftSettings,
    base: Base,
    tokenizer: Any,
    end: str,
    wish: StopWish,
) -> TokenRows:
    return token_rows(
        examples,
        base.format,
        tokenizer,
        end,
        max_tokens=settings.max_tokens,
        learn_prompts=settings.learn_prompts,
        check=wish.check,
    )


def _told(unpacked: str | None) -> Iterator[str]:
    if unpacked:
        yield Note("note-not-packed", why=unpacked)


def _targets(network: Any, base: Base, settings: SftSettings) -> tuple[str, ...]:
    return lora_targets(network, base.spec.local.architecture, settings.lora_targets)


def _notes(
    base: Base,
    rows: DividedRows[Example],
    learner: Learner,
    batches: TrainingBatches,
    made: TokenRows,
    settings: SftSettings,
    added: Sequence[str],
) -> Iterator[str]:
    yield from base.notes
    yield from rows.notes
    yield from learner.notes
    yield from added
    if made.taught:
        taught = sorted(made.taught.items())
        tokens = [Cause("note-token-in-answers", token=mark, count=count) for mark, count in taught]
        yield Note("note-control-tokens", tokens=tokens)
    if made.cut:
        yield Note("note-rows-cut", count=made.cut, most=settings.max_tokens)
    if made.dropped:
        yield Note("note-answers-beyond", count=len(made.dropped), most=settings.max_tokens)
    yield from batches.plan.sentences()
