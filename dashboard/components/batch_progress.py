"""How far a batch is: a bar, its figures, what failed, and the buttons to stop and to go on.

Knows: how a view of a batch is drawn, again each second while it is at work.
Refuses to know: jobs, engines and the history.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from comparison.batch_progress import BatchState, BatchView, Failure
from dashboard.components.safe_text import safe_text, whole_characters
from dashboard.errors import in_words
from dashboard.session import batch
from dashboard.words import Words

_LOOK_AGAIN_SECONDS = 1.0
_ICONS = {
    BatchState.RUNNING: ":blue-badge[:material/play_circle: {}]",
    BatchState.STOPPING: ":orange-badge[:material/hourglass_top: {}]",
    BatchState.ELSEWHERE: ":blue-badge[:material/lan: {}]",
    BatchState.STOPPED: ":orange-badge[:material/stop_circle: {}]",
    BatchState.INTERRUPTED: ":orange-badge[:material/power_off: {}]",
    BatchState.BROKEN: ":red-badge[:material/error: {}]",
    BatchState.DONE: ":green-badge[:material/check_circle: {}]",
}


@dataclass(frozen=True)
class BatchActions:
    """What the buttons do."""

    stop: Callable[[], None]
    go_on: Callable[[bool], None]
    """Asks again what failed where True."""


def batch_progress(
    look: Callable[[], BatchView | None], titles: Mapping[str, str], actions: BatchActions, said: Words
) -> None:
    """Draws itself again while the batch is at work, and the whole page once when it has ended."""
    view = look()
    if view is None:
        return
    if not view.state.at_work:
        draw_progress(view, titles, actions, said)
        return

    @st.fragment(run_every=_LOOK_AGAIN_SECONDS)
    def look_again() -> None:
        now = look()
        if now is None or not now.state.at_work:
            st.rerun()
        else:
            draw_progress(now, titles, actions, said)

    with st.container():  # of its own: what stands behind a fragment may be put in its place (turn.py)
        look_again()


def draw_progress(view: BatchView, titles: Mapping[str, str], actions: BatchActions, said: Words) -> None:
    share = view.done / view.wanted if view.wanted else 0.0
    figures = said.batch["done_of"].format(done=view.done, wanted=view.wanted, percent=int(share * 100))
    st.progress(min(1.0, share), text=figures)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(" ".join([state_badge(view.state, said), *_figures(view, said)]), width="content")
        _buttons(view, actions, said)
    if view.state.at_work:
        st.caption(said.batch["elsewhere" if view.state is BatchState.ELSEWHERE else "may_leave"])
    if view.problem:
        st.warning(safe_text(view.problem), icon=":material/error:")
    if view.failures:
        _failures(view.failures, view.failed, titles, said)


def state_badge(state: BatchState, said: Words) -> str:
    return _ICONS[state].format(said.batch[f"state_{state}"])


def duration(seconds: float, said: Words) -> str:
    """In the largest unit that leaves a figure a person can take in."""
    if seconds < 60:
        return said.batch["seconds"].format(count=max(1, round(seconds)))
    if seconds < 3600:
        return said.batch["minutes"].format(count=round(seconds / 60))
    return said.batch["hours"].format(hours=int(seconds // 3600), minutes=round(seconds % 3600 / 60))


def _figures(view: BatchView, said: Words) -> list[str]:
    figures = []
    if view.failed:
        figures.append(f":red-badge[{said.batch['failed_count'].format(count=view.failed)}]")
    if view.unsaved:
        figures.append(f":orange-badge[{said.batch['unsaved'].format(count=view.unsaved)}]")
    if view.per_second is not None:
        fast = view.per_second >= 1
        words = said.batch["per_second" if fast else "per_minute"]
        figures.append(f":gray-badge[{words.format(rate=view.per_second * (1 if fast else 60))}]")
    if view.seconds_left is not None:
        left = duration(view.seconds_left, said)
        figures.append(f":gray-badge[{said.batch['left'].format(time=left)}]")
    return figures


def _buttons(view: BatchView, actions: BatchActions, said: Words) -> None:
    if view.state is BatchState.ELSEWHERE:
        return
    if view.state.at_work:
        st.button(
            said.batch["stop"],
            key=batch.STOP,
            icon=":material/stop_circle:",
            disabled=view.state is BatchState.STOPPING,
            on_click=actions.stop,
        )
        return
    if view.done < view.wanted:
        icon = ":material/play_arrow:"
        st.button(said.batch["go_on"], key=batch.GO_ON, icon=icon, on_click=actions.go_on, args=(False,))
    if view.failed:
        icon = ":material/replay:"
        st.button(said.batch["retry"], key=batch.RETRY, icon=icon, on_click=actions.go_on, args=(True,))


def _failures(failures: Sequence[Failure], count: int, titles: Mapping[str, str], said: Words) -> None:
    label = said.batch["failures"].format(count=count)
    with st.expander(label, icon=":material/error:", key=batch.FAILURES, on_change="rerun"):
        newest = failures[::-1]
        st.dataframe(
            {
                said.batch["model"]: [titles.get(each.model_id, each.model_id) for each in newest],
                said.batch["why"]: [whole_characters(in_words(each.sentence, said)) for each in newest],
                said.batch["question"]: [whole_characters(each.question[:200]) for each in newest],
            },
            width="stretch",
            hide_index=True,
        )
