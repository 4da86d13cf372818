"""A run's folder taken for this process: made, or found again to go on, and nobody else's meanwhile.

Knows: how a run is called, when a name is taken, and which settings may change when a run goes on.
Refuses to know: what happens in the run.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from errors import BadRequest
from file_lock import HeldLock, try_lock
from finetune.distributed.process_group import ProcessGroup
from finetune.kinds import kind_of, recorded
from finetune.run_folder import LOCK, RunFolder, TrainingState, name_for, now, run_folder
from finetune.run_settings import AnySettings, RunSettings
from finetune.training.checkpoints import Checkpoints
from versions import commit, version_of

_LIBRARIES = ("torch", "transformers", "trl", "peft", "bitsandbytes", "accelerate", "datasets", "safetensors")


@contextmanager
def opened(settings: AnySettings, home: Path, group: ProcessGroup) -> Iterator[tuple[RunFolder, AnySettings]]:
    """The run's folder, and the settings with the run's name in them; nobody else has the run meanwhile."""
    with ExitStack() as held:
        settings = group.first_only(lambda: _taken(settings, home, group, held))
        assert settings.name is not None
        run = run_folder(home, settings.name)
        if not all(group.from_all(run.path.is_dir())):
            raise BadRequest("run-folder-not-shared", run=run.name)
        yield run, settings


def _taken(settings: AnySettings, home: Path, group: ProcessGroup, held: ExitStack) -> AnySettings:
    settings = replace(settings, name=name_for(settings, home))
    assert settings.name is not None
    run = run_folder(home, settings.name)
    run.path.mkdir(parents=True, exist_ok=True)
    held.enter_context(_held(run))
    if run.came_to_nothing and not settings.resume:
        run.forget()
    if run.exists:
        _refuse_mismatch(run, settings)
    group.begin(run.path)
    return settings


def begin_manifest(run: RunFolder, settings: RunSettings) -> dict[str, Any]:
    """What is known before anything is read; written at once, so that the run is seen."""
    held = run.read("manifest.json") or {}
    manifest = {
        "name": run.name,
        "started": held.get("started") or now(),
        **recorded(settings),
        "seed": settings.seed,
        "versions": {name: version_of(name) for name in _LIBRARIES} | {"python": platform.python_version()},
        "commit": commit(),
    }
    run.write("manifest.json", {**held, **manifest})
    return {**held, **manifest}


def _refuse_mismatch(run: RunFolder, settings: RunSettings) -> None:
    status = run.status()
    done = status is not None and status.state is TrainingState.DONE
    begun = bool(Checkpoints(run.checkpoints, 1).all())
    if done:
        raise BadRequest("run-finished", run=run.name, name="name")
    if begun and not settings.resume:
        raise BadRequest("run-begun", run=run.name, name="name")
    if begun:
        manifest = run.read("manifest.json") or {}
        changed = _changed(manifest, settings)
        if changed:
            raise BadRequest("run-other-settings", run=run.name, name=changed)


def _changed(manifest: Mapping[str, Any], settings: RunSettings) -> str | None:
    """The first setting that differs; as JSON, for that is how the old ones were kept."""
    if manifest and kind_of(manifest) != settings.kind:
        return "kind of training"
    before, wanted = manifest.get("settings", {}), json.loads(json.dumps(asdict(settings)))
    compared = (key for key in wanted if key not in settings.may_change(manifest))
    return next((key for key in compared if key in before and before[key] != wanted[key]), None)


def _held(run: RunFolder) -> HeldLock:
    held = try_lock(run.path / LOCK)
    if held is None:
        raise BadRequest("run-elsewhere", run=run.name, name="name")
    return held
