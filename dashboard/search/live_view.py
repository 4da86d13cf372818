"""A search as it goes on: its stages one after another, what is known so far, and what ended it."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from dashboard.errors import explain
from dashboard.shared.safe_text import whole_characters
from dashboard.shared.sources import cited_style, queries_line
from dashboard.shared.ticking import ticking
from dashboard.texts import Texts
from search.live_search import SearchState, SearchView

_STAGES = (SearchState.DECIDING, SearchState.SEARCHING, SearchState.FETCHING, SearchState.RANKING)
_TICK = 0.25


def question_of(view: SearchView) -> None:
    with st.chat_message("user", avatar=":material/person:"):
        st.text(whole_characters(view.wish.question))


def growing_search(
    view: SearchView, look: Callable[[], SearchView | None], stop: Callable[[], None], texts: Texts
) -> None:
    """Drawn again until it ends; then the page is drawn whole."""
    cited_style()
    question_of(view)
    place = st.container(key="search_stages")

    def grow() -> None:
        now = look()
        if now is None or now.ended:
            st.rerun()
        with place:
            _stages(now, texts)

    ticking(grow, _TICK)
    st.button(texts.search["stop_search"], key="search_stop", icon=":material/stop_circle:", on_click=stop)


def _stages(view: SearchView, texts: Texts) -> None:
    now = SearchState.SEARCHING if view.state is SearchState.INDEXING else view.state
    at = _STAGES.index(now) if now in _STAGES else len(_STAGES) - 1
    items = "".join(_stage(stage, number - at, view, texts) for number, stage in enumerate(_STAGES))
    known = view.searched
    with st.container(gap=None):
        st.html(f'<ul class="nr-stages" role="status">{items}</ul>')
    with st.container(gap=None):
        if known is not None:
            queries = f"  \n{queries_line(known, texts)}" if known.queries else ""
            st.caption(explain(known.why, texts) + queries)


def _stage(stage: SearchState, later: int, view: SearchView, texts: Texts) -> str:
    words = texts.search[f"stage_{view.state if later == 0 else stage}"]
    if later < 0:
        return f'<li class="nr-past">✓ {escape(words)}</li>'
    if later > 0:
        return f"<li>· {escape(words)}</li>"
    if view.total is not None and view.total > 1:
        words = texts.search["stage_of"].format(stage=words, done=view.done, total=view.total)
    return f'<li class="nr-now" aria-current="step">▸ {escape(words)}</li>'


def ended_search(
    view: SearchView,
    again: Callable[[], None],
    without: Callable[[], None] | None,
    discard: Callable[[], None],
    texts: Texts,
) -> None:
    """It ended before anybody was asked. `without` is None where nobody could answer without sources."""
    words = texts.search
    question_of(view)
    if view.state is SearchState.FAILED:
        why = "" if view.problem is None else explain(view.problem, texts)
        st.error(f"{words['failed']} {why}", icon=":material/error:")
    elif view.state is SearchState.STOPPED:
        st.info(words["stopped"], icon=":material/stop_circle:")
    else:
        st.info(words["nothing_found"], icon=":material/search_off:")
    for problem in view.searched.problems if view.searched else ():
        st.caption(explain(problem, texts))
    with st.container(horizontal=True):
        st.button(words["search_again"], key="search_again", icon=":material/refresh:", on_click=again)
        st.button(
            words["without_sources"],
            key="search_without",
            icon=":material/chat:",
            on_click=without,
            disabled=without is None,
            help=words["without_help"] if without is None else None,
        )
        st.button(
            texts.compare["discard"],
            key="search_discard_search",
            icon=":material/delete:",
            type="tertiary",
            on_click=discard,
        )
