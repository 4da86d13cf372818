"""The history as a list, newest first: a line a question, with who answered and how it went."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

import streamlit as st

from dashboard.session import history
from dashboard.shared.formatting import shortened, when
from dashboard.shared.safe_text import icon_label, safe_text
from dashboard.texts import Texts
from history.records import StoredAnswer, StoredRun, StoredState

_LONGEST = 160
_COLORS = {
    StoredState.DONE: "green",
    StoredState.STOPPED: "orange",
    StoredState.FAILED: "red",
    StoredState.INTERRUPTED: "orange",
    StoredState.RUNNING: "blue",
}


@dataclass(frozen=True)
class HistoryActions:
    """What the buttons of a line do; each is told the run's id."""

    open: Callable[[str], None]
    delete: Callable[[str], None]


def history_list(
    runs: Sequence[StoredRun], titles: Mapping[str, str], zone: tzinfo, actions: HistoryActions, texts: Texts
) -> None:
    for run in runs:
        with st.container(border=True, key=f"history_run_{run.head.id}"):
            _line(run, titles, zone, actions, texts)


def _line(
    run: StoredRun, titles: Mapping[str, str], zone: tzinfo, actions: HistoryActions, texts: Texts
) -> None:
    asked = run.head.requests[0].conversation
    question = asked.turns[-1].question
    run_id = run.head.id
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.checkbox(
            texts.history["tick"].format(question=shortened(question, 40)),
            key=history.tick_key(run_id),
            label_visibility="collapsed",
            width="content",
        )
        with st.container(gap=None, width="stretch"):
            st.text(shortened(question, _LONGEST))
            st.markdown(f":small[{' '.join(_facts(run, titles, zone, texts))}]")
        icon = ":material/open_in_full:"
        if st.button(texts.history["open"], key=f"history_open_{run_id}", icon=icon, type="tertiary"):
            actions.open(run_id)
        st.button(
            icon_label(texts.history["delete"]),
            key=f"history_delete_{run_id}",
            icon=":material/delete:",
            help=texts.history["delete"],
            on_click=actions.delete,
            args=(run_id,),
            type="tertiary",
        )


def _facts(run: StoredRun, titles: Mapping[str, str], zone: tzinfo, texts: Texts) -> list[str]:
    facts = [when(run.head.created, zone, texts)]
    turns = len(run.head.requests[0].conversation.turns)
    if turns > 1:
        facts.append(f":gray-badge[{texts.history['turn'].format(turn=turns)}]")
    if run.head.batch:
        facts.append(f":violet-badge[{texts.history['of_batches']}]")
    facts += [_answer(answer, run, titles, texts) for answer in run.answers]
    return facts


def _answer(answer: StoredAnswer, run: StoredRun, titles: Mapping[str, str], texts: Texts) -> str:
    model_id = run.head.requests[answer.position].model_id
    title = safe_text(titles.get(model_id, model_id))
    state = "" if answer.state is StoredState.DONE else f" · {texts.states[answer.state.value]}"
    return f":{_COLORS[answer.state]}-badge[{title}{state}]"
