"""The page of models: what is in memory, what exists, how each is spoken to, and a person's own entries.

Knows: the order of things on the page.
Refuses to know: how they come about.
"""

from __future__ import annotations

import streamlit as st

from dashboard.components.memory_panel import memory_panel
from dashboard.components.model_facts import model_facts
from dashboard.components.registry_table import filtered, registry_filters, registry_table
from dashboard.entering import own_entries
from dashboard.previewing import formats
from dashboard.resources import Services, services
from dashboard.session import models
from dashboard.words import Words, words
from model_registry.registry import Registry

SECTIONS = ("memory", "registry", "formats", "own")


def page(services: Services, said: Words) -> None:
    st.title(said.models["title"])
    section = st.segmented_control(
        said.models["section"],
        SECTIONS,
        default=models.part(SECTIONS),
        required=True,
        key=models.SECTION,
        format_func=lambda one: said.models[f"section_{one}"],
        label_visibility="collapsed",
        on_change=models.remember_part,
        persist_state="session",
    )
    registry = services.registry.now()
    if section == "memory":
        memory_panel(services.memory, services.registry, said)
    elif section == "registry":
        show_registry(registry, said)
    elif section == "formats":
        formats(registry, said)
    else:
        own_entries(services, said)


def show_registry(registry: Registry, said: Words) -> None:
    found = filtered(registry, registry_filters(registry, said))
    if found:
        st.caption(said.models["found"].format(count=len(found), all=len(registry.models)))
        registry_table(registry, found, said, models.choose_model)
    else:
        st.info(said.models["none_found"], icon=":material/search_off:")
    if registry.faults:
        st.warning(said.models["some_faulty"].format(count=len(registry.faults)), icon=":material/error:")
    chosen = registry.models.get(models.chosen_model() or "")
    if chosen is not None:
        with st.container(border=True):
            model_facts(registry, chosen, said)
    elif found:
        st.caption(said.models["select_row"])


page(services(), words())
