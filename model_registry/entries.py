"""Reads the entries of one TOML file.

Knows: what such a file looks like, and how a source that is a folder becomes an absolute path.
Refuses to know: other files, prompt formats and bases; whatever is wrong becomes a fault, never an exception.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import ValidationError

from model_registry.faults import EntryFault, EntryLocation, near
from model_registry.names import HUB_ID
from model_registry.spec import LOCAL_KEYS, REMOTE_KEYS, ModelSpec
from old_keys import new_key, new_keys, with_new_keys

OLD_KEY = "old_key"
"""The kind of a fault that only says that a key has another name now."""
_HEADER = re.compile(r"[ \t]*\[\[[ \t]*model[ \t]*\]\]")


@dataclass(frozen=True)
class Entry:
    """A valid entry and where it stands."""

    spec: ModelSpec
    place: EntryLocation


class FileEntries(NamedTuple):
    """What was read from one file."""

    entries: list[Entry]
    faults: list[EntryFault]
    notes: list[EntryFault]
    """Keys under an old name; they leave no entry out."""


def read_entries(path: Path, instead: str | None = None) -> FileEntries:
    """The valid entries of a file (or of a text `instead` of it), and what is wrong with the others."""
    read = FileEntries([], [], [])
    for found in _read(path, instead):
        if isinstance(found, Entry):
            read.entries.append(found)
        else:
            (read.notes if found.kind == OLD_KEY else read.faults).append(found)
    return read


def entry_with_new_keys(table: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's table under the names that its keys have now."""
    renamed = with_new_keys(table)
    unsure = renamed.get("unsure")
    if isinstance(unsure, list):
        renamed["unsure"] = [new_key(name) if isinstance(name, str) else name for name in unsure]
    return renamed


def local_path(text: str, folder: Path) -> Path | None:
    """The absolute path that a text means beside a file in `folder`; None where it is not one."""
    begins = text.replace(os.sep, "/")
    if begins.startswith("~/"):
        return Path(os.path.normpath(Path(text).expanduser()))
    if begins.startswith(("./", "../")) or begins in (".", "..") or Path(text).is_absolute():
        return Path(os.path.normpath(folder.absolute() / text))
    return None


def _read(path: Path, instead: str | None) -> Iterator[Entry | EntryFault]:
    place = EntryLocation(path)
    try:
        if instead is None and not path.is_file():
            yield place.fault("", "is not a file" if path.exists() else "does not exist")
            return
        text = path.read_bytes().decode("utf-8-sig") if instead is None else instead
        tables = tomllib.loads(text)
    except OSError as error:
        yield place.fault("", f"cannot be read ({error.strerror or 'the system refused'})")
    except UnicodeDecodeError:
        yield place.fault("", "is not UTF-8 text; save it again as UTF-8", "not_utf8")
    except RecursionError:
        yield place.fault("", "is nested too deeply", "not_toml", reason="nested too deeply")
    except ValueError as error:
        # The parser names every line but the last, which it calls the end.
        end = f"at the end, line {text.count(chr(10)) + 1}"
        reason = str(error).replace("at end of document", end)
        yield place.fault("", f"is not valid TOML: {reason}", "not_toml", reason=reason)
    else:
        yield from _tables(tables, text, place)


def _tables(tables: dict[str, Any], text: str, place: EntryLocation) -> Iterator[Entry | EntryFault]:
    for key in tables.keys() - {"model"}:
        yield place.fault(key, f"is not known here{near(key, ['model'])}; every entry is a [[model]] table")
    raw = tables.get("model")
    if raw is None:
        if not tables:
            yield place.fault("", "holds no entry; every entry is a [[model]] table", "no_entry")
        return
    if not isinstance(raw, list) or not all(isinstance(table, dict) for table in raw):
        yield place.fault("model", "must be written as a [[model]] table")
        return
    headers = [number for number, line in enumerate(text.split("\n"), 1) if _HEADER.match(line)]
    for number, table in enumerate(raw):
        line = f" (line {headers[number]})" if len(headers) == len(raw) else ""
        yield from _entry(table, f"entry {number + 1}{line}", place.path)


def _entry(table: dict[str, Any], position: str, path: Path) -> Iterator[Entry | EntryFault]:
    name = table.get("id")
    place = EntryLocation(path, name if isinstance(name, str) and 0 < len(name) <= 80 else position)
    yield from (_old_key(key, place) for key in _old_keys(table))
    table = entry_with_new_keys(table)
    local, remote = (", ".join(sorted(table.keys() & keys)) for keys in (LOCAL_KEYS, REMOTE_KEYS))
    if local and remote:
        problem = f"has keys of local weights ({local}) and of a remote service ({remote}); take one kind out"
        yield place.fault("", problem, "mixture", local=local, remote=remote)
        return
    try:
        spec = ModelSpec.of_entry(table)
        yield Entry(_with_absolute_sources(spec, path.parent), place)
    except ValidationError as invalid:
        for error in invalid.errors():
            yield place.finding(error)
    except _BadSource as bad:
        yield place.fault(bad.key, bad.problem, "source")


def _old_keys(table: Mapping[str, Any], before: str = "") -> Iterator[str]:
    """The keys of a table and of those in it that stand under an old name, with dots between."""
    for key, value in table.items():
        if new_key(key) != key and new_key(key) not in table:
            yield before + key
        elif isinstance(value, Mapping):
            yield from _old_keys(value, f"{before}{key}.")


def _old_key(key: str, place: EntryLocation) -> EntryFault:
    new = ".".join(new_keys(key.split(".")))
    return place.fault(key, f"is called '{new}' now and counts as that", OLD_KEY, old=key, new=new)


class _BadSource(Exception):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key, self.problem = key, problem


def _with_absolute_sources(spec: ModelSpec, folder: Path) -> ModelSpec:
    if spec.remote:
        return spec
    spec = spec.with_local(source=_source(spec.local.source, "source", folder))
    tokenizer = spec.local.tokenizer
    if tokenizer.source is None:
        return spec
    source = _source(tokenizer.source, "tokenizer.source", folder)
    return spec.with_local(tokenizer=tokenizer.model_copy(update={"source": source}))


def _source(text: str, key: str, folder: Path) -> str:
    try:
        path = None if "\0" in text else local_path(text, folder)
    except RuntimeError:
        raise _BadSource(key, "begins with ~ but this account has no home folder") from None
    if path is not None:
        return str(path)
    if len(text) > 96 or not HUB_ID.fullmatch(text) or "--" in text or ".." in text:
        raise _BadSource(
            key, "must be a hub id like owner/name, or a folder that begins with ./, ../, ~/ or the root"
        )
    return text
