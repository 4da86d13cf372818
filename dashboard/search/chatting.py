"""What the page of the search chat does between its widgets and the services.

A question goes out as a search of the process, named in the address; once that has asked, the run takes its
place there. What ended without anybody having been asked stands on the page with the ways to go on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise, zip_longest

import streamlit as st

from comparison.asking import HowToAnswer
from comparison.turns import TurnPicture, conversation, who_left
from dashboard.errors import show_error
from dashboard.resources import Services
from dashboard.search.live_view import ended_search, growing_search
from dashboard.search.recent import RecentConversation, conversations, recent_list
from dashboard.search.settings_form import SearchForm
from dashboard.session import search
from dashboard.session.owner import owner_id
from dashboard.shared.export import export_box
from dashboard.shared.formatting import zone
from dashboard.shared.model_choices import column_titles
from dashboard.shared.run_actions import attempts_read, column_actions_of, look_again, preset_of, stop_all
from dashboard.shared.turn import earlier_turn, turn_view
from dashboard.shared.typed_questions import example_buttons
from dashboard.texts import Texts, read_chosen
from errors import BadRequest, NaraniError
from history.records import HistoryFilter
from search.deciding import SearchMode
from search.live_search import LiveSearch, SearchView
from search.records import ROOM
from search.wish import EXTRACTIVE, SearchWish

_TURNS = 3
"""How many turns are drawn at once, as on the page that compares."""
_EXAMPLES = (
    "한라산의 높이는 얼마인가요?",
    "훈민정음은 언제 반포되었나요?",
    "김치는 어떻게 담그나요?",
)
"""Asked of the documents that ship, which are Korean."""
_MOST_RECENT = 60


def turns(services: Services) -> tuple[TurnPicture, ...]:
    run_id = search.run_id()
    if run_id is None:
        return ()
    return conversation(services.runs, services.history, owner_id(), run_id, search.shown_turns(_TURNS))


def follow(services: Services) -> SearchView | None:
    """The search in the address as it is now; one that has asked gives its place to the run."""
    live = _live(services)
    view = None if live is None else live.view()
    if view is not None and view.run_id is not None:
        search.open_run(view.run_id)
        return None
    return view


def send(
    question: str,
    form: SearchForm,
    turns: Sequence[TurnPicture],
    view: SearchView | None,
    services: Services,
) -> NaraniError | None:
    """Or why it cannot be asked; then it stays among the unsent."""
    try:
        if (view is not None and not view.ended) or (turns and not turns[-1].ended):
            raise BadRequest("models-still-answering")
        _start(_wish(question, form, turns), services)
    except NaraniError as error:
        search.TYPED.keep_unsent(question)
        return error
    if view is not None and view.wish.question != question:
        search.TYPED.keep_unsent(view.wish.question)
    search.TYPED.drop_unsent(question)
    return None


def _wish(question: str, form: SearchForm, turns: Sequence[TurnPicture]) -> SearchWish:
    extractive = (EXTRACTIVE,) if form.extractive else ()
    return SearchWish(
        question=question,
        models=(*extractive, *(search.MODELS.picked() or ())),
        how=HowToAnswer(form.choice, quantizations=search.MODELS.quantizations(), thinking=form.thinking),
        mode=form.mode,
        provider=form.provider,
        folder=form.folder,
        most_sources=form.most_sources,
        previous=turns[-1].run_id if turns else None,
    )


def _start(wish: SearchWish, services: Services) -> None:
    search.set_live_id(services.searches.start(owner_id(), wish).id)


def draw_turns(turns: Sequence[TurnPicture], goes_on: bool, services: Services, texts: Texts) -> None:
    """`goes_on`: a search for a following question stands below them."""
    titles = column_titles(services.registry.models, texts)
    *before, last = turns
    left = [(), *(who_left(earlier, later) for earlier, later in pairwise(turns))]
    if goes_on:
        before = [*before, last]
    for turn, later, gone in zip_longest(before, turns[1:], left[: len(before)]):
        earlier_turn(turn, titles, texts, gone, attempts_read(services, later), preset_of(services))
    if goes_on:
        return
    turn_view(
        last,
        titles,
        texts,
        left=left[-1],
        actions=column_actions_of(last, services),
        look=None if last.ended else partial(look_again, last, services),
        attempts=attempts_read(services),
        preset=preset_of(services),
    )
    if last.ended:
        export_box(last, services, texts, "search_export")
    else:
        st.button(
            texts.compare["stop_all"],
            key="search_stop_all",
            icon=":material/stop_circle:",
            on_click=stop_all,
            args=(last.run_id, services),
        )


def draw_search(view: SearchView, services: Services, texts: Texts) -> None:
    if not view.ended:
        growing_search(view, partial(_look, services), partial(_stop, services), texts)
        return
    wish = view.wish
    others = tuple(model for model in wish.models if model != EXTRACTIVE)
    plain = replace(wish, models=others, mode=SearchMode.NEVER)
    ended_search(
        view,
        again=partial(_again, wish, services),
        without=partial(_again, plain, services) if others else None,
        discard=partial(search.set_live_id, None),
        texts=texts,
    )


def draw_top(turns: Sequence[TurnPicture], services: Services, texts: Texts) -> None:
    words = texts.search
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            words["new"],
            key="search_new",
            icon=":material/add_comment:",
            type="tertiary",
            on_click=search.open_run,
            args=(None,),
        )
        opened = st.popover(
            words["recent"], icon=":material/forum:", type="tertiary", key="search_recent", on_change="rerun"
        )
        if opened.open:
            with opened:
                recent_list(_recent(services), zone(), texts)
        if turns and turns[0].earlier:
            st.button(
                words["earlier"].format(count=turns[0].earlier),
                key="search_earlier",
                icon=":material/expand_less:",
                type="tertiary",
                on_click=search.show_turns,
                args=(len(turns) + 10,),
            )


def say_how_to_begin(can_ask: bool, services: Services, texts: Texts) -> None:
    words = texts.search
    if search.run_id() is not None or search.live_id() is not None:
        st.info(words["gone"], icon=":material/search_off:")
    st.title(words["title"])
    st.caption(words["intro"])
    example_buttons(_EXAMPLES, search.TYPED, enabled=can_ask)
    recent = _recent(services)
    if recent:
        st.markdown(f"##### {words['recent']}")
        recent_list(recent, zone(), texts)


def pick_as_asked(turns: Sequence[TurnPicture], services: Services) -> None:
    """Before anybody picked: the models that the run in the address was asked of."""
    if turns and search.MODELS.picked() is None:
        asked = [column.request.model_id for turn in turns[-1:] for column in turn.columns]
        search.MODELS.set_picked([model for model in asked if model in services.registry.models])


def _recent(services: Services) -> list[RecentConversation]:
    return conversations(
        services.history.page(owner_id(), HistoryFilter(kind=ROOM, latest=True), size=_MOST_RECENT).runs
    )


def _live(services: Services) -> LiveSearch | None:
    live_id = search.live_id()
    return None if live_id is None else services.searches.get(live_id, owner_id())


def _look(services: Services) -> SearchView | None:
    live = _live(services)
    return None if live is None else live.view()


def _stop(services: Services) -> None:
    live = _live(services)
    if live is not None:
        live.stop()


def _again(wish: SearchWish, services: Services) -> None:
    try:
        _start(wish, services)
    except NaraniError as error:
        show_error(error, read_chosen())
