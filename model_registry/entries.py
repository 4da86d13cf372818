"""Reads the entries of one TOML file.

Knows: what such a file looks like, and how a source that is a folder becomes an absolute path.
Refuses to know: other files, prompt formats and bases; whatever is wrong becomes a fault, never an exception.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model_registry.faults import EntryFault, Place, near
from model_registry.spec import ModelSpec

_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*")
_HEADER = re.compile(r"[ \t]*\[\[[ \t]*model[ \t]*\]\]")


@dataclass(frozen=True)
class Entry:
    """A valid entry and where it stands."""

    spec: ModelSpec
    place: Place


def read_entries(path: Path, instead: str | None = None) -> tuple[list[Entry], list[EntryFault]]:
    """The valid entries of a file (or of a text `instead` of it), and what is wrong with the others."""
    entries: list[Entry] = []
    faults: list[EntryFault] = []
    for found in _read(path, instead):
        if isinstance(found, Entry):
            entries.append(found)
        else:
            faults.append(found)
    return entries, faults


def local_path(text: str, folder: Path) -> Path | None:
    """The absolute path that a text means beside a file in `folder`; None where it is not one."""
    begins = text.replace(os.sep, "/")
    if begins.startswith("~/"):
        return Path(os.path.normpath(Path(text).expanduser()))
    if begins.startswith(("./", "../")) or begins in (".", "..") or Path(text).is_absolute():
        return Path(os.path.normpath(folder.absolute() / text))
    return None


def _read(path: Path, instead: str | None) -> Iterator[Entry | EntryFault]:
    place = Place(path)
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


def _tables(tables: dict[str, Any], text: str, place: Place) -> Iterator[Entry | EntryFault]:
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
    place = Place(path, name if isinstance(name, str) and 0 < len(name) <= 80 else position)
    try:
        # Strict JSON rules: a list may become a tuple and text an enum, but never text a number.
        spec = ModelSpec.model_validate_json(json.dumps(table, default=_as_wrong_type))
        yield Entry(_with_absolute_sources(spec, path.parent), place)
    except ValidationError as invalid:
        for error in invalid.errors():
            yield place.finding(error, ModelSpec)
    except _BadSource as bad:
        yield place.fault(bad.key, bad.problem, "source")


class _BadSource(Exception):
    def __init__(self, key: str, problem: str) -> None:
        super().__init__(problem)
        self.key, self.problem = key, problem


def _with_absolute_sources(spec: ModelSpec, folder: Path) -> ModelSpec:
    spec = spec.model_copy(update={"source": _source(spec.source, "source", folder)})
    if spec.tokenizer.source is None:
        return spec
    source = _source(spec.tokenizer.source, "tokenizer.source", folder)
    return spec.model_copy(update={"tokenizer": spec.tokenizer.model_copy(update={"source": source})})


def _source(text: str, key: str, folder: Path) -> str:
    try:
        path = None if "\0" in text else local_path(text, folder)
    except RuntimeError:
        raise _BadSource(key, "begins with ~ but this account has no home folder") from None
    if path is not None:
        return str(path)
    if len(text) > 96 or not _HUB_ID.fullmatch(text) or "--" in text or ".." in text:
        raise _BadSource(
            key, "must be a hub id like owner/name, or a folder that begins with ./, ../, ~/ or the root"
        )
    return text


def _as_wrong_type(value: object) -> list[object]:
    # Dates and times are the only TOML values JSON has no word for, and no key takes a nested list.
    return [[]]
