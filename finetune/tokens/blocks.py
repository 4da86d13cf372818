"""Blocks of rows: what stands in one line of a batch.

Knows: best fit, how labels and positions keep the rows of a block apart, and how batches of like length stay
together in any order.
Refuses to know: tensors, padding, and how rows were made.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random

from errors import BadRequest
from finetune.examples import TokenRow
from finetune.sft_settings import Batching

NOT_LEARNED = -100
"""The label that torch's and TRL's losses leave out."""


@dataclass(frozen=True)
class Block:
    """One row, or (packed) several one after another."""

    rows: tuple[TokenRow, ...]

    def __len__(self) -> int:
        return sum(len(row.ids) for row in self.rows)

    @property
    def input_ids(self) -> list[int]:
        return [id for row in self.rows for id in row.ids]

    @property
    def labels(self) -> list[int]:
        """Never the first of a row: it would be predicted from the end of the row before."""
        return [
            id if learned and place else NOT_LEARNED
            for row in self.rows
            for place, (id, learned) in enumerate(zip(row.ids, row.learned, strict=True))
        ]

    @property
    def position_ids(self) -> list[int]:
        """From 0 in every row; by this alone attention tells one row from the next."""
        return [place for row in self.rows for place in range(len(row.ids))]

    @property
    def line(self) -> dict[str, list[int]]:
        """The block as one line of a batch."""
        return {"input_ids": self.input_ids, "labels": self.labels, "position_ids": self.position_ids}


def blocks(
    rows: Sequence[TokenRow], batching: Batching, max_tokens: int, seed: int, *, micro_batch: int = 1
) -> list[Block]:
    """All rows in the order of the first epoch; by-length, `micro_batch` neighbors are of like length."""
    for row in rows:
        if len(row.ids) > max_tokens:
            raise BadRequest("row-too-long", source=row.source, tokens=len(row.ids), most=max_tokens)
    draw = Random(seed)
    drawn = draw.sample(rows, len(rows))
    if batching == "packed":
        found = [Block(tuple(filled)) for filled in _best_fit(drawn, max_tokens)]
        return draw.sample(found, len(found))
    if batching == "by-length":
        drawn.sort(key=_length)
        drawn = [drawn[index] for index in shuffled(len(drawn), micro_batch, draw)]
    return [Block((row,)) for row in drawn]


def shuffled(count: int, group: int, draw: Random) -> list[int]:
    """The numbers below `count`, every `group` neighbors kept together. The last group, where it is smaller,
    stays last, so that the others still fill whole batches."""
    whole = count - count % group
    starts = list(range(0, whole, group))
    draw.shuffle(starts)
    return [start + step for start in starts for step in range(group)] + list(range(whole, count))


def _best_fit(rows: Iterable[TokenRow], size: int) -> list[list[TokenRow]]:
    """Longest first, each into the fullest block that still has room for it."""
    filled: list[list[TokenRow]] = []
    with_room: dict[int, list[list[TokenRow]]] = {}
    rooms: list[int] = []
    """The keys of `with_room` in order, so that the tightest is found without looking at every block."""
    for row in sorted(rows, key=_length, reverse=True):
        place = bisect_left(rooms, _length(row))
        if place < len(rooms):
            room = rooms[place]
            block = with_room[room].pop()
            if not with_room[room]:
                del with_room[room], rooms[place]
        else:
            room, block = size, []
            filled.append(block)
        block.append(row)
        left = room - _length(row)
        if left not in with_room:
            insort(rooms, left)
        with_room.setdefault(left, []).append(block)
    return filled


def _length(row: TokenRow) -> int:
    return len(row.ids)
