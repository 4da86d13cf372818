"""Builds the objects of the process once: the registry, the engine, the runs.

Knows: which concrete engine the dashboard asks.
Refuses to know: pages and people. The engine itself, and torch with it, comes with the first question.
"""

from __future__ import annotations

from dataclasses import dataclass

import streamlit as st

from comparison.runs import Runs
from engines.base import Engine
from engines.lazy import LazyEngine
from model_registry.registry import Registry, load_registry
from settings import Settings, read_settings


@dataclass(frozen=True)
class Services:
    """What every page stands on; shared by all sessions."""

    settings: Settings
    registry: Registry
    engine: Engine
    runs: Runs


@st.cache_resource(show_spinner=False)
def services() -> Services:
    settings = read_settings()
    registry = load_registry(settings.own_models)
    return Services(settings, registry, LazyEngine(lambda: _build(registry, settings)), Runs())


def _build(registry: Registry, settings: Settings) -> Engine:
    from engines.local import build_local_engine

    return build_local_engine(registry, settings)
