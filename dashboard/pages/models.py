"""The page of models: what is in memory, what exists, how each is spoken to, and a person's own entries."""

from __future__ import annotations

import streamlit as st

from dashboard.models.downloads_panel import downloads_panel
from dashboard.models.entering import own_entries
from dashboard.models.memory_panel import memory_panel
from dashboard.models.model_facts import model_facts
from dashboard.models.prompt_formats import formats
from dashboard.models.registry_table import filtered, registry_filters, registry_table
from dashboard.resources import Services, services
from dashboard.session import models
from dashboard.session.owner import is_machine
from dashboard.texts import Texts, read_chosen
from model_registry.registry import Registry

SECTIONS = ("memory", "registry", "downloads", "formats", "own")


def page(services: Services, texts: Texts) -> None:
    st.title(texts.models["title"])
    section = st.segmented_control(
        texts.models["section"],
        SECTIONS,
        default=models.part(SECTIONS),
        required=True,
        key=models.SECTION,
        format_func=lambda one: texts.models[f"section_{one}"],
        label_visibility="collapsed",
        on_change=models.remember_part,
        persist_state="session",
    )
    registry = services.registry.now()
    if section == "memory":
        memory_panel(services.memory, services.registry, texts)
    elif section == "registry":
        show_registry(registry, texts)
    elif section == "downloads":
        downloads_panel(services.downloads, registry, may_remove=is_machine(), texts=texts)
    elif section == "formats":
        formats(registry, texts)
    else:
        own_entries(services, texts)


def show_registry(registry: Registry, texts: Texts) -> None:
    found = filtered(registry, registry_filters(registry, texts), texts)
    if found:
        st.caption(texts.models["found"].format(count=len(found), all=len(registry.models)))
        registry_table(registry, found, texts, models.choose_model)
    else:
        st.info(texts.models["none_found"], icon=":material/search_off:")
    if registry.faults:
        st.warning(texts.models["some_faulty"].format(count=len(registry.faults)), icon=":material/error:")
    chosen = registry.models.get(models.chosen_model() or "")
    if chosen is not None:
        with st.container(border=True):
            model_facts(registry, chosen, texts)
    elif found:
        st.caption(texts.models["select_row"])


page(services(), read_chosen())
