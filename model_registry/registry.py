"""Which models exist: the families that ship, and a person's own entries beside them.

Knows: how entries of many files become one registry: unique ids, formats that exist, adapters with a base.
Refuses to know: how a single file is read, how a model is loaded, and which of them anybody has picked.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from errors import BadEntry, NaraniError, UnknownName
from model_registry.entries import Entry, local_path, read_entries
from model_registry.faults import EntryFault, EntryLocation, near
from model_registry.names import spelled
from model_registry.spec import ModelSpec
from prompts.catalog import PromptFormats, load_formats
from prompts.format import PromptFormat

FAMILIES = Path(__file__).parent / "families"


@dataclass(frozen=True)
class Registry:
    """Every model that can be asked for, and every entry that was left out."""

    models: Mapping[str, ModelSpec]
    faults: tuple[EntryFault, ...]
    formats: PromptFormats
    """The formats that ship, and the template files that entries name."""
    files: Mapping[str, Path]
    """The file of each model's entry."""
    notes: tuple[EntryFault, ...]
    """What entries say under an old name. They count all the same."""

    def get(self, model_id: str) -> ModelSpec:
        model_id = spelled(model_id)
        spec = self.models.get(model_id)
        if spec is not None:
            return spec
        for fault in self.faults:
            if spelled(fault.entry) == model_id:
                raise BadEntry("model-left-out", model=model_id, message=fault.message)
        raise UnknownName("model", model_id, self.models)

    @property
    def answerers(self) -> Mapping[str, ModelSpec]:
        """The models that can be asked a question."""
        return {id: spec for id, spec in self.models.items() if spec.task == "answer"}

    @property
    def reward_models(self) -> Mapping[str, ModelSpec]:
        """The models that score given answers."""
        return {id: spec for id, spec in self.models.items() if spec.task == "reward"}

    def format_of(self, spec: ModelSpec) -> PromptFormat:
        return self.formats.get(spec.prompt_format)

    def base_of(self, spec: ModelSpec) -> ModelSpec:
        """The model whose weights an adapter stands on; the model itself where it is none."""
        return spec if spec.adapter is None else self.get(spec.adapter.base)

    def origin(self, model_id: str) -> str:
        """The name of the file that the model's entry stands in."""
        return EntryLocation(self.files[self.get(model_id).id]).file


def load_registry(
    own_models: Path | None = None,
    more: Sequence[Path] = (),
    instead: Mapping[Path, str] = MappingProxyType({}),
) -> Registry:
    """The families that ship, then the `*.toml` of a person's own folder, then `more` files.

    `instead`: what files of the own folder would hold, to see what becomes of it before it is written."""
    own, faults = _own_files(own_models) if own_models else ([], [])
    own = sorted({*own, *instead}, key=lambda path: path.name)
    entries: list[Entry] = []
    notes: list[EntryFault] = []
    for path in _once([*sorted(FAMILIES.glob("*.toml")), *own, *more]):
        found = read_entries(path, instead.get(path))
        entries += found.entries
        faults += found.faults
        notes += found.notes
    entries, formats = _with_formats(entries, faults)
    entries = _with_bases(_with_unique_ids(entries, faults), faults)
    return Registry(
        models=MappingProxyType({entry.spec.id: entry.spec for entry in entries}),
        faults=tuple(faults),
        formats=formats,
        files=MappingProxyType({entry.spec.id: entry.place.path for entry in entries}),
        notes=tuple(notes),
    )


def own_paths(folder: Path) -> list[Path]:
    """The files of a person's folder that are read, in order; none where there is no such folder."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except FileNotFoundError:
        return []
    # Hidden files are what editors and file managers leave beside the real ones.
    return [folder / name for name in names if name.endswith(".toml") and not name.startswith(".")]


def _own_files(folder: Path) -> tuple[list[Path], list[EntryFault]]:
    try:
        return own_paths(folder), []
    except OSError as error:
        return [], [
            EntryLocation(folder).fault(
                "", f"cannot be listed ({error.strerror or 'the system refused'})", "no_folder"
            )
        ]


def _once(paths: Iterable[Path]) -> list[Path]:
    return list({os.path.realpath(path): path for path in paths}.values())


def _with_formats(entries: list[Entry], faults: list[EntryFault]) -> tuple[list[Entry], PromptFormats]:
    shipped = formats = load_formats()
    chosen = []
    for entry in entries:
        name = entry.spec.prompt_format
        if "/" in name or name.endswith(".json"):
            folder = entry.place.path.parent
            try:
                path = local_path(name, folder) or folder / name
                formats = formats.with_template(path)
            except (NaraniError, ValueError, RuntimeError) as error:
                reason = str(error).rstrip(".")
                problem = f"cannot be used: {reason}"
                faults.append(entry.place.fault("prompt_format", problem, "format_file", reason=reason))
                continue
            entry = Entry(entry.spec.model_copy(update={"prompt_format": path.name}), entry.place)
        elif name not in shipped:
            close = near(name, (format.id for format in shipped))
            problem = f"'{name}' does not exist{close}"
            faults.append(entry.place.fault("prompt_format", problem, "format_unknown", name=name))
            continue
        chosen.append(entry)
    return chosen, formats


def _with_unique_ids(entries: list[Entry], faults: list[EntryFault]) -> list[Entry]:
    first: dict[str, Entry] = {}
    for entry in entries:
        taken = first.setdefault(entry.spec.id, entry)
        if taken is not entry:
            where = "earlier in this file" if taken.place == entry.place else f"by {taken.place.file}"
            problem = f"is already taken {where}; choose another"
            faults.append(entry.place.fault("id", problem, "taken", file=taken.place.file))
    return list(first.values())


def _with_bases(entries: list[Entry], faults: list[EntryFault]) -> list[Entry]:
    by_id = {entry.spec.id: entry.spec for entry in entries}
    chosen = []
    for entry in entries:
        problem = _base_problem(entry.spec, by_id)
        if problem is None:
            chosen.append(entry)
        else:
            faults.append(entry.place.fault("adapter.base", problem, "base"))
    return chosen


def _base_problem(spec: ModelSpec, by_id: Mapping[str, ModelSpec]) -> str | None:
    trail = [spec.id]
    while spec.adapter is not None:
        base = spec.adapter.base
        if base in trail:
            return f"leads back to itself: {' → '.join([*trail, base])}"
        if base not in by_id:
            return f"there is no model '{base}'{near(base, by_id)}"
        trail.append(base)
        spec = by_id[base]
        if spec.remote:
            return f"'{base}' is a remote service, and an adapter needs weights that are here"
    if len(trail) > 2:
        return f"'{trail[1]}' is an adapter itself; name the model under it, '{trail[-1]}'"
    return None
