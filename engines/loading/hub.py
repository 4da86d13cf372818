"""The files of a model on this machine: its own folder, or fetched from the hub into the hub's usual cache.

Knows: which files are wanted and which are never fetched, progress in bytes, checksums, and working offline.
Refuses to know: what is in the files beyond their hash, and how they are loaded.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import httpx
from huggingface_hub import constants, snapshot_download
from huggingface_hub.errors import LocalEntryNotFoundError
from huggingface_hub.file_download import DryRunFileInfo

from engines.loading.byte_progress import ByteProgress
from engines.loading.loaded import LoadWatch
from engines.loading.safety import may_run_its_own_code
from engines.on_disk import free_for_models
from errors import LoadError, Unreachable
from model_registry.own_sources import no_folder, wrong_source
from model_registry.reading.hub_errors import HubModel, endpoint, explain_hub, no_room_on_disk
from model_registry.spec import ModelSpec, is_commit

_TEXT_FILES = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)
_WEIGHTS = ("model*.safetensors", "model.safetensors.index.json")
_PICKLES = ("pytorch_model*.bin", "pytorch_model.bin.index.json")
_ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
_CHUNK = 16 * 2**20


def is_local(spec: ModelSpec) -> bool:
    return Path(spec.local.source).is_absolute()


def files_of(spec: ModelSpec, watch: LoadWatch) -> Path:
    """The folder with the model's (or adapter's) files; downloads what is missing of a hub id."""
    folder = Path(spec.local.source) if is_local(spec) else _fetched(spec, watch)
    folder = _subfolder(folder, spec)
    wrong = wrong_source(folder, spec.adapter is not None) if is_local(spec) else None
    if wrong is not None:
        raise LoadError(wrong)
    return folder


def tokenizer_files_of(spec: ModelSpec, folder: Path, watch: LoadWatch) -> Path:
    """The folder with the tokenizer: the model's own `folder`, or what the entry names instead."""
    own = spec.local.tokenizer.source
    if own is None:
        return folder
    if not Path(own).is_absolute():
        return files_of(spec.with_local(source=own, revision=None), watch)
    wrong = no_folder(Path(own))
    if wrong is not None:
        raise LoadError(wrong)
    return Path(own)


def cached_files_of(spec: ModelSpec) -> Path | None:
    """The folder if it is complete on this machine; never touches the network."""
    if is_local(spec):
        folder = _subfolder(Path(spec.local.source), spec)
        return folder if folder.is_dir() else None
    try:
        return _subfolder(_snapshot(spec, _patterns(spec), local_files_only=True), spec)
    except (LocalEntryNotFoundError, OSError):
        return None


def description_of(spec: ModelSpec, watch: LoadWatch) -> Path:
    """The folder with everything but the weights: enough to know a model's network and tokenizer."""
    if is_local(spec):
        return files_of(spec, watch)
    try:
        return _download(spec, _TEXT_FILES, watch)
    except (httpx.HTTPError, OSError, ValueError) as error:
        failure = explain_hub(error, _wanted(spec))
    raise failure


def commit_of(folder: Path) -> str | None:
    """The commit a folder of the hub's cache belongs to; None for a folder of the user's own."""
    return next((part for part in reversed(folder.parts) if is_commit(part)), None)


def _wanted(spec: ModelSpec) -> HubModel:
    return HubModel(spec.title, spec.local.source, spec.local.revision)


def _fetched(spec: ModelSpec, watch: LoadWatch) -> Path:
    # Its Rust downloader can neither be cancelled nor be counted byte by byte.
    constants.HF_HUB_DISABLE_XET = True
    try:
        folder = _download(spec, _patterns(spec), watch)
        if spec.local.loading.allow_pickle and spec.adapter is None and not any(folder.glob("*.safetensors")):
            folder = _download(spec, (*_TEXT_FILES, *_PICKLES), watch)
        return folder
    except (httpx.HTTPError, OSError, ValueError) as error:
        failure = explain_hub(error, _wanted(spec))
    raise failure


def _download(spec: ModelSpec, patterns: Iterable[str], watch: LoadWatch) -> Path:
    try:
        plan = _plan(spec, patterns)
    except (httpx.HTTPError, OSError) as error:
        return _offline(spec, patterns, error)
    missing = [file for file in plan if file.will_download]
    total = sum(file.file_size or 0 for file in missing)
    if plan and all(Path(file.local_path).exists() for file in plan):
        pinned = spec.with_local(revision=plan[0].commit_hash)
        return _snapshot(pinned, patterns, local_files_only=True)
    _refuse_full_disk(spec, total)
    progress = ByteProgress(total, watch)
    folder = _snapshot(spec, patterns, tqdm_class=progress.bar)
    for file in missing:
        _verify(folder / file.filename, spec, watch)
    return folder


def _plan(spec: ModelSpec, patterns: Iterable[str]) -> list[DryRunFileInfo]:
    """What a download would fetch; also where the hub says that it has or gives no such model."""
    plan: Any = snapshot_download(**_what(spec, patterns), dry_run=True, tqdm_class=ByteProgress.silent)
    return list(plan)


def _snapshot(spec: ModelSpec, patterns: Iterable[str], **options: Any) -> Path:
    return Path(snapshot_download(**_what(spec, patterns), **options))


def _what(spec: ModelSpec, patterns: Iterable[str]) -> dict[str, Any]:
    return {
        "repo_id": spec.local.source,
        "revision": spec.local.revision,
        "allow_patterns": list(patterns),
        "endpoint": endpoint(),
        "cache_dir": os.environ.get("HF_HUB_CACHE") or constants.HF_HUB_CACHE,
    }


def _offline(spec: ModelSpec, patterns: Iterable[str], why: Exception) -> Path:
    """The hub does not answer, or not us: what was fetched before still serves, if it is complete."""
    try:
        return _snapshot(spec, patterns, local_files_only=True)
    except LocalEntryNotFoundError:
        failure = explain_hub(why, _wanted(spec))
    raise failure


def _patterns(spec: ModelSpec) -> tuple[str, ...]:
    if spec.adapter is not None:
        return tuple(f"{spec.adapter.subfolder}/{name}".lstrip("/") for name in _ADAPTER)
    code = ("*.py",) if may_run_its_own_code(spec) else ()
    return (*_TEXT_FILES, *_WEIGHTS, *_ADAPTER[:1], *code)


def _subfolder(folder: Path, spec: ModelSpec) -> Path:
    if spec.adapter is None or not spec.adapter.subfolder:
        return folder
    inner = folder / spec.adapter.subfolder
    if not inner.resolve().is_relative_to(folder.resolve()):
        raise LoadError("subfolder-leads-out", model=spec.title)
    return inner


def _refuse_full_disk(spec: ModelSpec, needed: int) -> None:
    free = free_for_models()
    if needed > free:
        raise no_room_on_disk(spec.title, needed, free)


def _verify(path: Path, spec: ModelSpec, watch: LoadWatch) -> None:
    """Compare a fetched file with the hash the hub names it by; a file that differs is deleted."""
    blob = path.resolve()
    expected = blob.name
    if len(expected) not in (40, 64) or set(expected) - set("0123456789abcdef"):
        return
    digest = hashlib.sha256() if len(expected) == 64 else hashlib.sha1(usedforsecurity=False)
    if len(expected) == 40:
        digest.update(f"blob {blob.stat().st_size}\0".encode())
    with blob.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            watch.report("download", 1.0, f"checking {path.name}")
    if digest.hexdigest() != expected:
        path.unlink()
        blob.unlink(missing_ok=True)
        raise Unreachable("download-damaged", file=path.name, model=spec.title)
