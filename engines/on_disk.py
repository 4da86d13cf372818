"""Whether a model's weights lie on this machine, told by looking at names only.

Knows: where the hub's cache keeps a revision, and which files hold weights.
Refuses to know: the network, torch, and what is in the files (loading checks them).

huggingface_hub's own functions for this take 0.2 s to import and read whole listings; the layout of its cache
is documented and stable, and only the place of the cache is asked of its constants.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from pathlib import Path

from errors import NaraniError
from model_registry.registry import Registry
from model_registry.spec import ModelSpec, is_commit

_TRUSTED_SECONDS = 5.0


class DiskLook:
    """Remembers for a few seconds what it saw: a page asks for every model each time it is drawn."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._lock = threading.Lock()
        self._seen: dict[str, tuple[float, bool]] = {}

    def has(self, model_id: str) -> bool:
        """The weights of the model and, where it is an adapter, those of its base."""
        now = time.monotonic()
        with self._lock:
            at, there = self._seen.get(model_id, (-_TRUSTED_SECONDS, False))
        if now - at < _TRUSTED_SECONDS:
            return there
        there = self._look(model_id)
        with self._lock:
            self._seen[model_id] = (now, there)
        return there

    def _look(self, model_id: str) -> bool:
        try:
            spec = self._registry.get(model_id)
            return on_disk(spec) and (spec.adapter is None or on_disk(self._registry.base_of(spec)))
        except NaraniError:
            return False


def on_disk(spec: ModelSpec) -> bool:
    """Whether every file of weights is there; an adapter's own only."""
    folder = Path(spec.local.source) if Path(spec.local.source).is_absolute() else _snapshot(spec)
    if folder is None:
        return False
    try:
        if spec.adapter is not None:
            return (folder / spec.adapter.subfolder / "adapter_model.safetensors").is_file()
        if _complete(folder, "model.safetensors"):
            return True
        return spec.local.loading.allow_pickle and _complete(folder, "pytorch_model.bin")
    except (OSError, ValueError):
        return False


def _complete(folder: Path, whole: str) -> bool:
    """One file, or all that its index names."""
    if (folder / whole).is_file():
        return True
    index = folder / f"{whole}.index.json"
    table = json.loads(index.read_text(encoding="utf-8")) if index.is_file() else {}
    match table:
        case {"weight_map": dict(places)} if places:
            return all(isinstance(name, str) and (folder / name).is_file() for name in places.values())
    return False


def hub_cache() -> Path:
    from huggingface_hub import constants

    return Path(os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE).expanduser().absolute()


def free_for_models() -> int:
    """Bytes free on the disk that the hub's cache lies on."""
    place = hub_cache()
    while not place.exists():
        place = place.parent
    return shutil.disk_usage(place).free


def hub_folder(spec: ModelSpec) -> Path:
    """Where the hub's cache keeps everything of this source."""
    return hub_cache() / f"models--{spec.local.source.replace('/', '--')}"


def _snapshot(spec: ModelSpec) -> Path | None:
    """The folder of the wanted revision in the hub's cache; a file appears there only once it is whole."""
    model = hub_folder(spec)
    commit = spec.local.revision
    if not is_commit(commit):
        try:
            commit = (model / "refs" / (spec.local.revision or "main")).read_text(encoding="utf-8").strip()
        except OSError:
            return None
    return model / "snapshots" / str(commit)
