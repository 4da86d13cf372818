"""The page of trainings: choose a base and data, see what they are, start, watch, and compare the result.

Knows: the order of things on the page.
Refuses to know: how a training is done, and how it becomes a process.
"""

from __future__ import annotations

import streamlit as st

from dashboard import training as tuning
from dashboard.browsing import zone
from dashboard.components.safe_text import safe_text
from dashboard.components.training_base import Wanted, training_base, training_target
from dashboard.components.training_data import TrainingData, training_data
from dashboard.components.training_list import training_list
from dashboard.components.training_progress import Seen, training_progress
from dashboard.components.training_report import training_report
from dashboard.components.training_settings import training_settings
from dashboard.model_choices import told_apart
from dashboard.resources import Services, services
from dashboard.session import training
from dashboard.words import Words, words
from finetune import jobs


def page(services: Services, said: Words) -> None:
    name = training.run_name()
    seen = tuning.look(name, services) if name else None
    if seen is not None:
        _opened(seen, services, said)
        return
    st.title(said.training["title"])
    st.caption(said.training["intro"])
    if name:
        st.info(said.training["gone"], icon=":material/search_off:")
    _new(services, said)
    titles = told_apart(services.registry.models)
    training_list(jobs.jobs(services.settings.home), titles, zone(), said)


def _new(services: Services, said: Words) -> None:
    registry = services.registry.now()
    left, right = st.columns(2)
    with left:
        base = training_base(registry, said)
    with right:
        recipe = tuning.pick_recipe(base.id, said)
    kept = recipe.settings if recipe else {}
    wanted = training_target(base, sorted(registry.formats.by_id), kept.get("format"), said)
    data = training_data(kept.get("data", ()), tuning.uploads(services), tuning.offers_paths(), said)
    values = training_settings(recipe, tuning.offers_paths(), said)
    settings = tuning.settings_for(wanted, data, values, said)
    if settings is not None:
        _start(settings, wanted, data, services, said)


def _start(
    settings: jobs.SftSettings, wanted: Wanted, data: TrainingData, services: Services, said: Words
) -> None:
    missing = tuning.missing(wanted, data, said)
    if missing:
        st.info(missing, icon=":material/arrow_upward:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            said.training["check"],
            key=training.CHECK,
            icon=":material/fact_check:",
            disabled=bool(missing),
            on_click=tuning.ask_check,
            args=(settings,),
        )
        label, icon = said.training["start"], ":material/play_arrow:"
        begun = st.button(label, key=training.START, icon=icon, type="primary", disabled=bool(missing))
    if begun:
        tuning.begin(settings, data, services, said)
    elif not missing:
        tuning.draw_check(settings, services, said)


def _opened(seen: Seen, services: Services, said: Words) -> None:
    name = seen.job.name
    st.button(
        said.training["new"],
        key=training.NEW,
        icon=":material/add:",
        type="tertiary",
        on_click=training.open_run,
        args=(None,),
    )
    st.title(safe_text(name))
    st.caption(tuning.facts(seen.job, services, said))
    tuning.say_problem(said)
    report = jobs.report(services.settings.home, name) if seen.job.state is jobs.JobState.DONE else None
    if report is not None:
        tuning.compare_button(report, services, said)
        st.subheader(said.training["report"], divider="gray")
        training_report(report, said)
        st.subheader(said.training["course"], divider="gray")
    training_progress(lambda: tuning.look(name, services), tuning.actions(name, services), said)


page(services(), words())
