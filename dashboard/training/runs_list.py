"""The trainings of this home, the newest first, each to be opened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

import streamlit as st

from dashboard.session import training
from dashboard.shared.formatting import when
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from dashboard.training.progress import state_badge
from finetune.jobs import Job


def training_list(jobs: Sequence[Job], titles: Mapping[str, str], zone: tzinfo, texts: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(texts.training["list"], width="stretch")
        st.button(
            texts.training["list_again"], key=training.LIST_AGAIN, icon=":material/refresh:", type="tertiary"
        )
    if not jobs:
        st.info(texts.training["list_empty"], icon=":material/model_training:")
        return
    jobs = _of_kind(jobs, texts)
    shown = jobs[: training.LISTED.shown()]
    for job in shown:
        _line(job, titles, zone, texts)
    if len(jobs) > len(shown):
        st.button(
            texts.training["more"].format(count=len(jobs) - len(shown)),
            key=training.MORE,
            type="tertiary",
            icon=":material/expand_more:",
            on_click=training.LISTED.more,
        )


def _of_kind(jobs: Sequence[Job], texts: Texts) -> Sequence[Job]:
    """Those of one kind, where there are several kinds and one was chosen."""
    kinds = list(dict.fromkeys(job.kind for job in jobs))
    if len(kinds) < 2:
        return jobs
    chosen = st.pills(
        texts.kinds["list_kind"],
        kinds,
        key=training.KIND_FILTER,
        persist_state="session",
        format_func=lambda kind: texts.kinds.get(kind, kind),
        label_visibility="collapsed",
    )
    return jobs if chosen is None else [job for job in jobs if job.kind == chosen]


def _line(job: Job, titles: Mapping[str, str], zone: tzinfo, texts: Texts) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.training["open"],
            key=training.open_key(job.name),
            icon=":material/folder_open:",
            on_click=training.open_run,
            args=(job.name,),
        )
        base = str(job.settings.get("base_model", ""))
        method = str(job.settings.get("method", ""))
        named = texts.training.get(f"method_{method}", method)
        parts = [
            texts.kinds.get(job.kind, job.kind),
            titles.get(base, base),
            named,
        ]
        if job.status.total_steps:
            parts.append(f"{job.status.step:,} / {job.status.total_steps:,}")
        facts = " · ".join(filter(None, [*map(safe_text, parts), _asked(job, zone, texts)]))
        badge = state_badge(job.state, texts)
        st.markdown(f"**{safe_text(job.name)}** {badge} :small[:gray[{facts}]]", width="stretch")


def _asked(job: Job, zone: tzinfo, texts: Texts) -> str:
    try:
        return when(datetime.fromisoformat(job.asked), zone, texts)
    except ValueError:
        return ""
