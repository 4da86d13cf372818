"""Builds the objects of the process once: the registry, the engine, the runs, the history.

Knows: which concrete engine the dashboard asks.
Refuses to know: pages and people. The engine comes with the first question; its libraries
are imported once a page stands, so that the first question does not wait for them.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from settings import Settings, environment_key, read_settings

if TYPE_CHECKING:
    from comparison.asking import AskingService, SentQuestion
    from comparison.batch.jobs import BatchJobs
    from comparison.measuring import LiveMeasurings
    from comparison.runs import LiveRuns
    from comparison.waiting import WaitingQuestions
    from engines.base import Engine
    from engines.memory import ModelDownloads, ModelMemory
    from history.history import History
    from model_registry.live import LiveRegistry
    from search.asking import SearchAsking
    from search.live_search import LiveSearches
    from search.providers.catalog import ProviderEntry


_MOMENT = 3.0
"""Seconds from a drawn page to the imports: they hold the interpreter in stretches, and a browser is still
fetching what the page is made of."""
_LIBRARIES = (
    "engines.local",
    "transformers.modeling_utils",
    "transformers.models.auto.modeling_auto",
    "transformers.processing_utils",
    "transformers.tokenization_utils_tokenizers",
)
"""transformers imports its parts when they are first asked for, and these are asked for by every load."""


@dataclass(frozen=True)
class Services:
    """What every page stands on; shared by all sessions."""

    settings: Settings
    registry: LiveRegistry
    engine: Engine
    memory: ModelMemory
    downloads: ModelDownloads
    asking: AskingService
    runs: LiveRuns
    history: History
    batches: BatchJobs
    waiting: WaitingQuestions[SentQuestion]
    searches: LiveSearches
    measurings: LiveMeasurings
    search_providers: Callable[[], tuple[ProviderEntry, ...]]
    """Where can be searched, and what a provider lacks that cannot be used now."""
    page_stands: Callable[[], None]
    """To be called when a page is drawn: what the first question needs is then imported beforehand."""


@st.cache_resource(show_spinner=False)
def services() -> Services:
    # Imported here, so that the menu is on the screen before a database and a registry are.
    from comparison.batch.jobs import BatchJobs
    from comparison.measuring import LiveMeasurings
    from comparison.runs import LiveRuns
    from comparison.waiting import WaitingQuestions
    from engines import build
    from history.history import History
    from model_registry.live import LiveRegistry
    from search.extractive import ExtractiveEngine
    from search.live_search import LiveSearches
    from search.providers.catalog import provider_entries

    settings = read_settings()
    registry = LiveRegistry(settings.own_models)
    models, memory = build.build_engine_lazily(registry, settings)
    engine = ExtractiveEngine(models)
    history = History(settings.home, settings.database)
    # What ended is in the history; here it is only kept for those who look at it now.
    runs = LiveRuns(keep_seconds=600, limit=40, unwatched_seconds=settings.unwatched_seconds)
    batches = BatchJobs(engine, history, settings.rows_per_model)
    asking, searching = _asking(engine, registry, history, runs, settings)

    return Services(
        settings,
        registry,
        engine,
        memory,
        build.build_downloads(registry, memory),
        asking,
        runs,
        history,
        batches,
        WaitingQuestions(),
        LiveSearches(searching),
        LiveMeasurings(engine, unwatched_seconds=settings.unwatched_seconds),
        partial(provider_entries, settings, _search_key),
        partial(memory.prepare_soon, _prepare, _MOMENT),
    )


def _asking(
    engine: Engine, registry: LiveRegistry, history: History, runs: LiveRuns, settings: Settings
) -> tuple[AskingService, SearchAsking]:
    """Plainly, and after a search: both ask the same engine and store alike."""
    from comparison.asking import AskingService
    from comparison.turns import conversation
    from search.answer_extras import finish
    from search.asking import told_without_sources, with_extractive
    from search.wiring import search_asking

    recommended = with_extractive(lambda id: registry.get(id).generation)
    asking = AskingService(engine, recommended, history, runs, finish, told_without_sources)
    turns_of = partial(conversation, runs, history)
    return asking, search_asking(asking, engine, registry, recommended, settings, _search_key, turns_of)


def _search_key(name: str) -> str | None:
    """From the environment or the secrets, at the moment of use."""
    if value := environment_key(name):
        return value
    try:
        value = st.secrets.get(name)
    except StreamlitSecretNotFoundError:
        return None
    return value if isinstance(value, str) else None


def _prepare() -> None:
    """Everything that a first answer imports of libraries; no device is touched and no model loaded."""
    for name in _LIBRARIES:
        importlib.import_module(name)
