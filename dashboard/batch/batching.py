"""What the page of many questions does between its widgets and the services.

What was chosen becomes a batch; its answers are read again only when one of them has changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import streamlit as st

from comparison.asking import HowToAnswer
from comparison.batch.cells import new_batch_id
from comparison.batch.progress import BatchView
from comparison.batch.results import ResultRow, result_rows, summaries
from comparison.question_sets import expected_answers
from comparison.question_source import QuestionSource, without_repeats
from comparison.turns import picture_of_stored
from dashboard.batch.heatmap import batch_heatmap
from dashboard.batch.opened_question import opened_question
from dashboard.batch.progress import BatchActions
from dashboard.batch.results import batch_results, batch_summary
from dashboard.batch.settings_form import BatchForm
from dashboard.errors import show_error
from dashboard.resources import Services
from dashboard.session import batch
from dashboard.session.owner import owner_id
from dashboard.session.shared import names_hidden, start_with
from dashboard.shared.asked_how import asked_line
from dashboard.shared.export import export_buttons
from dashboard.shared.hidden_names import names_switch
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.run_actions import preset_of
from dashboard.shared.uploading import forget_files, uploads_of
from dashboard.texts import Texts
from errors import NaraniError
from history.history import History
from history.records import StoredBatch


def begin(source: QuestionSource, how: BatchForm, services: Services, texts: Texts) -> None:
    """Start the batch and show it; what cannot be asked is said and nothing is lost."""
    answering = HowToAnswer(how.choice, score_with=how.score_with, thinking=how.thinking)
    asked = services.asking.batch_requests(how.models, answering)
    try:
        with st.spinner(texts.batch["starting"]):
            job = services.batches.start(
                owner_id(),
                source.name,
                without_repeats(source.read().questions)[: how.limit],
                asked,
                batch.draft(),
            )
    except NaraniError as error:
        show_error(error, texts)
        return
    if source.file:
        forget_files(batch.UPLOAD, uploads_of(services))
    batch.open_batch(job.id)
    st.rerun()


def fresh_draft(services: Services) -> None:
    """The form is there to start another batch than the last one."""
    draft = batch.draft()
    if draft is None or services.batches.get(owner_id(), draft) is not None:
        batch.set_draft(new_batch_id())


def actions(batch_id: str, services: Services) -> BatchActions:
    owner = owner_id()

    def stop() -> None:
        job = services.batches.get(owner, batch_id)
        if job is not None:
            job.stop()

    def go_on(retry_failed: bool) -> None:
        try:
            services.batches.go_on(owner, batch_id, retry_failed)
        except NaraniError as error:
            batch.PROBLEM.set(error.cause)

    return BatchActions(stop, go_on)


def names_of(stored: StoredBatch, services: Services) -> dict[str, str]:
    """What the models of a batch are called; an id where a model is gone."""
    titles = distinct_titles(services.registry.models)
    return {each: titles.get(each, each) for each in stored.head.models}


def draw_results(stored: StoredBatch, view: BatchView, services: Services, texts: Texts) -> None:
    if view.done == 0:
        st.caption(texts.batch["no_answers_yet"])
        return
    names = names_of(stored, services)
    rows = _rows(services.history, stored.head.owner, stored.head.id, stored.stamp)
    if view.state.at_work:
        st.caption(texts.batch["so_far"].format(count=sum(bool(row.finish_reason) for row in rows)))
    start_with(batch.VIEW, "table")
    hidden = names_hidden() and len(names) > 1
    if not hidden:
        _asked_how(stored, rows, names, services, texts)
        batch_summary(summaries(rows), names, texts)
    with st.container(horizontal=True, vertical_alignment="center"):
        shown = "table" if hidden else _view(texts)
        names_switch(len(names), texts)
    open_question = partial(opened_question, names=names, services=services, texts=texts)
    if shown == "heatmap":
        batch_heatmap(rows, names, open_question, texts)
    else:
        batch_results(rows, names, open_question, texts, hidden=hidden)
    _export(stored.head.owner, rows, services, texts)


def _view(texts: Texts) -> str:
    chosen = st.segmented_control(
        texts.batch["view"],
        ("table", "heatmap"),
        key=batch.VIEW,
        persist_state="session",
        required=True,
        label_visibility="collapsed",
        format_func=lambda each: texts.batch[f"view_{each}"],
    )
    return str(chosen)


def _asked_how(
    stored: StoredBatch,
    rows: Sequence[ResultRow],
    names: Mapping[str, str],
    services: Services,
    texts: Texts,
) -> None:
    """All questions of a batch are asked alike, so the first tells."""
    first = services.history.get(stored.head.owner, rows[0].run_id)
    if first is not None:
        turn = picture_of_stored(first)
        asked_line(turn, preset_of(services)(turn), names, f"batch_asked_{stored.head.id}", texts)


def _export(owner: str, rows: Sequence[ResultRow], services: Services, texts: Texts) -> None:
    run_ids = list(dict.fromkeys(row.run_id for row in rows))
    with st.expander(texts.batch["export"], icon=":material/download:"):
        flat = partial(services.history.flat, owner, run_ids)
        export_buttons(flat, services.settings.home / "exports", texts, batch.EXPORT)


@st.cache_data(show_spinner=False, max_entries=4)
def _rows(_history: History, owner: str, batch_id: str, stamp: tuple[int, ...]) -> tuple[ResultRow, ...]:
    """The stamp is part of the key: what was read is not shown once any of its answers is another."""
    return result_rows(_history.batch_runs(owner, batch_id), expected_answers())
