"""What is done to a run from a page that draws it: a newer picture, a column stopped or asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from comparison.attempts import TurnAttempts, attempts_of
from comparison.presets import Preset
from comparison.turns import TurnPicture, conversation
from dashboard.errors import show_error
from dashboard.resources import Services
from dashboard.session.owner import owner_id
from dashboard.shared.answer_marks import Marking
from dashboard.shared.attempts import shown_turn
from dashboard.shared.column_actions import ColumnActions
from dashboard.texts import read_chosen
from errors import BadRequest, NaraniError
from history.records import MarkChange
from search.wish import EXTRACTIVE


def look_again(before: TurnPicture, services: Services) -> TurnPicture:
    found = conversation(services.runs, services.history, owner_id(), before.run_id, limit=1)
    return found[0] if found else before


def attempts_read(
    services: Services, next_turn: TurnPicture | None = None
) -> Callable[[TurnPicture], TurnAttempts]:
    def read(turn: TurnPicture) -> TurnAttempts:
        try:
            return attempts_of(services.history, owner_id(), turn, next_turn)
        except NaraniError:  # the history is out of reach: the newest is in memory, and a banner says so
            return TurnAttempts(turn, next_turn=next_turn)

    return read


def preset_of(services: Services) -> Callable[[TurnPicture], Preset | None]:
    """The preset under which these settings are what the models' sources recommend today; None where a model
    is listed no more."""

    def read(turn: TurnPicture) -> Preset | None:
        requests = [column.request for column in turn.columns]
        known = services.registry.models.keys() | {EXTRACTIVE}
        if not requests or not known >= {request.model_id for request in requests}:
            return None
        return services.asking.how_asked(requests).choice.preset

    return read


def stop_all(run_id: str, services: Services) -> None:
    run = services.runs.get(run_id, owner_id())
    if run is not None:
        run.stop_all()


def column_actions_of(
    turn: TurnPicture,
    services: Services,
    baseline: Callable[[int], None] | None = None,
    go_on: Callable[[int, int], None] | None = None,
) -> ColumnActions:
    def stop(position: int) -> None:
        run = services.runs.get(turn.run_id, owner_id())
        if run is not None:
            run.columns[position].live.ask_to_stop()

    def again(position: int) -> None:
        try:
            services.asking.ask_again(owner_id(), turn.run_id, position)
        except BadRequest:  # a click that came twice: it is being asked again already
            pass
        except NaraniError as error:
            show_error(error, read_chosen())

    return ColumnActions(stop, again, marking(turn, services), baseline, go_on)


def marking(turn: TurnPicture, services: Services) -> Marking:
    def mark(position: int, attempt: int, change: MarkChange) -> None:
        try:
            seen = shown_turn(attempts_read(services)(turn)).columns
            beside = tuple((column.position, column.attempt) for column in seen)
            services.asking.mark(owner_id(), turn.run_id, position, attempt, replace(change, beside=beside))
        except NaraniError as error:
            show_error(error, read_chosen())

    return Marking(mark, compares=sum(column.comparable for column in turn.columns) > 1)
