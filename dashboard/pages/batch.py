"""The page of many questions: choose them, ask several models, leave, come back, look at what came of it."""

from __future__ import annotations

import streamlit as st

from dashboard.batch import batching
from dashboard.batch.progress import batch_progress, earlier_batches
from dashboard.batch.question_source import question_preview, question_source
from dashboard.batch.settings_form import BatchForm, batch_asking
from dashboard.errors import say_once
from dashboard.resources import Services, services
from dashboard.session import batch
from dashboard.session.owner import owner_id
from dashboard.session.settings import preferences
from dashboard.shared.formatting import zone
from dashboard.shared.safe_text import safe_text
from dashboard.shared.uploading import uploads_of
from dashboard.texts import Texts, read_chosen
from history.records import StoredBatch


def page(services: Services, texts: Texts) -> None:
    batch_id = batch.batch_id()
    stored = services.history.batch(owner_id(), batch_id) if batch_id else None
    if stored is not None:
        _opened(stored, services, texts)
        return
    st.title(texts.batch["title"])
    st.caption(texts.batch["intro"])
    if batch_id:
        st.info(texts.batch["gone"], icon=":material/search_off:")
    _new(services, texts)
    earlier = services.history.batches(owner_id())
    earlier_batches(earlier, services.batches.view_of, zone(), texts)


def _new(services: Services, texts: Texts) -> None:
    source = question_source(uploads_of(services), texts)
    if source is None:
        return
    found = question_preview(source, texts)
    if found is None:
        return
    how = _settings(found.count, services, texts)
    questions, models = min(how.limit, found.count), len(how.models)
    st.markdown(texts.batch["sum"].format(questions=questions, models=models, answers=questions * models))
    if not models:
        st.info(texts.batch["pick_first"], icon=":material/arrow_upward:")
    label, icon = texts.batch["start"], ":material/play_arrow:"
    if st.button(label, key=batch.START, icon=icon, type="primary", disabled=not models):
        batching.begin(source, how, services, texts)
    else:
        batching.fresh_draft(services)


def _settings(count: int, services: Services, texts: Texts) -> BatchForm:
    registry = services.registry
    return batch_asking(registry.answerers, registry.reward_models, preferences(), count, texts)


def _opened(stored: StoredBatch, services: Services, texts: Texts) -> None:
    head, owner = stored.head, owner_id()
    st.button(
        texts.batch["new"],
        key=batch.NEW,
        icon=":material/add:",
        type="tertiary",
        on_click=batch.open_batch,
        args=(None,),
    )
    st.title(safe_text(head.name))
    say_once(batch.PROBLEM, texts)
    names = batching.names_of(stored, services)
    batch_progress(
        lambda: services.batches.view(owner, head.id), names, batching.actions(head.id, services), texts
    )
    view = services.batches.view_of(stored)
    st.subheader(texts.batch["results"], divider="gray")
    batching.draw_results(stored, view, services, texts)


page(services(), read_chosen())
