"""A finished training as an entry of the registry, so that everything that lists models lists it at once.

Knows: which facts a tuned model takes from its base, and a safe id that nobody has.
Refuses to know: how it was trained.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from errors import BadEntry
from finetune.base import Base
from model_registry.entries import local_path
from model_registry.names import plain_name
from model_registry.own_files import free_path, save_text
from model_registry.registry import Registry, load_registry
from model_registry.spec import CommercialUse, ModelSpec
from model_registry.writing import entry_toml

_KNOWN_DATA = {
    "nlpai-lab/kullm-v2": "apache-2.0",
    "kullm-v2.jsonl": "apache-2.0",
    "ko_alpaca_data.json": "CC BY-NC 4.0",
}
"""Licenses of published data, by the name of the file or dataset."""


_LONGEST = 72
"""How many letters an id may have, so that a number has room behind it."""
_KEPT = {"family", "architecture", "context_length", "generation", "stop_strings", "thinking"}
_LOADING = {"dtype", "quantizations", "default_quantization", "attention"}


@dataclass(frozen=True)
class TrainingResult:
    """What came of a run."""

    run: str
    folder: Path
    is_adapter: bool
    learned: int
    """How many parameters: an adapter's own, or all of a model's."""
    ends: tuple[int, ...]
    data: tuple[str, ...]
    """Names of the files or datasets."""
    notes: str
    task: Literal["answer", "reward"] = "answer"


def register(result: TrainingResult, base: Base, home: Path) -> str:
    """Write the entry to `home/models/` and return its id; a result that has an entry already keeps it."""
    models = home / "models"
    registry = load_registry(models)
    for spec in registry.models.values():
        if not spec.remote and spec.local.source == os.path.normpath(result.folder.absolute()):
            return spec.id
    if result.is_adapter and not base.registered:
        base = _with_entry(base, models, registry)
        registry = load_registry(models)
    model_id = free_id(result.run, registry)
    _write(entry_table(model_id, result, base, models), models)
    return model_id


def free_id(run: str, registry: Registry) -> str:
    """The run's name, with a number where a model has it already."""
    plain = plain_name(run, "tuned")[:_LONGEST].strip("-._")
    names = (plain, *(f"{plain}-{number}" for number in range(2, 100_000)))
    return next(name for name in names if name not in registry.models)


def entry_table(model_id: str, result: TrainingResult, base: Base, models: Path) -> dict[str, Any]:
    spec = base.spec
    kept = {key: value for key, value in spec.entry().items() if key in _KEPT}
    # What a base may do (run code, bring pickles) was allowed to its makers' files, not to these.
    loading = spec.local.loading.model_dump(mode="json", exclude_defaults=True, include=_LOADING)
    table: dict[str, Any] = {
        **kept,
        "id": model_id,
        "title": f"{result.run} ({spec.title})",
        "source": _source(result.folder, models),
        "parameters": result.learned,
        "license": _license(spec, result.data),
        **({"task": result.task} if result.task != "answer" else {}),
        "prompt_format": _format_name(base.format.id, load_registry(models)),
        "eos_token_ids": list(result.ends),
        "notes": result.notes,
        "loading": loading,
    }
    return {**table, "adapter": {"base": spec.id}} if result.is_adapter else table


def _format_name(format_id: str, registry: Registry) -> str:
    """A template file of a person's own is named by its path, which only the entry that brought it knows."""
    if not format_id.endswith(".json"):
        return format_id
    for model_id, spec in registry.models.items():
        if spec.prompt_format == format_id:
            file = registry.files[model_id]
            tables = tomllib.loads(file.read_text(encoding="utf-8-sig"))["model"]
            named = next(table["prompt_format"] for table in tables if table.get("id") == model_id)
            return str(local_path(named, file.parent) or file.parent / named)
    return format_id


def data_licenses(data: Sequence[str]) -> list[tuple[str, str]]:
    """(file or dataset, license), where a published one is recognized by its name."""
    return [(name, _KNOWN_DATA.get(name, "not known")) for name in data]


def _license(spec: ModelSpec, data: Sequence[str]) -> dict[str, Any]:
    """Never freer than the base's, nor than the data's, and unclear where one of them is not known."""
    held = {license for _, license in data_licenses(data)}
    commercial = spec.license.commercial
    if any("NC" in license for license in held):
        commercial = CommercialUse.NO
    elif "not known" in held and commercial is CommercialUse.YES:
        commercial = CommercialUse.UNCLEAR
    said = ", ".join(f"{name}: {license}" for name, license in data_licenses(data))
    return {
        **spec.license.model_dump(mode="json", exclude_defaults=True),
        "commercial": commercial.value,
        "note": f"The base's license. Licenses of the data it was tuned on: {said}.",
    }


def _source(folder: Path, models: Path) -> str:
    """Beside the entry where it can be, so that the home can be moved as a whole."""
    try:
        return f"../{folder.absolute().relative_to(models.absolute().parent).as_posix()}"
    except ValueError:
        return str(folder.absolute())


def _with_entry(base: Base, models: Path, registry: Registry) -> Base:
    """An adapter's base has to be an entry as well."""
    model_id = free_id(base.spec.id, registry)
    table = base.spec.entry()
    table |= {"id": model_id, "prompt_format": base.format.id, "improvised_format": True}
    _write(table, models)
    return Base(base.spec.model_copy(update={"id": model_id}), base.format, True, base.folder, base.notes)


def _write(table: dict[str, Any], models: Path) -> None:
    """Judged as it would be read before it is written: a broken entry would be listed as a fault."""
    path, text = free_path(models, table["id"]), entry_toml(table)
    after = load_registry(models, instead={path: text})
    if table["id"] not in after.models:
        wrong = next((fault.message for fault in after.faults if fault.path == path), "")
        raise BadEntry("entry-not-read-again", model=table["id"], wrong=wrong, file=path.name)
    save_text(path, text, None)
