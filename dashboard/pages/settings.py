"""The page of settings: language, theme, what asking starts with, where data lies, versions.

Knows: the order of things on the page.
Refuses to know: how they are drawn and where they are kept.
"""

from __future__ import annotations

import streamlit as st

from dashboard.components.about_panel import about_panel, account_panel
from dashboard.components.data_panel import data_panel
from dashboard.components.export_button import export_buttons
from dashboard.components.preference_form import asking_defaults, language_choice
from dashboard.components.theme_choice import theme_choice
from dashboard.errors import show_error
from dashboard.menu import ADDRESSES
from dashboard.model_choices import told_apart
from dashboard.resources import Services, services
from dashboard.session import settings, signing_in
from dashboard.session.owner import is_machine, owner_id
from dashboard.session.this_machine import only_this_machine
from dashboard.stored_data import stored_data
from dashboard.versions import report
from dashboard.words import Words, words
from errors import NaraniError


def page(services: Services, owner: str, said: Words) -> None:
    st.title(said.settings["title"])
    with st.container(width=760):
        _looks(services, owner, said)
        _asking(services, owner, said)
        _data(services, owner, said)
        st.subheader(said.settings["account"])
        account_panel(signing_in.person(), is_machine(), said)
        st.subheader(said.settings["report"])
        about_panel(report(services.memory.view()), said)


def _looks(services: Services, owner: str, said: Words) -> None:
    st.subheader(said.settings["language"])
    language_choice(settings.preferences(), said, lambda **value: _keep(services, owner, said, **value))
    st.subheader(said.settings["theme"])
    theme_choice(ADDRESSES, said, key=settings.THEME)
    st.caption(said.settings["theme_note"])


def _asking(services: Services, owner: str, said: Words) -> None:
    st.subheader(said.settings["asking"])
    st.caption(said.settings["asking_note"])
    titles = told_apart(services.registry.models)
    now = settings.preferences()
    asking_defaults(now, titles, said, lambda **value: _keep(services, owner, said, **value))


def _data(services: Services, owner: str, said: Words) -> None:
    st.subheader(said.settings["data"])
    shown = only_this_machine(st.get_option("server.address")) and not signing_in.needed()
    data_panel(stored_data(services.settings), services.history.status(), shown, said)
    st.caption(said.settings["export_note"])
    folder = services.settings.home / "exports"
    export_buttons(lambda: services.history.flat(owner), folder, said, settings.EXPORT)


def _keep(services: Services, owner: str, said: Words, **value: object) -> None:
    try:
        settings.keep(services, owner, **value)
    except NaraniError as error:
        show_error(error, said)


page(services(), owner_id(), words())
