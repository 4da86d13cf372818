"""The trainings of this home, the newest first, each to be opened.

Knows: how one line of the list looks.
Refuses to know: folders and processes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

import streamlit as st

from dashboard.components.history_list import when
from dashboard.components.safe_text import safe_text
from dashboard.components.training_progress import state_badge
from dashboard.session import training
from dashboard.words import Words
from finetune.jobs import Job


def training_list(jobs: Sequence[Job], titles: Mapping[str, str], zone: tzinfo, said: Words) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(said.training["list"], width="stretch")
        st.button(
            said.training["list_again"], key=training.LIST_AGAIN, icon=":material/refresh:", type="tertiary"
        )
    if not jobs:
        st.info(said.training["list_empty"], icon=":material/model_training:")
        return
    shown = jobs[: training.listed()]
    for job in shown:
        _line(job, titles, zone, said)
    if len(jobs) > len(shown):
        st.button(
            said.training["more"].format(count=len(jobs) - len(shown)),
            key=training.MORE,
            type="tertiary",
            icon=":material/expand_more:",
            on_click=training.list_more,
        )


def _line(job: Job, titles: Mapping[str, str], zone: tzinfo, said: Words) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            said.training["open"],
            key=training.open_key(job.name),
            icon=":material/folder_open:",
            on_click=training.open_run,
            args=(job.name,),
        )
        base = str(job.settings.get("base_model", ""))
        method = str(job.settings.get("method", ""))
        parts = [titles.get(base, base), said.training.get(f"method_{method}", method)]
        if job.status.total_steps:
            parts.append(f"{job.status.step:,} / {job.status.total_steps:,}")
        facts = " · ".join(filter(None, [*map(safe_text, parts), _asked(job, zone, said)]))
        badge = state_badge(job.state, said)
        st.markdown(f"**{safe_text(job.name)}** {badge} :small[:gray[{facts}]]", width="stretch")


def _asked(job: Job, zone: tzinfo, said: Words) -> str:
    try:
        return when(datetime.fromisoformat(job.asked), zone, said)
    except ValueError:
        return ""
