"""In which order blocks are learned.

Knows: orders that depend on seed and epoch alone, and that batches of like length stay together.
Refuses to know: what a block holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random


def shuffled(count: int, group: int, draw: Random) -> list[int]:
    """The numbers below `count`, every `group` neighbors kept together. The last group, where it is smaller,
    stays last, so that the others still fill whole batches."""
    whole = count - count % group
    starts = list(range(0, whole, group))
    draw.shuffle(starts)
    return [start + step for start in starts for step in range(group)] + list(range(whole, count))


class EpochOrder:
    """A sampler for torch's DataLoader: first the order that the blocks stand in, then a new one an epoch.

    `multiple`: an epoch is filled up to such a number with `count` itself, which stands for no block."""

    def __init__(self, count: int, seed: int, group: int = 1, multiple: int = 1) -> None:
        self._count, self._seed, self._group = count, seed, group
        self._filler = [count] * (-count % multiple)
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Trainer and accelerate, also when a training goes on in the middle."""
        self._epoch = epoch

    def __len__(self) -> int:
        return self._count + len(self._filler)

    def __iter__(self) -> Iterator[int]:
        if not self._epoch:
            return iter([*range(self._count), *self._filler])
        drawn = shuffled(self._count, self._group, Random(f"{self._seed}:{self._epoch}"))
        return iter([*drawn, *self._filler])
