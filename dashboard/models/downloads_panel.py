"""Models downloaded ahead of a question: what to fetch, how far it is, what lies on the disk.

It is drawn again each second, but only while something is being fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import streamlit as st

from dashboard.errors import show_error
from dashboard.models.registry_table import default_bytes
from dashboard.session import models as session
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import icon_label, safe_text
from dashboard.texts import Texts
from engines.memory import LiveLoad, ModelDownloads, StoredFiles
from errors import NaraniError
from model_registry.registry import Registry
from settings import format_bytes

_SECONDS = 1.0


def downloads_panel(downloads: ModelDownloads, registry: Registry, *, may_remove: bool, texts: Texts) -> None:
    was_busy = _is_busy(downloads)

    @st.fragment(run_every=_SECONDS if was_busy else None)
    def panel() -> None:
        titles, stored = distinct_titles(registry.models), downloads.stored()
        _fetch(downloads, registry, stored, titles, texts)
        for live in downloads.all():
            _under_way(live, downloads, titles, texts)
        st.subheader(texts.downloads["stored"], anchor=False)
        if not stored:
            st.info(texts.downloads["nothing"], icon=":material/download:")
        for one in stored:
            _row(one, downloads, titles, may_remove, texts)
        if _is_busy(downloads) != was_busy:
            st.rerun()

    panel()


def _is_busy(downloads: ModelDownloads) -> bool:
    return any(not live.ended for live in downloads.all())


def _fetch(
    downloads: ModelDownloads,
    registry: Registry,
    stored: tuple[StoredFiles, ...],
    titles: Mapping[str, str],
    texts: Texts,
) -> None:
    whole = {one.model_id for one in stored if one.whole}
    left = [id for id, spec in registry.models.items() if downloads.can_fetch(spec) and id not in whole]
    if not left:
        st.caption(texts.downloads["none_left"])
        return
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.selectbox(
            texts.downloads["model"],
            sorted(left, key=titles.__getitem__),
            index=None,
            format_func=titles.__getitem__,
            placeholder=texts.downloads["model_hint"],
            key=session.DOWNLOAD,
        )
        st.button(
            texts.downloads["fetch"],
            key=session.FETCH,
            icon=":material/download:",
            type="primary",
            disabled=chosen is None,
            on_click=downloads.begin,
            args=(chosen,),
        )
    if chosen is not None:
        size = format_bytes(default_bytes(registry.models[chosen], registry) or 0)
        free = format_bytes(downloads.free_bytes())
        st.caption(texts.downloads["estimate"].format(size=size, free=free))


def _under_way(live: LiveLoad, downloads: ModelDownloads, titles: Mapping[str, str], texts: Texts) -> None:
    model_id = live.model_id
    name = titles.get(model_id, model_id)
    if live.ended:
        if live.error is not None and live.error.category != "stopped":
            show_error(live.error, texts)
        return
    paused = downloads.is_paused(model_id)
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        doing = texts.downloads["stopping" if live.stop_asked else "paused" if paused else "doing"]
        told = f"**{safe_text(name)}** · {doing} {live.progress or 0.0:.0%}"
        st.progress(live.progress or 0.0, text=told)
        held = "resume" if paused else "pause"
        icon = ":material/play_arrow:" if paused else ":material/pause:"
        pause, stop = session.pause_key(model_id), session.stop_key(model_id, "")
        _button(held, icon, pause, name, texts, lambda: downloads.pause(model_id, not paused))
        _button("stop", ":material/stop_circle:", stop, name, texts, live.ask_to_stop)


def _button(word: str, icon: str, key: str, name: str, texts: Texts, press: Callable[[], None]) -> None:
    words = texts.downloads[word]
    st.button(
        icon_label(words.format(title=name)),
        key=key,
        icon=icon,
        help=words.format(title=safe_text(name)),
        on_click=press,
    )


def _row(
    one: StoredFiles, downloads: ModelDownloads, titles: Mapping[str, str], may_remove: bool, texts: Texts
) -> None:
    name = titles.get(one.model_id, one.model_id)
    busy = any(not live.ended and live.model_id == one.model_id for live in downloads.all())
    with st.container(border=True, horizontal=True, vertical_alignment="center"):
        state, color = ("whole", "green") if one.whole else ("part", "orange")
        badge = f":{color}-badge[{texts.downloads[state]}]"
        shared = ", ".join(safe_text(titles.get(each, each)) for each in one.shared_with)
        told = f"**{safe_text(name)}** {badge} {format_bytes(one.bytes)}"
        also = f"  \n:small[{texts.downloads['shared'].format(titles=shared)}]" if shared else ""
        st.markdown(told + also, width="stretch")
        if not one.whole and not busy:
            key, again = session.resume_key(one.model_id), partial(downloads.begin, one.model_id)
            _button("resume", ":material/play_arrow:", key, name, texts, again)
        if not busy:
            _remove(one, name, downloads, may_remove, texts)


def _remove(one: StoredFiles, name: str, downloads: ModelDownloads, may_remove: bool, texts: Texts) -> None:
    """Asked once more: gigabytes take their time to come back."""

    def remove() -> None:
        try:
            downloads.remove(one.model_id)
        except NaraniError as error:
            show_error(error, texts)

    words, key = texts.downloads["remove"], session.remove_files_key(one.model_id)
    asked = st.popover(
        icon_label(words.format(title=name)),
        icon=":material/delete:",
        help=words.format(title=safe_text(name)) if may_remove else texts.downloads["remove_elsewhere"],
        disabled=not may_remove,
        key=key,
        on_change="rerun",
    )
    if asked.open and may_remove:
        with asked:
            st.markdown(texts.downloads["remove_says"].format(size=format_bytes(one.bytes)))
            st.button(texts.downloads["remove_now"], key=f"{key}_now", type="primary", on_click=remove)
