"""What the training page does between its widgets and the trainings: check, start, stop, resume, compare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st

from comparison.preference_pairs import JudgedPairs, add_from_history
from dashboard.errors import led_by, show_error
from dashboard.resources import Services
from dashboard.session import owner, training
from dashboard.shared.safe_text import safe_text
from dashboard.shared.uploading import forget_files, uploads_of
from dashboard.texts import Texts
from dashboard.training.base_form import TrainingTarget
from dashboard.training.data_report import training_data_report, training_steps
from dashboard.training.data_source import TrainingData
from dashboard.training.memory_plan import idle, training_memory
from dashboard.training.progress import TrainingActions, TrainingView
from dashboard.training.run_comparison import ComparedRun
from dashboard.training.run_settings import data_names, method_of
from dashboard.training.settings_form import training_recipe
from errors import Cause, NaraniError
from finetune import jobs
from finetune.jobs import KINDS, Check, Job, Recipe, RunSettings
from model_registry.spec import ModelSpec

Stamps = tuple[tuple[str, int, int], ...]


def offers_paths() -> bool:
    """Where people sign in, the machine's files are not theirs to look at."""
    return not owner.sign_in_needed()


def marked_pairs(services: Services) -> JudgedPairs:
    """What the person at this browser found better on the comparison."""
    pairs = JudgedPairs()
    add_from_history(pairs, services.history, owner.owner_id())
    return pairs


def pick_recipe(kind: str, base: ModelSpec, texts: Texts) -> Recipe | None:
    below = base.adapter.base if base.adapter else base.id
    brought = jobs.recipe_of_base(below, kind)
    offered = [recipe for recipe in jobs.all_recipes() if recipe.kind == kind]
    key = training.recipe_key(kind, base.id)
    return training_recipe(offered, brought.name if brought else None, key, texts)


def settings_for(
    kind: str, wanted: TrainingTarget, data: TrainingData, values: Mapping[str, Any], texts: Texts
) -> RunSettings | None:
    """None where they contradict each other, which is said."""
    name = jobs.safe_name(wanted.name) if wanted.name else None
    if name is not None and name != wanted.name:
        st.caption(texts.training["will_be_called"].format(name=safe_text(name)))
    try:
        return KINDS[kind].settings(
            base_model=wanted.base.id, data=data.sources, name=name, format=wanted.format, **values
        )
    except NaraniError as error:
        show_error(error, texts)
        return None


def missing(
    wanted: TrainingTarget, data: TrainingData, values: Mapping[str, Any], texts: Texts
) -> str | None:
    """What has to be chosen first."""
    if wanted.lacks_format:
        return texts.training["choose_format"]
    if not data.sources:
        return texts.training["choose_data"]
    return texts.kinds["choose_rewards"] if values.get("rewards") == () else None


def draw_check(settings: RunSettings, services: Services, texts: Texts) -> None:
    """What the check found; nothing while nobody asked for it with these settings."""
    if training.checked() != _fingerprint(settings):
        st.caption(texts.training["check_again" if training.checked() else "check_about"])
        return
    home = services.settings.home
    try:
        with st.spinner(texts.training["checking"]):
            found = _check(replace(settings, name=None), home, _stamps(settings), training.check_round())
    except NaraniError as error:
        show_error(error, texts)
        return
    _draw(found, services, texts)


def ask_check(settings: RunSettings) -> None:
    """What was found out before may no longer hold: memory, models and files change."""
    training.set_checked(_fingerprint(settings))
    training.check_anew()


def begin(settings: RunSettings, data: TrainingData, services: Services, texts: Texts) -> None:
    """Start it and show it; what cannot be started is said and nothing is lost."""
    try:
        files = [Path(path) for path in data.uploads]
        name = jobs.start(settings, services.settings.home, files)
    except NaraniError as error:
        show_error(error, texts)
        return
    if files:
        forget_files(training.UPLOADS, uploads_of(services))
    training.open_run(name)
    st.rerun()


def look(name: str, services: Services) -> TrainingView | None:
    home = services.settings.home
    job = jobs.job(home, name)
    if job is None:
        return None
    return TrainingView(job, jobs.metrics(home, name), jobs.log_tail(home, name), jobs.samples(home, name))


def look_at_all(names: Sequence[str], services: Services) -> list[ComparedRun]:
    views = [view for name in names if (view := look(name, services)) is not None]
    return [ComparedRun(view, jobs.summary(services.settings.home, view.job)) for view in views]


def actions(name: str, services: Services) -> TrainingActions:
    home = services.settings.home

    def stop() -> None:
        training.set_stopping(name, jobs.stop(home, name))

    def resume() -> None:
        training.set_stopping(name, False)
        try:
            jobs.resume(home, name)
        except NaraniError as error:
            training.PROBLEM.set(error.cause)

    return TrainingActions(stop, resume)


def facts(job: Job, services: Services, texts: Texts) -> str:
    """Kind, base, method and rows of data, in a line."""
    base = str(job.settings.get("base_model", ""))
    spec = services.registry.models.get(base)
    kind = texts.kinds.get(job.kind, job.kind)
    parts = [kind, spec.title if spec else base, method_of(job, texts), ", ".join(data_names(job))]
    return " · ".join(safe_text(part) for part in parts if part)


def _fingerprint(settings: RunSettings) -> str:
    """What the run is called changes nothing of it."""
    return json.dumps({**asdict(settings), "name": None})


def _draw(found: Check, services: Services, texts: Texts) -> None:
    for error in (found.data_error, found.plan_error):
        if error is not None:
            st.warning(
                led_by(texts.training["check_refused"], Cause.from_json(error), texts),
                icon=":material/error:",
            )
    if found.data is not None:
        with st.container(border=True):
            training_data_report(found.data, texts)
    if found.steps is not None:
        with st.container(border=True):
            training_steps(found.steps, texts)
    if found.plan is not None:
        with st.container(border=True):
            release = partial(_release_idle, services)
            training_memory(found.plan, services.memory.view(), release, texts)


def _release_idle(services: Services) -> None:
    view = services.memory.view()
    for resident in idle(view.residents) if view else []:
        services.memory.release(resident.model_id, resident.quantization)
    training.check_anew()


@st.cache_data(show_spinner=False, max_entries=16)
def _check(settings: RunSettings, home: Path, stamps: Stamps, again: str) -> Check:
    """`stamps` and `again` are part of the key: changed files are read again, and whoever asks anew is told
    what holds now."""
    return jobs.check(settings, home)


def _stamps(settings: RunSettings) -> Stamps:
    named = (*settings.data, *getattr(settings, "holdout_data", ()))
    files = [Path(source) for source in named if Path(source).is_file()]
    return tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in files)
