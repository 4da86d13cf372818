"""The page of many questions: choose them, ask several models, leave, come back, look at what came of it.

Knows: the order of things on the page.
Refuses to know: how a batch is worked on, and where its answers are kept.
"""

from __future__ import annotations

import streamlit as st

from comparison.history.records import StoredBatch
from dashboard import batching
from dashboard.browsing import zone
from dashboard.components.batch_asking import batch_asking
from dashboard.components.batch_progress import batch_progress
from dashboard.components.earlier_batches import earlier_batches
from dashboard.components.question_preview import question_preview
from dashboard.components.question_source import question_source
from dashboard.components.safe_text import safe_text
from dashboard.resources import Services, services
from dashboard.session import batch
from dashboard.session.owner import owner_id
from dashboard.session.settings import preferences
from dashboard.words import Words, words


def page(services: Services, said: Words) -> None:
    batch_id = batch.batch_id()
    stored = services.history.batch(owner_id(), batch_id) if batch_id else None
    if stored is not None:
        _opened(stored, services, said)
        return
    st.title(said.batch["title"])
    st.caption(said.batch["intro"])
    if batch_id:
        st.info(said.batch["gone"], icon=":material/search_off:")
    _new(services, said)
    earlier = services.history.batches(owner_id())
    earlier_batches(earlier, services.batches.view_of, zone(), said)


def _new(services: Services, said: Words) -> None:
    source = question_source(batching.uploads(services), said)
    if source is None:
        return
    found = question_preview(source, said)
    if found is None:
        return
    how = batch_asking(services.registry.models, preferences(), found.count, said)
    questions, models = min(how.limit, found.count), len(how.models)
    st.markdown(said.batch["sum"].format(questions=questions, models=models, answers=questions * models))
    if not models:
        st.info(said.batch["pick_first"], icon=":material/arrow_upward:")
    label, icon = said.batch["start"], ":material/play_arrow:"
    if st.button(label, key=batch.START, icon=icon, type="primary", disabled=not models):
        batching.begin(source, how, services, said)
    else:
        batching.fresh_draft(services)


def _opened(stored: StoredBatch, services: Services, said: Words) -> None:
    head, owner = stored.head, owner_id()
    st.button(
        said.batch["new"],
        key=batch.NEW,
        icon=":material/add:",
        type="tertiary",
        on_click=batch.open_batch,
        args=(None,),
    )
    st.title(safe_text(head.name))
    batching.say_problem(said)
    names = batching.names_of(stored, services)
    batch_progress(
        lambda: services.batches.view(owner, head.id), names, batching.actions(head.id, services), said
    )
    view = services.batches.view_of(stored)
    st.subheader(said.batch["results"], divider="gray")
    batching.draw_results(stored, view, services, said)


page(services(), words())
