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
from dashboard.training.run_comparison import training_comparison
from dashboard.training.run_settings import readable_settings, training_settings_used
from dashboard.training.runs_table import MOST_COMPARED, training_runs
from dashboard.training.same_settings import fill_form
from dashboard.training.settings_form import form_of, training_settings
from finetune import jobs


def page(services: Services, texts: Texts) -> None:
    names = training.run_names()
    seen = {name: view for name in names if (view := tuning.look(name, services)) is not None}
    if len(names) > 1 and len(seen) > 1:
        _compared(names, list(seen), services, texts)
        return
    if seen:
        _opened(next(iter(seen.values())), services, texts)
        return
    st.title(texts.training["title"])
    st.caption(texts.training["intro"])
    if names:
        st.info(texts.training["gone"], icon=":material/search_off:")
    runs = jobs.jobs(services.settings.home)
    _new(training_chain(runs, texts), runs, services, texts)
    titles, summary = distinct_titles(services.registry.models), partial(jobs.summary, services.settings.home)
    training_runs(runs, summary, titles, zone(), texts)


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


def _compared(names: Sequence[str], found: Sequence[str], services: Services, texts: Texts) -> None:
    _back(texts)
    st.title(texts.runs["compared"])
    for left_out, why in ((set(names) - set(found), "gone"), (found[MOST_COMPARED:], "cut")):
        if left_out:
            listed = ", ".join(map(safe_text, sorted(left_out)))
            st.info(texts.runs[f"compared_{why}"].format(names=listed, most=MOST_COMPARED))
    training_comparison(partial(tuning.look_at_all, found[:MOST_COMPARED], services), texts)


def _opened(seen: TrainingView, services: Services, texts: Texts) -> None:
    name = seen.job.name
    _back(texts)
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
    _settings(seen.job, services, texts)


def _settings(job: jobs.Job, services: Services, texts: Texts) -> None:
    st.subheader(texts.runs["settings"], divider="gray")
    settings, paths = readable_settings(job), tuning.offers_paths()
    if settings is not None:
        st.button(
            texts.runs["again"],
            key=training.AGAIN,
            icon=":material/content_copy:",
            help=texts.runs["again_help"],
            on_click=fill_form,
            args=(settings, services, paths),
        )
    training_settings_used(job, jobs.summary(services.settings.home, job), paths, texts)


def _back(texts: Texts) -> None:
    icon = ":material/add:"
    st.button(texts.training["new"], key=training.NEW, icon=icon, type="tertiary", on_click=training.open_run)


page(services(), read_chosen())
