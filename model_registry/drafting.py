"""An entry that somebody is writing: what its file would hold, and what would be wrong with it.

Knows: that a draft is judged by reading the whole registry with the draft in it, as if it were saved.
Refuses to know: how values are typed, how TOML is laid out, and who writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from errors import BadRequest, Cause
from model_registry.entry_values import table_of
from model_registry.faults import EntryFault
from model_registry.own_files import (
    OwnEntry,
    OwnFile,
    faults_of,
    free_path,
    remove_file,
    save_text,
)
from model_registry.own_sources import doubts_of
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from model_registry.writing import entry_toml, with_entry, without_entry

_STAND_IN: Mapping[str, Any] = {
    "id": "0-stands-in-for-an-id",
    "title": "-",
    "source": "stands/in",
    "family": "-",
    "architecture": "other",
    "parameters": 10**14,
    "context_length": 1,
    "license": {"name": "-", "commercial": "unclear"},
    "prompt_format": "plain",
}


@dataclass(frozen=True)
class Draft:
    """What would be saved, judged."""

    path: Path
    text: str
    """The whole file."""
    was: str | None
    """What the file held when the draft was begun; None: there is no file yet."""
    toml: str
    """The entry alone."""
    spec: ModelSpec | None
    """As it would be loaded; None while something is wrong with it."""
    faults: tuple[EntryFault, ...]
    broken: tuple[EntryFault, ...]
    """What saving would do to other entries."""
    doubts: Mapping[str, Cause]
    """What keeps a good entry from being loaded as things lie on the disk now, by key."""
    notes: tuple[EntryFault, ...]
    """Keys of the entry that is changed which saving will rename."""

    def fault_at(self, key: str) -> EntryFault | None:
        return next((f for f in self.faults if f.key == key or f.key.startswith(f"{key}.")), None)

    @property
    def can_be_saved(self) -> bool:
        return self.spec is not None and not self.broken and self.text != self.was


@dataclass(frozen=True)
class _Seat:
    """Where a draft stands in the folder."""

    folder: Path
    path: Path
    number: int
    was: str | None

    def text(self, table: Mapping[str, Any]) -> str:
        return entry_toml(table) if self.was is None else with_entry(self.was, self.number, table)

    def judged(self, table: Mapping[str, Any]) -> tuple[Registry, tuple[EntryFault, ...]]:
        """The registry with this table in its seat, and what is wrong with the table."""
        after = load_registry(self.folder, instead={self.path: self.text(table)})
        of_file = tuple(fault for fault in after.faults if fault.path == self.path)
        return after, faults_of(of_file, self.number, table)


def draft(
    values: Mapping[str, object],
    folder: Path,
    registry: Registry,
    entry: OwnEntry | None = None,
    was: str | None = None,
) -> Draft:
    """`entry` and `was`: the own entry that is changed, and the text of its file when it was opened."""
    table = table_of(values, entry.table if entry else {})
    name = str(table.get("id", ""))
    if entry is None or was is None:
        seat = _Seat(folder, free_path(folder, name), 0, None)
    else:
        seat = _Seat(folder, entry.path, entry.number, was)
    after, faults = seat.judged(table)
    broken = tuple(fault for fault in after.faults if fault not in registry.faults and fault not in faults)
    faults += tuple(_taken_by(fault) for fault in broken if fault.kind == "taken")
    good = not faults and after.files.get(name) == seat.path
    return Draft(
        path=seat.path,
        text=seat.text(table),
        was=was,
        toml=entry_toml(table),
        spec=after.models[name] if good else None,
        faults=faults + (_further_faults(seat, table, faults) if faults else ()),
        broken=broken,
        doubts=doubts_of(table, seat.path.parent),
        notes=entry.notes if entry else (),
    )


def _further_faults(
    seat: _Seat, table: Mapping[str, Any], known: tuple[EntryFault, ...]
) -> tuple[EntryFault, ...]:
    """An entry with a bad value is read no further; with stand-ins for what is bad the rest can be judged."""
    further: tuple[EntryFault, ...] = ()
    new = known
    while new:
        bad = {fault.key.split(".")[0] for fault in known + further}
        stand_ins = {key: _STAND_IN[key] for key in bad if key in _STAND_IN}
        mended = {**stand_ins, **{key: value for key, value in table.items() if key not in bad}}
        _, faults = seat.judged(mended)
        new = tuple(fault for fault in faults if fault.key.split(".")[0] not in bad)
        further += new
    return further


def _taken_by(fault: EntryFault) -> EntryFault:
    """Of two files the first by name keeps an id, but the one that was there first is in the right."""
    problem = f"is already taken by {fault.file}; choose another"
    return replace(fault, key="id", problem=problem, facts={"file": fault.file})


def judge_text(text: str, path: Path, folder: Path) -> tuple[EntryFault, ...]:
    """What would be wrong with a file of the folder if it held this text."""
    after = load_registry(folder, instead={path: text})
    return tuple(fault for fault in after.faults if fault.path == path)


def write_entry(draft: Draft) -> Path:
    """Save a draft that is good; never over a file that is not the entry's own."""
    if not draft.can_be_saved:
        raise BadRequest("entry-not-complete")
    save_text(draft.path, draft.text, draft.was)
    return draft.path


@dataclass(frozen=True)
class Removed:
    """How to bring a removed entry back."""

    path: Path
    before: str
    after: str | None


def remove_entry(file: OwnFile, entry: OwnEntry) -> Removed:
    """Take an entry out of its file; a file that held no other goes too."""
    text = file.text or ""
    after = without_entry(text, entry.number)
    if after is None:
        remove_file(file.path, text)
    else:
        save_text(file.path, after, text)
    return Removed(file.path, text, after)


def bring_back(removed: Removed) -> None:
    """Undo `remove_entry`, unless the file became another one since."""
    save_text(removed.path, removed.before, removed.after)
