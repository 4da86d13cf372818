"""An entry as TOML text: a new one, and one that is changed or taken out where it stands.

Knows: how an entry is laid out, and that comments and other entries of a file stay as they are.
Refuses to know: whether an entry is good, and files on a disk.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, MutableMapping
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Integer, Trivia

from errors import BadRequest
from model_registry.spec import entry_keys
from old_keys import new_key

_FROM_HERE_GROUPED = 10_000
_TOKENS = re.compile(
    r"""\"{3}(?:\\.|[^\\])*?"{3,5}|'{3}.*?'{3,5}|"(?:\\.|[^"\\\n])*"|'[^'\n]*'|\#[^\n]*"""
    r"""|(?P<header>\[\[[ \t]*model[ \t]*\]\])|(?P<word>[A-Za-z0-9_-]+)""",
    re.DOTALL,
)
"""Strings and comments whole, so that no word in them is taken for a key."""


def entry_toml(table: Mapping[str, Any]) -> str:
    """A [[model]] table in the order of the spec, with inner tables on one line."""
    document = tomlkit.document()
    entry = tomlkit.table()
    for key in sorted(table, key=_place):
        entry.append(key, _item(table[key]))
    models = tomlkit.aot()
    models.append(entry)
    document.append("model", models)
    return tomlkit.dumps(document)


def with_entry(text: str, number: int, table: Mapping[str, Any]) -> str:
    """The file's text with its entry `number` (from 0) made into `table`; the rest to the byte as it was."""
    wanted = _tables(text)
    wanted[number] = dict(table)
    document = _parsed(_with_new_keys(text, number))
    _change(document["model"][number], table)
    return _checked(tomlkit.dumps(document), wanted)


def without_entry(text: str, number: int) -> str | None:
    """The file's text without an entry; None where it held no other."""
    wanted = _tables(text)
    del wanted[number]
    if not wanted:
        return None
    document = _parsed(text)
    del document["model"][number]
    return _checked(tomlkit.dumps(document), wanted)


def _with_new_keys(text: str, number: int) -> str:
    """The text with the keys of one entry under their new names, where they stand."""
    at = -1

    def renamed(token: re.Match[str]) -> str:
        nonlocal at
        at += token["header"] is not None
        return new_key(token[0]) if token["word"] and at == number else token[0]

    return _TOKENS.sub(renamed, text)


def _tables(text: str) -> list[dict[str, Any]]:
    tables: list[dict[str, Any]] = tomllib.loads(text)["model"]
    return tables


def _parsed(text: str) -> Any:
    try:
        return tomlkit.parse(text)
    except TOMLKitError:
        raise _unchangeable() from None


def _checked(text: str, wanted: list[dict[str, Any]]) -> str:
    """A file is somebody's work: what does not read back as meant is not written."""
    try:
        found = tomllib.loads(text).get("model")
    except ValueError:
        found = None
    if _comparable(found) != _comparable(wanted):
        raise _unchangeable()
    return text


def _unchangeable() -> BadRequest:
    return BadRequest("entry-form-cannot-change")


def _comparable(tables: object) -> str:
    # As text, because nan is not equal to itself.
    return json.dumps(tables, sort_keys=True, default=str)


def _change(old: MutableMapping[str, Any], new: Mapping[str, Any]) -> None:
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        if key not in old:
            old[key] = _item(value)
        elif isinstance(value, dict) and isinstance(old[key], MutableMapping):
            _change(old[key], value)
        elif _comparable(value) != _comparable(old[key]):
            old[key] = _item(value)


def _item(value: Any) -> Any:
    if isinstance(value, dict):
        inline = tomlkit.inline_table()
        for key, inner in value.items():
            inline.append(key, _item(inner))
        return inline
    if isinstance(value, int) and not isinstance(value, bool) and value >= _FROM_HERE_GROUPED:
        return Integer(value, Trivia(), f"{value:_}")
    return tomlkit.item(value)


def _place(key: str) -> int:
    order = list(entry_keys())
    return order.index(key) if key in order else len(order)
