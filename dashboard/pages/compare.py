"""The page that asks: models on the left, the question below, one column a model.

Knows: the order of things on the page.
Refuses to know: how answers come about; it starts a run and draws what the run holds.
"""

from __future__ import annotations

import streamlit as st

from comparison.run import Run, requests_for
from dashboard import session
from dashboard.components.answer_column import answer_column
from dashboard.resources import Services, services
from dashboard.words import Words, words
from engines.base import GenerationSettings
from errors import NaraniError
from model_registry.spec import ModelSpec
from prompts.conversation import Conversation

_EXAMPLES = ("대한민국의 수도는 어디인가요?", "보령 머드 축제는 어느 계절에 열리나요?")


def page(services: Services, said: Words) -> None:
    st.title(said.compare["title"])
    st.caption(said.compare["intro"])
    picked = _pick_models(services, said)
    question = st.chat_input(said.compare["question"], key=session.QUESTION)
    if not picked:
        st.info(said.compare["pick_first"])
    elif question:
        _ask(services, picked, question)
    run_id = session.run_id()
    run = services.runs.get(run_id) if run_id else None
    if run is not None:
        _draw_run(services, run, said)
    elif run_id:
        st.info(said.compare["gone"])
    else:
        st.caption(said.compare["examples"].format(examples=" · ".join(_EXAMPLES)))


def _pick_models(services: Services, said: Words) -> list[str]:
    models = services.registry.models
    with st.sidebar:
        picked = st.multiselect(
            said.compare["models"],
            sorted(models),
            default=[spec.id for spec in models.values() if spec.demo and spec.adapter is None],
            format_func=lambda model_id: models[model_id].title,
            key=session.MODELS,
        )
        if any(models[model_id].demo for model_id in picked):
            st.caption(said.compare["demo_note"])
    return picked


def _ask(services: Services, picked: list[str], question: str) -> None:
    settings = {model_id: _defaults(services.registry.get(model_id)) for model_id in picked}
    try:
        run = services.runs.start(services.engine, requests_for(Conversation.ask(question), picked, settings))
    except NaraniError as error:
        st.warning(str(error), icon=":material/error:")
    else:
        session.set_run_id(run.id)


def _defaults(spec: ModelSpec) -> GenerationSettings:
    return GenerationSettings(**spec.generation.model_dump(exclude_none=True))


def _draw_run(services: Services, run: Run, said: Words) -> None:
    st.chat_message("user").text(run.requests[0].conversation.turns[-1].question)

    @st.fragment(run_every=None if run.ended else 0.1)
    def columns() -> None:
        ended = run.ended
        for column, live in zip(st.columns(len(run.answers)), run.answers, strict=True):
            with column, st.container(border=True):
                answer_column(services.registry.get(live.model_id).title, live.view(), said)
        if not ended:
            st.button(said.compare["stop_all"], on_click=run.stop_all, key=session.STOP_ALL)
        elif was_running:
            st.rerun()

    was_running = not run.ended
    columns()


page(services(), words())
