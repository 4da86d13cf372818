"""The head of a model card: license, languages and base model, as its makers wrote them.

It is a stranger's YAML, so it is parsed without any of YAML's objects, and of what comes out only short texts
and lists of them are taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from errors import Cause, LoadError
from model_registry.faults import printable
from model_registry.reading.files import SourceFiles

CARD = "README.md"
_MOST_BYTES = 256 * 2**10
"""Of a card only its beginning is read, whatever stands below."""
_LONGEST_TEXT, _MOST_TEXTS = 200, 12
_FENCE = "---"


@dataclass(frozen=True)
class CardFacts:
    """What a card says; empty where it says nothing."""

    license: str = ""
    license_address: str = ""
    languages: tuple[str, ...] = ()
    base_models: tuple[str, ...] = ()


def read_card(files: SourceFiles) -> CardFacts:
    head = _head(files.part(CARD, 0, min(files.sizes[CARD], _MOST_BYTES)) if files.sizes[CARD] else b"")
    try:
        found = yaml.safe_load(head)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise LoadError("reading-card-broken") from None
    if found is None:
        return CardFacts()
    if not isinstance(found, Mapping):
        raise LoadError("reading-card-broken")
    license = _text(found.get("license"))
    if license in ("", "other"):  # its name stands beside it then
        license = _text(found.get("license_name")) or license
    address = _text(found.get("license_link"))
    return CardFacts(
        license,
        address if address.startswith("https://") else "",
        _texts(found.get("language")),
        _texts(found.get("base_model")),
    )


def _head(card: bytes) -> str:
    """What stands between the two fences; nothing where there are none."""
    lines = card.decode("utf-8-sig", "replace").splitlines()
    if not lines or lines[0].strip() != _FENCE:
        return ""
    for number, line in enumerate(lines[1:], 1):
        if line.strip() == _FENCE:
            return "\n".join(lines[1:number])
    raise LoadError(
        Cause("reading-card-too-long", most=_MOST_BYTES)
        if len(card) >= _MOST_BYTES
        else Cause("reading-card-broken")
    )


def _text(value: Any) -> str:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return printable(value.strip())[:_LONGEST_TEXT] if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(filter(None, map(_text, values[:_MOST_TEXTS])))
