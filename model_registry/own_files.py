"""A person's own entries on disk: listed as they are written, saved whole or not at all, taken away.

Knows: their folder, safe names, and that a file changed by somebody else meanwhile is not overwritten.
Refuses to know: what makes an entry good, and how TOML is laid out.
"""

from __future__ import annotations

import hashlib
import os
import re
import threading
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from errors import BadRequest, Cause
from errors.system_reason import system_reason
from model_registry.entries import entry_with_new_keys
from model_registry.faults import EntryFault
from model_registry.names import NAME, is_device, spelled
from model_registry.own_sources import doubts_of
from model_registry.registry import Registry, own_paths
from whole_files import write_whole

_MOST_BYTES = 120
"""The longest name of a file: an encrypted home folder takes 143 bytes, and a number may follow."""
_saving = threading.Lock()


@dataclass(frozen=True)
class OwnEntry:
    """One [[model]] table as it is written, good or not."""

    path: Path
    number: int
    table: Mapping[str, Any]
    """Under the names that keys have now."""
    faults: tuple[EntryFault, ...] = ()
    doubts: Mapping[str, Cause] = field(default_factory=dict)
    """What keeps a good entry from being loaded as things lie on the disk now, by key."""
    notes: tuple[EntryFault, ...] = ()
    """Its keys that stand there under an old name."""

    @property
    def id(self) -> str:
        return spelled(str(self.table.get("id", "")))


@dataclass(frozen=True)
class OwnFile:
    path: Path
    text: str | None
    """None: it cannot be read as text."""
    entries: tuple[OwnEntry, ...]
    """Empty where the text is no TOML."""
    faults: tuple[EntryFault, ...]


def own_files(folder: Path, registry: Registry) -> list[OwnFile]:
    """Every file of the folder that is read for entries, in the order it is read."""
    return [_own_file(path, registry) for path in own_paths(folder)]


def _own_file(path: Path, registry: Registry) -> OwnFile:
    faults = tuple(fault for fault in registry.faults if fault.path == path)
    notes = tuple(note for note in registry.notes if note.path == path)
    text = read_text(path)
    try:
        tables = tomllib.loads(text or "").get("model")
    except (ValueError, RecursionError):
        tables = None
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        tables = []
    entries = (
        OwnEntry(
            path,
            number,
            entry_with_new_keys(table),
            faults_of(faults, number, table),
            doubts_of(table, path.parent),
            faults_of(notes, number, table),
        )
        for number, table in enumerate(tables)
    )
    return OwnFile(path, text, tuple(entries), faults)


def faults_of(
    faults: tuple[EntryFault, ...], number: int, table: Mapping[str, Any]
) -> tuple[EntryFault, ...]:
    """The faults of a file that are said of one entry, by its id or by its position."""
    position = re.compile(rf"entry {number + 1}( \(line \d+\))?")
    return tuple(f for f in faults if f.entry and (f.entry == table.get("id") or position.fullmatch(f.entry)))


def read_text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8-sig") if path.is_file() else None
    except (OSError, UnicodeDecodeError):
        return None


def file_name(model_id: str) -> str:
    """A name that is plain on every system; two different ids never share one."""
    fits = re.fullmatch(NAME, model_id) and len(model_id.encode()) <= _MOST_BYTES
    if fits and not is_device(model_id):
        return f"{model_id}.toml"
    plain = re.sub(r"[^a-z0-9]+", "-", model_id.lower()[:200])[:60].strip("-")
    digest = hashlib.sha256(model_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{plain or 'model'}-{digest[:12]}.toml"


def free_path(folder: Path, model_id: str) -> Path:
    """Where an entry of that id can be written without touching another file."""
    first = folder / file_name(model_id)
    others = (first.with_name(f"{first.stem}-{number}.toml") for number in range(2, 1000))
    return next((path for path in (first, *others) if not os.path.lexists(path)), first)


def save_text(path: Path, text: str, was: str | None) -> None:
    """Write the whole file or nothing of it. `was`: what it held when it was read; None: it is new."""
    try:
        with _saving:
            path.parent.mkdir(parents=True, exist_ok=True)
            if was is None:
                _claim(path)
            elif read_text(path) != was:
                raise _changed(path)
            try:
                write_whole(path, text)
            except BaseException:
                if was is None:
                    path.unlink()
                raise
    except UnicodeEncodeError:
        raise BadRequest("text-half-character") from None
    except OSError as error:
        raise BadRequest("entry-not-saved", reason=system_reason(error)) from None


def remove_file(path: Path, was: str) -> None:
    with _saving:
        if read_text(path) != was:
            raise _changed(path)
        try:
            path.unlink()
        except OSError as error:
            raise BadRequest("entry-not-removed", reason=system_reason(error)) from None


def _claim(path: Path) -> None:
    """Take a name that nobody has, before anything is put under it."""
    try:
        path.open("xb").close()
    except FileExistsError:
        raise _changed(path) from None


def _changed(path: Path) -> BadRequest:
    return BadRequest("entry-file-changed", file=path.name)
