"""The page of trainings: choose a base and data, see what they are, start, watch, and compare the result."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import streamlit as st

from dashboard.errors import say_once
from dashboard.resources import Services, services
from dashboard.session import training
from dashboard.shared.formatting import zone
from dashboard.shared.model_choices import distinct_titles
from dashboard.shared.safe_text import safe_text
from dashboard.shared.uploading import uploads_of
from dashboard.texts import Texts, read_chosen
from dashboard.training import tuning
from dashboard.training.base_form import training_base, training_target
from dashboard.training.chain import BY_REWARDS, finished, training_chain
from dashboard.training.data_source import TrainingData, training_data
from dashboard.training.going_on import going_on
from dashboard.training.progress import TrainingView, training_progress
from dashboard.training.report import training_report
from dashboard.training.rewards_form import training_rewards
from dashboard.training.runs_list import training_list
from dashboard.training.settings_form import form_of, training_settings
from finetune import jobs


def page(services: Services, texts: Texts) -> None:
    name = training.run_name()
    seen = tuning.look(name, services) if name else None
    if seen is not None:
        _opened(seen, services, texts)
        return
    st.title(texts.training["title"])
    st.caption(texts.training["intro"])
    if name:
        st.info(texts.training["gone"], icon=":material/search_off:")
    runs = jobs.jobs(services.settings.home)
    _new(training_chain(runs, texts), runs, services, texts)
    training_list(runs, distinct_titles(services.registry.models), zone(), texts)


def _new(kind: str, runs: Sequence[jobs.Job], services: Services, texts: Texts) -> None:
    registry = services.registry.now()
    left, right = st.columns(2)
    with left:
        base = training_base(registry, kind, texts)
    with right:
        recipe = tuning.pick_recipe(kind, base, texts)
    kept = recipe.settings if recipe else {}
    wanted = training_target(base, sorted(registry.formats.by_id), kept.get("format"), texts)
    marked, paths = partial(tuning.marked_pairs, services), tuning.offers_paths()
    data = training_data(kind, kept.get("data", ()), uploads_of(services), marked, paths, texts)
    values = {}
    if kind in BY_REWARDS:
        models = [run.name for run in finished(runs).get("reward", [])]
        values = {"rewards": training_rewards(form_of(kind, recipe), kept.get("rewards", ()), models, texts)}
    values |= training_settings(kind, recipe, paths, texts)
    settings = tuning.settings_for(kind, wanted, data, values, texts)
    if settings is not None:
        _start(settings, tuning.missing(wanted, data, values, texts), data, services, texts)


def _start(
    settings: jobs.RunSettings, missing: str | None, data: TrainingData, services: Services, texts: Texts
) -> None:
    if missing:
        st.info(missing, icon=":material/arrow_upward:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            texts.training["check"],
            key=training.CHECK,
            icon=":material/fact_check:",
            disabled=bool(missing),
            on_click=tuning.ask_check,
            args=(settings,),
        )
        label, icon = texts.training["start"], ":material/play_arrow:"
        begun = st.button(label, key=training.START, icon=icon, type="primary", disabled=bool(missing))
    if begun:
        tuning.begin(settings, data, services, texts)
    elif not missing:
        tuning.draw_check(settings, services, texts)


def _opened(seen: TrainingView, services: Services, texts: Texts) -> None:
    name = seen.job.name
    st.button(
        texts.training["new"],
        key=training.NEW,
        icon=":material/add:",
        type="tertiary",
        on_click=training.open_run,
        args=(None,),
    )
    st.title(safe_text(name))
    st.caption(tuning.facts(seen.job, services, texts))
    say_once(training.PROBLEM, texts)
    report = jobs.report(services.settings.home, name) if seen.job.state is jobs.TrainingState.DONE else None
    if report is not None:
        going_on(seen.job, report, services, texts)
        title = texts.kinds["judging"] if seen.job.kind == "reward" else texts.training["report"]
        st.subheader(title, divider="gray")
        training_report(seen.job.kind, report, texts)
        st.subheader(texts.training["course"], divider="gray")
    training_progress(lambda: tuning.look(name, services), tuning.actions(name, services), texts)


page(services(), read_chosen())
