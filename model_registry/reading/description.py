"""What was found out about a model from its own files, and what could not be and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from errors import Cause, wording
from model_registry.entry_values import values_of


@dataclass(frozen=True)
class FoundValue:
    """What one key of an entry should hold."""

    key: str
    """As a form names it: "license.name"."""
    value: Any
    """As it stands in the table of an entry."""
    where: str
    """The file that says so, or the listed model that is known to be like it."""


@dataclass(frozen=True)
class UnreadFile:
    """One reason, and the files it holds for; none: it holds for the model."""

    files: tuple[str, ...]
    why: Cause


@dataclass(frozen=True)
class Description:
    """Of one source, as it was when it was read."""

    source: str
    revision: str | None
    found: tuple[FoundValue, ...]
    facts: Mapping[str, str | int]
    """What no key holds and a person wants to know: bytes, dtype, languages, base, method, rank."""
    unread: tuple[UnreadFile, ...]

    @property
    def table(self) -> dict[str, Any]:
        """What was found, as an entry."""
        table: dict[str, Any] = {}
        for key, value in self._keys():
            outer, _, inner = key.rpartition(".")
            (table.setdefault(outer, {}) if outer else table)[inner] = value
        return table

    @property
    def typed(self) -> dict[str, tuple[object, str]]:
        """By key what a form shows for it, and where it was read."""
        values = values_of(self.table)
        return {each.key: (values[each.key], each.where) for each in self.found}

    def as_json(self, language: str) -> dict[str, Any]:
        return {
            "source": self.source,
            "revision": self.revision,
            "found": {each.key: {"value": each.value, "where": each.where} for each in self.found},
            "facts": dict(self.facts),
            "unread": [
                {"files": list(each.files), "why": wording(each.why, language)} for each in self.unread
            ],
        }

    def _keys(self) -> Iterator[tuple[str, Any]]:
        yield "source", self.source
        if self.revision:
            yield "revision", self.revision
        yield from ((each.key, each.value) for each in self.found)


@dataclass
class Findings:
    """A description being made: what is said first of a key counts."""

    found: dict[str, FoundValue] = field(default_factory=dict)
    facts: dict[str, str | int] = field(default_factory=dict)
    unread: dict[Cause, list[str]] = field(default_factory=dict)

    def add(self, where: str, **values: Any) -> None:
        """Two underscores in a name are the dot of an inner key; what is None or empty was not found."""
        for name, value in values.items():
            key = name.replace("__", ".")
            if value not in (None, "", []):
                self.found.setdefault(key, FoundValue(key, value, where))

    def value(self, key: str) -> Any:
        return self.found[key].value if key in self.found else None

    def miss(self, why: Cause, *files: str) -> None:
        self.unread.setdefault(why, []).extend(files)

    def description(self, source: str, revision: str | None) -> Description:
        unread = tuple(UnreadFile(tuple(files), why) for why, files in self.unread.items())
        return Description(source, revision, tuple(self.found.values()), self.facts, unread)
