"""The attempts at an answer that was asked again, apart from turns.py because only the newest is in memory:
those before it are read from the history, and only where there are any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from comparison.turns import ColumnPicture, TurnPicture, picture_of_answer

if TYPE_CHECKING:
    from history.history import History

Attempts = Mapping[int, Sequence[ColumnPicture]]
"""By position the attempts before the one of the turn, oldest first."""


def earlier_attempts(history: History, owner: str, turn: TurnPicture) -> Attempts:
    """Those of them that ended and are stored."""
    newest = {column.position: column.attempt for column in turn.columns}
    stored = history.get(owner, turn.run_id) if max(newest.values(), default=1) > 1 else None
    if stored is None:
        return {}
    found: dict[int, list[ColumnPicture]] = defaultdict(list)
    for answer in (*stored.earlier, *stored.answers):  # the newest may not be written down yet
        picture = picture_of_answer(stored.head.requests[answer.position], answer)
        if picture.ended and picture.attempt < newest.get(picture.position, 1):
            found[picture.position].append(picture)
    return found


def attempt_of(turn: TurnPicture, attempts: Attempts, position: int, attempt: int) -> ColumnPicture | None:
    """The one that is named; None where it is not there."""
    there = (*attempts.get(position, ()), *(each for each in turn.columns if each.position == position))
    return next((each for each in there if each.attempt == attempt), None)
