"""The attempts at an answer that was asked again, apart from turns.py because only the newest is in memory:
those before it are read from the history, and only where there are any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from comparison.going_on import gone_on_with
from comparison.turns import ColumnPicture, TurnPicture, picture_of_answer

if TYPE_CHECKING:
    from history.history import History


@dataclass(frozen=True)
class TurnAttempts:
    """A turn with the newest attempt in each column, and those before them."""

    turn: TurnPicture
    earlier: Mapping[int, Sequence[ColumnPicture]] = field(default_factory=dict)
    """By position, oldest first."""
    next_turn: TurnPicture | None = None
    """The question that was asked after it in the conversation, where it is known."""

    def newest(self, position: int) -> ColumnPicture:
        return next(column for column in self.turn.columns if column.position == position)

    def at(self, position: int) -> list[ColumnPicture]:
        """All of them, oldest first."""
        return [*self.earlier.get(position, ()), self.newest(position)]

    def named(self, position: int, attempt: int | None) -> ColumnPicture | None:
        return next((each for each in self.at(position) if each.attempt == attempt), None)

    def to_begin_with(self, position: int) -> ColumnPicture:
        """The one that the conversation went on with, else the newest."""
        newest = self.newest(position)
        told = self._told().get(newest.request.model_id)
        return next((each for each in reversed(self.at(position)) if each.text == told), newest)

    def is_everybodys(self, position: int) -> bool:
        """Whether all models that were asked next were shown this answer, one of several."""
        asked = self.next_turn.columns if self.next_turn is not None else ()
        several = len(self.turn.columns) > 1 and len(asked) > 1
        return several and list(self._told()) == [self.newest(position).request.model_id]

    def _told(self) -> Mapping[str, str]:
        return {} if self.next_turn is None else gone_on_with(self.turn, self.next_turn)


def attempts_of(
    history: History, owner: str, turn: TurnPicture, next_turn: TurnPicture | None = None
) -> TurnAttempts:
    """Those that ended and are stored."""
    newest = {column.position: column.attempt for column in turn.columns}
    stored = history.get(owner, turn.run_id) if max(newest.values(), default=1) > 1 else None
    found: dict[int, list[ColumnPicture]] = defaultdict(list)
    if stored is None:
        return TurnAttempts(turn, found, next_turn)
    for answer in (*stored.earlier, *stored.answers):  # the newest may not be written down yet
        picture = picture_of_answer(stored.head.requests[answer.position], answer)
        if picture.ended and picture.attempt < newest.get(picture.position, 1):
            found[picture.position].append(picture)
    return TurnAttempts(turn, found, next_turn)
