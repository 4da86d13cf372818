"""What is meant by an adapter that is to be merged: a run, an entry of the registry, or a folder.

Knows: where each of them lies, and which base it belongs to.
Refuses to know: weights, and how they are merged.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from engines.loading.safety import check_settings, read_json
from errors import BadRequest, UnknownName
from finetune.base import base_for
from finetune.run_folder import RunFolder, as_named, list_runs
from model_registry.names import plain_name, spelled
from model_registry.registry import Registry, load_registry
from model_registry.spec import Adapter, ModelSpec
from prompts.format import PromptFormat


@dataclass(frozen=True)
class MergeSource:
    """An adapter, the base it stands on, and how both are spoken to."""

    adapter: ModelSpec
    base: ModelSpec
    format: PromptFormat


def merge_source(name: str, home: Path) -> MergeSource:
    """Raises a sentence where there is no such adapter, or nobody knows its base."""
    registry = load_registry(home / "models")
    runs = {run.name: run for run in list_runs(home)}
    if as_named(name) in runs:
        return _of_run(runs[as_named(name)], registry)
    if spelled(name) in registry.models:
        return _of_entry(registry.get(name), registry)
    folder = Path(name).expanduser()
    if folder.is_dir():
        return _of_folder(folder.absolute(), registry)
    adapters = [spec.id for spec in registry.answerers.values() if spec.adapter is not None]
    raise UnknownName("run or adapter", name, [*runs, *adapters])


def _of_run(run: RunFolder, registry: Registry) -> MergeSource:
    if not run.adapter.is_dir():
        status = run.status()
        without = "run-without-adapter-yet" if status else "run-without-adapter"
        code = "run-made-whole-model" if run.model.is_dir() else without
        raise BadRequest(code, run=run.name, state=status and status.state, name="adapter")
    for spec in registry.models.values():
        if spec.adapter is not None and spec.local.source == os.path.normpath(run.adapter.absolute()):
            return _of_entry(spec, registry)
    return _of_folder(run.adapter.absolute(), registry)


def _of_entry(spec: ModelSpec, registry: Registry) -> MergeSource:
    if spec.adapter is None:
        raise BadRequest("merge-whole-model", model=spec.title, name="adapter")
    if spec.task == "reward":
        raise BadRequest("merge-reward-model", model=spec.title, name="adapter")
    return MergeSource(spec, registry.base_of(spec), registry.format_of(spec))


def _of_folder(folder: Path, registry: Registry) -> MergeSource:
    """Its own config names the base; the format is the base's own."""
    if not (folder / "adapter_config.json").is_file():
        raise BadRequest("merge-no-adapter", folder=folder.name, name="adapter")
    name = read_json(folder, "adapter_config.json").get("base_model_name_or_path")
    if not isinstance(name, str) or not name:
        raise BadRequest("merge-base-unsaid", folder=folder.name, name="adapter")
    base = base_for(name, registry, format=None if _is_known(name, registry) else "plain")
    named = base.spec.model_copy(update={"id": plain_name(folder.name, "adapter"), "title": folder.name})
    spec = named.with_local(source=str(folder), revision=None, adapter=Adapter(base=base.spec.id))
    check_settings(folder, spec)
    return MergeSource(spec, base.spec, base.format)


def _is_known(name: str, registry: Registry) -> bool:
    """Whether the registry knows its format; for a proof any format serves where it does not."""
    folder = str(Path(name).absolute())
    return any(
        name == spec.id or (not spec.remote and spec.local.source in (name, folder))
        for spec in registry.models.values()
    )
