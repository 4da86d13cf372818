"""What may be done with what came of a training: compare it with what it came from, or train on.

A reward model answers nothing: it scores what others answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboard.resources import Services
from dashboard.session import compare, training
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from dashboard.training.chain import following
from finetune.jobs import Job
from model_registry.registry import Registry


def going_on(job: Job, report: Mapping[str, Any], services: Services, texts: Texts) -> None:
    if report.get("model_id"):
        st.caption(texts.training["model_id"].format(id=safe_text(str(report["model_id"]))))
    with st.container(horizontal=True, vertical_alignment="center"):
        compared = st.button(
            _label(job, report, texts), key=training.COMPARE, icon=":material/view_column:", type="primary"
        )
        for kind in following(job.kind):
            st.button(
                texts.kinds[f"next_{kind}"],
                key=training.next_key(kind),
                icon=":material/arrow_forward:",
                help=texts.kinds[f"next_help_{job.kind}"],
                on_click=_next,
                args=(kind, job, report),
            )
    if compared:
        _compare(job, report, services, texts)


def _label(job: Job, report: Mapping[str, Any], texts: Texts) -> str:
    if job.kind == "reward":
        return texts.kinds["score"]
    return texts.training["compare"] if job.kind == "sft" else texts.kinds["side_by_side"]


def _next(kind: str, job: Job, report: Mapping[str, Any]) -> None:
    """A reward model drives what begins where it began itself: both share one base."""
    begun_with = str(job.settings.get("base_model") or report.get("base_id") or "")
    if job.kind == "reward":
        training.go_on(kind, begun_with, (f"model={job.name}",))
    else:
        training.go_on(kind, str(report.get("model_id") or begun_with), ())


def _compare(job: Job, report: Mapping[str, Any], services: Services, texts: Texts) -> None:
    """Opens the comparison with the base, what learning began with, and what came of it side by side."""
    services.registry.reload()
    registry = services.registry.models
    made = str(report.get("model_id") or "")
    if made not in registry:
        st.warning(texts.training["compare_gone"], icon=":material/search_off:")
        return
    compare.MODELS.set_picked(lineage(job, report, services.registry.now()))
    if job.kind == "reward":
        st.session_state[compare.SCORE_WITH] = made
    compare.set_run_id(None)
    st.switch_page("dashboard/pages/compare.py")


def lineage(job: Job, report: Mapping[str, Any], registry: Registry) -> list[str]:
    """The base, the tuned model that learning began with, and what came of it, as far as they answer."""
    begun_with = str(job.settings.get("base_model") or "")
    spec = registry.models.get(begun_with)
    below = spec.adapter.base if spec and spec.adapter else None
    wanted = dict.fromkeys([below, report.get("base_id"), begun_with, report.get("model_id")])
    return [str(model) for model in wanted if model in registry.answerers]
