"""The header of a safetensors file, checked against the file before any library maps it.

The format is a length, a JSON table of tensors, then their bytes without gap or overlap.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from errors import Cause, Unsafe

_LONGEST_HEADER = 100_000_000
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6, "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
FLOATS = ("F64", "F32", "F16", "BF16")


@dataclass(frozen=True)
class StoredTensor:
    """One tensor as a file declares it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    file: Path

    @property
    def values(self) -> int:
        return prod(self.shape)

    @property
    def bytes(self) -> int:
        return self.values * _BITS[self.dtype] // 8


def read_header(path: Path) -> list[StoredTensor]:
    """Every tensor the file declares; refused when the declaration does not fit the file exactly."""
    with path.open("rb") as file:
        return header_of(path, path.stat().st_size, lambda start, count: file.read(count))


def header_of(path: Path, size: int, part: Callable[[int, int], bytes]) -> list[StoredTensor]:
    """The same of a file that may lie elsewhere: `part` hands out so many bytes from a place on."""
    if size < 8:
        raise _damaged(path, Cause("header-too-short"))
    length = int.from_bytes(part(0, 8), "little")
    if length > min(_LONGEST_HEADER, size - 8):
        raise _damaged(path, Cause("header-too-long"))
    table = _parse(path, part(8, length))
    placed = [_place(path, name, entry) for name, entry in table.items() if name != "__metadata__"]
    placed.sort(key=lambda place: place[:2])
    _without_gaps(path, [(begin, end) for begin, end, _ in placed], size - 8 - length)
    return [tensor for _, _, tensor in placed]


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    try:
        table = json.loads(text, object_pairs_hook=_unique_keys)
    except (ValueError, RecursionError):
        raise _damaged(path, Cause("header-unreadable")) from None
    if not isinstance(table, dict) or not set(table) - {"__metadata__"}:
        raise _damaged(path, Cause("header-without-tensors"))
    return table


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table = dict(pairs)
    if len(table) != len(pairs):
        raise ValueError("a name occurs twice")
    return table


def _place(path: Path, name: str, entry: Any) -> tuple[int, int, StoredTensor]:
    """(begin, end, tensor) of one entry of the table."""
    match entry:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [int(begin), int(end)]}:
            pass
        case _:
            raise _damaged(path, Cause("header-entry-incomplete", tensor=name))
    if dtype not in _BITS or not all(type(side) is int and side >= 0 for side in shape):
        raise _damaged(path, Cause("header-entry-unknown", tensor=name))
    if begin < 0 or (end - begin) * 8 != prod(shape) * _BITS[dtype]:
        raise _damaged(path, Cause("header-entry-size", tensor=name))
    return begin, end, StoredTensor(name, dtype, tuple(shape), path)


def _without_gaps(path: Path, spans: list[tuple[int, int]], body: int) -> None:
    reached = 0
    for begin, end in spans:
        if begin != reached:
            raise _damaged(path, Cause("tensors-overlap"))
        reached = end
    if reached != body:
        raise _damaged(path, Cause("tensors-do-not-fill"))


def _damaged(path: Path, why: Cause) -> Unsafe:
    return Unsafe("weights-file-damaged", file=path.name, why=why)
