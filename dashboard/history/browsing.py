"""What the pages of the history do between widgets and services: open, ask again, delete, bring back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import NoReturn

import streamlit as st

from comparison.turns import (
    ColumnPicture,
    TurnPicture,
    asking_again,
    conversation,
    picture_of_stored,
    same_answers,
)
from dashboard.errors import show_error
from dashboard.history.entries_list import HistoryActions
from dashboard.resources import Services
from dashboard.session import compare, history, search
from dashboard.session.owner import owner_id
from dashboard.shared.answer_text import difference_legend, long_answer
from dashboard.shared.column_actions import ColumnActions
from dashboard.shared.export import export_box, export_buttons
from dashboard.shared.formatting import zone
from dashboard.shared.hidden_names import names_switch, shown_actions, shown_titles, shown_turns
from dashboard.shared.model_choices import column_titles
from dashboard.shared.run_actions import attempts_read, marking, preset_of
from dashboard.shared.turn import turn_view
from dashboard.texts import Texts, read_chosen
from errors import NaraniError
from history.records import HistoryFilter, HistoryPage, StoredRun
from prompts.thinking import thinking_and_answer
from search.records import ROOM

LIST, ENTRY = "dashboard/pages/history.py", "dashboard/pages/history_entry.py"
_PAGE = 20


def titles(services: Services) -> dict[str, str]:
    return column_titles(services.registry.models, read_chosen())


def found(services: Services, wanted: HistoryFilter) -> HistoryPage:
    pages = history.before()
    return services.history.page(owner_id(), wanted, before=pages[-1] if pages else None, size=_PAGE)


def actions(services: Services) -> HistoryActions:
    return HistoryActions(open_entry, lambda run_id: delete([run_id], services))


def open_entry(run_id: str) -> NoReturn:
    st.switch_page(ENTRY, query_params=history.address_of(run_id))


def delete(run_ids: Sequence[str], services: Services) -> None:
    services.history.delete(owner_id(), run_ids)
    history.untick(run_ids)
    history.set_deleted(run_ids)


def undo_bar(services: Services, texts: Texts) -> None:
    """For what was deleted last."""
    gone = history.deleted()
    if not gone:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(texts.history["deleted"].format(count=len(gone)))
        if st.button(texts.history["undo"], key="history_undo", icon=":material/undo:", type="tertiary"):
            services.history.restore(owner_id(), gone)
            history.set_deleted(())
            st.rerun()


def picked_bar(services: Services, texts: Texts) -> None:
    """What can be done with the runs that are ticked."""
    ticked = history.ticked()
    if not ticked:
        return
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(texts.history["ticked"].format(count=len(ticked)))
            st.button(
                texts.history["untick"],
                key="history_untick",
                type="tertiary",
                on_click=history.untick,
                args=(ticked,),
            )
            st.button(
                texts.history["delete_ticked"],
                key="history_delete_ticked",
                icon=":material/delete:",
                type="tertiary",
                on_click=delete,
                args=(ticked, services),
            )
        flat = partial(services.history.flat, owner_id(), ticked)
        export_buttons(flat, services.settings.home / "exports", texts, "history_export")


def pager(page: HistoryPage, texts: Texts) -> None:
    with st.container(horizontal=True, horizontal_alignment="center"):
        if history.before():
            st.button(
                texts.history["newer"],
                key="history_newer",
                icon=":material/chevron_left:",
                on_click=history.go_newer,
            )
        if page.older is not None:
            st.button(
                texts.history["older"],
                key="history_older",
                icon=":material/chevron_right:",
                on_click=history.go_older,
                args=(page.older,),
            )


def draw_opened(run_id: str, services: Services, texts: Texts) -> None:
    """One run whole, and beside it what came of asking it once more."""
    icon = ":material/arrow_back:"
    if st.button(texts.history["back"], key="history_back", icon=icon, type="tertiary"):
        st.switch_page(LIST)
    stored = services.history.get(owner_id(), run_id)
    if stored is None:
        st.info(texts.history["gone"], icon=":material/search_off:")
        return
    if history.take_continued() == run_id:
        _go_on(stored)
    before = picture_of_stored(stored)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(stored.head.created.astimezone(zone()).strftime(texts.history["time"]), width="content")
        names_switch(len(before.columns), texts)
    (shown,) = shown_turns([before], before)
    go_on = None if before.kind == ROOM else partial(_pick_answer, run_id)
    turn_view(
        shown,
        shown_titles(shown, titles(services)),
        texts,
        actions=shown_actions(shown, ColumnActions(marking=marking(before, services), go_on=go_on)),
        attempts=attempts_read(services),
        preset=preset_of(services),
    )
    with st.container(horizontal=True):
        if st.button(texts.history["go_on"], key="history_go_on", icon=":material/forum:"):
            _go_on(stored)
        if st.button(texts.history["again"], key="history_again", icon=":material/replay:"):
            _ask_again(before, services, texts)
    if before.ended:
        export_box(shown, services, texts, "history_entry_export")
    new_run_id = history.asked_again(run_id)
    if new_run_id is not None:
        _draw_again(before, new_run_id, services, texts)


def _pick_answer(run_id: str, position: int, attempt: int) -> None:
    compare.set_picked_answer((run_id, position, attempt))
    history.set_continued(run_id)


def _go_on(stored: StoredRun) -> NoReturn:
    """On the page that it was asked on, as it was asked."""
    run_id = stored.head.id
    if stored.head.kind == ROOM:
        search.open_conversation(run_id)
        st.switch_page("dashboard/pages/search.py", query_params=search.address_of(run_id))
    compare.set_run_id(run_id)
    compare.MODELS.forget_picked()
    st.switch_page("dashboard/pages/compare.py", query_params={"run": run_id})


def _ask_again(before: TurnPicture, services: Services, texts: Texts) -> None:
    try:
        run = services.asking.ask_requests(owner_id(), asking_again(before), kind=before.kind)
    except NaraniError as error:
        show_error(error, texts)
    else:
        history.set_asked_again(before.run_id, run.id)


def _draw_again(before: TurnPicture, new_run_id: str, services: Services, texts: Texts) -> None:
    st.subheader(texts.history["again_title"])

    def look() -> TurnPicture | None:
        found = conversation(services.runs, services.history, owner_id(), new_run_id, limit=1)
        return shown_turns(found, before)[0] if found else None

    now = look()
    if now is None:  # deleted since, and no longer in memory
        st.info(texts.history["gone"], icon=":material/search_off:")
        return
    names = shown_titles(now, titles(services))
    turn_view(
        now, names, texts, look=None if now.ended else lambda: look() or now, preset=preset_of(services)
    )
    (before,) = shown_turns([before], before)
    for column, same in zip(now.columns, same_answers(before, now), strict=True):
        if column.ended:
            _draw_verdict(before, column, same, names, texts)


def _draw_verdict(
    before: TurnPicture, column: ColumnPicture, same: bool | None, names: Mapping[str, str], texts: Texts
) -> None:
    title = names.get(column.request.model_id, column.request.model_id)
    if same is None:
        st.caption(texts.history["not_comparable"].format(title=title))
    elif same:
        st.success(texts.history["same"].format(title=title), icon=":material/check:")
    else:
        st.warning(texts.history["different"].format(title=title), icon=":material/difference:")
        earlier = next(each.answer for each in before.columns if each.request == column.request)
        if earlier is not None and column.answer is not None:
            name = f"again_{before.run_id}_{column.position}_{column.attempt}"
            said = thinking_and_answer(earlier.text, earlier.prompt).answer
            difference_legend(said, [column.said], texts)
            long_answer(column.said, name, texts, said)
