"""How far a batch is (a bar, its figures, what failed, buttons to stop and go on), and the earlier batches.

While it is at work its figures are drawn again each second, and the page is drawn whole when it has grown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from time import monotonic

import streamlit as st

from comparison.batch.progress import BatchFailure, BatchState, BatchView, ModelView
from dashboard.errors import explain, plainly
from dashboard.session import batch
from dashboard.shared.formatting import duration, when
from dashboard.shared.safe_text import safe_text, whole_characters
from dashboard.shared.ticking import ticking
from dashboard.texts import Texts
from history.records import StoredBatch

_LOOK_AGAIN_SECONDS = 1.0
_GROW_SECONDS, _GROW_SECONDS_PER_ANSWER = 3.0, 0.002
"""Least time between two drawings of the answers: reading thousands takes time that the models need."""
_MODELS_BESIDE = 4
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
    """What the buttons of a batch do."""

    stop: Callable[[], None]
    go_on: Callable[[bool], None]
    """Told whether what failed is asked again."""


def batch_progress(
    look: Callable[[], BatchView | None], titles: Mapping[str, str], actions: BatchActions, texts: Texts
) -> None:
    """While the batch is at work its figures are drawn again each second, and the whole page when there are
    more answers to show, and once when it has ended."""
    view = look()
    if view is None:
        return
    if view.state.at_work:
        _tick(look, view, titles, texts)
        st.caption(texts.batch["elsewhere" if view.state is BatchState.ELSEWHERE else "may_leave"])
    else:
        _draw(view, titles, texts)
    _buttons(view, actions, texts)
    if view.problem:
        st.warning(explain(view.problem, texts), icon=":material/error:")
    if view.failures:
        _failures(view.failures, view.failed, titles, texts)


def _tick(
    look: Callable[[], BatchView | None], drawn: BatchView, titles: Mapping[str, str], texts: Texts
) -> None:
    due = monotonic() + (max(_GROW_SECONDS, drawn.done * _GROW_SECONDS_PER_ANSWER) if drawn.done else 0)

    def look_again() -> None:
        now = look()
        if now is None or not now.state.at_work or (now.done > drawn.done and monotonic() >= due):
            st.rerun()
        _draw(now, titles, texts)

    ticking(look_again, _LOOK_AGAIN_SECONDS)


def _draw(view: BatchView, titles: Mapping[str, str], texts: Texts) -> None:
    share = view.done / view.wanted if view.wanted else 0.0
    figures = texts.batch["done_of"].format(done=view.done, wanted=view.wanted, percent=int(share * 100))
    st.progress(min(1.0, share), text=figures)
    st.markdown(" ".join([state_badge(view.state, texts), *_figures(view, texts)]))
    if len(view.models) > 1:
        _models(view.models, titles, texts)


def _models(models: Sequence[ModelView], titles: Mapping[str, str], texts: Texts) -> None:
    in_a_row = min(_MODELS_BESIDE, len(models))
    for at in range(0, len(models), in_a_row):
        for column, model in zip(st.columns(in_a_row), models[at : at + in_a_row], strict=False):
            share = model.done / model.wanted if model.wanted else 1.0
            column.progress(share, text=_model_line(model, titles, texts))


def _model_line(model: ModelView, titles: Mapping[str, str], texts: Texts) -> str:
    """'**m05** 3/36 · 1분에 4.2개 · 약 8분 남음'"""
    facts = [f"{model.done:,}/{model.wanted:,}"]
    if model.done >= model.wanted:
        facts.append(texts.batch["state_done"])
    else:
        if model.per_second is not None:
            fast = model.per_second >= 1
            rate = model.per_second * (1 if fast else 60)
            facts.append(texts.batch["per_second" if fast else "per_minute"].format(rate=rate))
        facts.append(_left(model.seconds_left, texts))
    return f"**{safe_text(titles.get(model.model_id, model.model_id))}** {safe_text(' · '.join(facts))}"


def _left(seconds: float | None, texts: Texts) -> str:
    if seconds is None:
        return texts.batch["left_unknown"]
    return texts.batch["left"].format(time=duration(seconds, texts))


def state_badge(state: BatchState, texts: Texts) -> str:
    return _ICONS[state].format(texts.batch[f"state_{state}"])


def _figures(view: BatchView, texts: Texts) -> list[str]:
    figures = []
    if view.failed:
        figures.append(f":red-badge[{texts.batch['failed_count'].format(count=view.failed)}]")
    if view.unsaved:
        figures.append(f":orange-badge[{texts.batch['unsaved'].format(count=view.unsaved)}]")
    if view.state is BatchState.RUNNING:
        figures.append(f":gray-badge[{_left(view.seconds_left, texts)}]")
    return figures


def _buttons(view: BatchView, actions: BatchActions, texts: Texts) -> None:
    if view.state is BatchState.ELSEWHERE:
        return
    if view.state.at_work:
        st.button(
            texts.batch["stop"],
            key=batch.STOP,
            icon=":material/stop_circle:",
            disabled=view.state is BatchState.STOPPING,
            on_click=actions.stop,
        )
        return
    if view.done < view.wanted:
        icon = ":material/play_arrow:"
        st.button(texts.batch["go_on"], key=batch.GO_ON, icon=icon, on_click=actions.go_on, args=(False,))
    if view.failed:
        icon = ":material/replay:"
        st.button(texts.batch["retry"], key=batch.RETRY, icon=icon, on_click=actions.go_on, args=(True,))


def _failures(failures: Sequence[BatchFailure], count: int, titles: Mapping[str, str], texts: Texts) -> None:
    label = texts.batch["failures"].format(count=count)
    with st.expander(label, icon=":material/error:", key=batch.FAILURES, on_change="rerun"):
        newest = failures[::-1]
        st.dataframe(
            {
                texts.batch["model"]: [titles.get(each.model_id, each.model_id) for each in newest],
                texts.batch["why"]: [whole_characters(plainly(each.cause, texts)) for each in newest],
                texts.batch["question"]: [whole_characters(each.question[:200]) for each in newest],
            },
            width="stretch",
            hide_index=True,
        )


def earlier_batches(
    batches: Sequence[StoredBatch], view: Callable[[StoredBatch], BatchView], zone: tzinfo, texts: Texts
) -> None:
    st.subheader(texts.batch["earlier"], divider="gray")
    if not batches:
        st.caption(texts.batch["no_earlier"])
        return
    shown = batches[: batch.EARLIER.shown()]
    for stored in shown:
        _line(stored, view(stored), zone, texts)
    if len(batches) > len(shown):
        st.button(
            texts.batch["more_earlier"].format(count=len(batches) - len(shown)),
            key=batch.MORE_EARLIER,
            type="tertiary",
            icon=":material/expand_more:",
            on_click=batch.EARLIER.more,
        )


def _line(stored: StoredBatch, view: BatchView, zone: tzinfo, texts: Texts) -> None:
    head = stored.head
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.batch["open"],
            key=batch.open_key(head.id),
            icon=":material/folder_open:",
            on_click=batch.open_batch,
            args=(head.id,),
        )
        facts = texts.batch["earlier_facts"].format(
            questions=stored.questions,
            models=len(head.models),
            done=view.done,
            wanted=view.wanted,
            when=when(head.created, zone, texts),
        )
        failed = texts.batch["failed_count"].format(count=view.failed)
        badges = state_badge(view.state, texts) + (f" :red-badge[{failed}]" if view.failed else "")
        st.markdown(f"**{safe_text(head.name)}** {badges} :small[:gray[{facts}]]", width="stretch")
