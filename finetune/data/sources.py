"""What a person names as data: a file or a hub dataset, and how much it counts in the mixture.

Knows: `file.jsonl*2`, and how a dataset's name is told from a file's.
Refuses to know: what is in the file.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from errors import BadRequest

AnyRow = TypeVar("AnyRow")

_MOST = 100.0
_WEIGHTED = re.compile(r"(.+)\*([0-9.]+)")
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")
_FILE_ENDINGS = (".jsonl", ".json", ".csv", ".tsv", ".txt", ".parquet", ".md")


@dataclass(frozen=True)
class Source:
    """One part of a mixture."""

    name: str
    """A file's name without its folder, or a dataset's id."""
    path: Path | None
    """None: a dataset of the hub."""
    weight: float = 1.0


def parse_sources(given: Sequence[str]) -> list[Source]:
    if not given:
        raise BadRequest("data-unnamed")
    sources = [_parse(text) for text in given]
    for at, source in enumerate(sources):
        if any(_same(source, earlier) for earlier in sources[:at]):
            raise BadRequest("data-named-twice", file=source.name)
    return sources


def weighted(rows: Sequence[AnyRow], weight: float, seed: str) -> list[AnyRow]:
    """Whole copies one after the other, then of what is left over a random share in the order of the rows."""
    copies, share = int(weight), weight - int(weight)
    count = round(share * len(rows))
    drawn = sorted(random.Random(seed).sample(range(len(rows)), count))
    return [*rows] * copies + [rows[at] for at in drawn]


def _parse(text: str) -> Source:
    match = None if Path(text).exists() else _WEIGHTED.fullmatch(text)
    named, weight = (match.group(1), _weight(match.group(2), text)) if match else (text, 1.0)
    path = Path(named).expanduser()
    if path.is_dir():
        raise BadRequest("data-is-folder", file=path.name or named)
    if path.is_file():
        return Source(path.name, path, weight)
    if path.exists():
        raise BadRequest("data-not-regular-file", file=path.name)
    if _HUB_ID.fullmatch(named) and not named.endswith(_FILE_ENDINGS) and not path.parent.is_dir():
        return Source(named, None, weight)
    raise BadRequest("data-file-missing", file=path.name)


def _weight(text: str, whole: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight <= _MOST:
        raise BadRequest("data-weight", whole=whole, most=_MOST, weight=text)
    return weight


def _same(one: Source, other: Source) -> bool:
    if one.path is None or other.path is None:
        return one.path is other.path and one.name == other.name
    return one.path.samefile(other.path)
