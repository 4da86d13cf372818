"""How long work takes the processor, apart because tests of many rooms refuse what takes quadratic time."""

from __future__ import annotations

import time
from collections.abc import Callable

_TRIES = 3


def least_seconds(work: Callable[[], object], enough: float) -> float:
    """Of up to three tries, until one takes less than `enough`: a busy machine makes one slow, none fast.
    What `work` finds in a cache the second time would prove nothing."""
    least = float("inf")
    for _ in range(_TRIES):
        begun = time.process_time()
        work()
        least = min(least, time.process_time() - begun)
        if least < enough:
            break
    return least
