"""From a person's wish to a run that answers it from sources: search first, then ask like any other question.

What was found is frozen into each request, under `extras` for those who read it and as the question's input
for the models, so every model sees the same sources and asking again searches nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from comparison.asking import AskingService, Recommended, SentQuestion
from comparison.run import Run
from comparison.turns import ColumnPicture, TurnPicture
from errors import BadRequest
from history.records import THIS_MACHINE
from model_registry.spec import GenerationDefaults
from search.deciding import SearchMode
from search.prompt import sources_text, without_citations
from search.records import ROOM, Searched, searched_of
from search.searching import SearchService
from search.token_room import TokenRoom
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish

EARLIER_TURNS = 3
"""How many earlier questions a question is understood by."""

TurnsOf = Callable[[str, str, int], Sequence[TurnPicture]]
"""The last turns that lead to a run of an owner, oldest first."""


def with_extractive(recommended: Recommended) -> Recommended:
    """The extractive answer is drawn from no distribution, so any settings do."""
    return lambda model_id: GenerationDefaults() if model_id == EXTRACTIVE else recommended(model_id)


def told_without_sources(column: ColumnPicture) -> ColumnPicture:
    """An earlier answer as following questions show it: the numbers in it are those of other sources."""
    if searched_of(column.request.extras) is None:
        return column
    *before, asked = column.request.conversation.turns
    plain = replace(asked, input="", input_above=False)
    conversation = replace(column.request.conversation, turns=(*before, plain))
    return replace(
        column,
        request=replace(column.request, conversation=conversation),
        text=without_citations(column.text),
    )


class SearchAsking:
    """One a process; `asking` stores what it answers as it stores every answer."""

    def __init__(
        self,
        asking: AskingService,
        service: SearchService,
        room: TokenRoom,
        own_documents: Path,
        turns_of: TurnsOf = lambda owner, run_id, limit: (),
    ) -> None:
        self._asking, self._service, self._room, self._turns_of = asking, service, room, turns_of
        self._own_documents = own_documents

    def watch(self) -> SearchWatch:
        """For a search that begins now."""
        return SearchWatch(self._service.seconds)

    def check(self, owner: str, wish: SearchWish) -> None:
        """Refuse what cannot be asked at all, before anything is searched."""
        self._asking.check(_sent(wish))
        if wish.folder and owner != THIS_MACHINE and not self._is_for_all(wish.folder):
            raise BadRequest("search-folder-of-machine")
        self._service.check(wish)
        if any(not turn.ended for turn in self._turns(owner, wish, 1)):
            raise BadRequest("models-still-answering")

    def _is_for_all(self, folder: str) -> bool:
        """Searching shows what files hold, and the folders of this machine are not everybody's."""
        try:
            return Path(folder).resolve().is_relative_to(self._own_documents.resolve())
        except (OSError, RuntimeError, ValueError):  # a link to itself, a name that cannot be
            return False

    def search(
        self,
        owner: str,
        wish: SearchWish,
        watch: SearchWatch,
        seen: Callable[[Searched], None] = lambda searched: None,
    ) -> Searched:
        """`seen` is told what is known so far."""
        earlier = [turn.question for turn in self._turns(owner, wish, EARLIER_TURNS)]
        return self._service.search(wish, earlier, watch, seen)

    def ask(self, owner: str, wish: SearchWish, searched: Searched) -> Run | None:
        """None where nothing was found for a question that models were to answer from sources alone."""
        asks_models = set(wish.models) != {EXTRACTIVE}
        if searched.searched and not searched.sources and wish.mode != SearchMode.AUTO and asks_models:
            return None
        turns = self._turns(owner, wish, 1)
        sent = replace(_sent(wish), text=searched.question, extras={ROOM: searched.as_json()})
        if searched.sources:
            fits = self._room.fits(wish, turns)
            sent = replace(sent, input=sources_text(searched.sources, wish.question, fits))
        return self._asking.ask(owner, sent, turns)

    def _turns(self, owner: str, wish: SearchWish, limit: int) -> Sequence[TurnPicture]:
        return self._turns_of(owner, wish.previous, limit) if wish.previous else ()


def _sent(wish: SearchWish) -> SentQuestion:
    return SentQuestion(
        wish.question,
        "",
        wish.models,
        wish.how,
        goes_on=wish.previous is not None,
        lender=wish.lender,
        kind=ROOM,
        input_above=True,
    )
