"""The page of settings: language, theme, what asking starts with, where data lies, versions."""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.menu import ADDRESSES
from dashboard.resources import Services, services
from dashboard.session import settings
from dashboard.session.owner import is_machine, only_this_machine, owner_id, sign_in_needed, signed_in
from dashboard.settings.about import about_panel, account_panel, report
from dashboard.settings.preference_form import asking_defaults, language_choice, theme_choice
from dashboard.settings.stored_data import data_panel, stored_data
from dashboard.shared.export import export_buttons
from dashboard.shared.model_choices import distinct_titles
from dashboard.texts import Texts, read_chosen
from errors import NaraniError


def page(services: Services, owner: str, texts: Texts) -> None:
    st.title(texts.settings["title"])
    with st.container(width=760):
        _looks(services, owner, texts)
        _asking(services, owner, texts)
        _data(services, owner, texts)
        st.subheader(texts.settings["account"])
        account_panel(signed_in(), is_machine(), texts)
        st.subheader(texts.settings["report"])
        about_panel(report(services.memory.view()), texts)


def _looks(services: Services, owner: str, texts: Texts) -> None:
    st.subheader(texts.settings["language"])
    language_choice(settings.preferences(), texts, lambda **value: _keep(services, owner, texts, **value))
    st.subheader(texts.settings["theme"])
    theme_choice(ADDRESSES, texts, key=settings.THEME)
    st.caption(texts.settings["theme_note"])


def _asking(services: Services, owner: str, texts: Texts) -> None:
    st.subheader(texts.settings["asking"])
    st.caption(texts.settings["asking_note"])
    titles = distinct_titles(services.registry.answerers)
    now = settings.preferences()
    asking_defaults(now, titles, texts, lambda **value: _keep(services, owner, texts, **value))


def _data(services: Services, owner: str, texts: Texts) -> None:
    st.subheader(texts.settings["data"])
    shown = only_this_machine(st.get_option("server.address")) and not sign_in_needed()
    data_panel(stored_data(services.settings), services.history.status(), shown, texts)
    st.caption(texts.settings["export_note"])
    folder = services.settings.home / "exports"
    export_buttons(lambda: services.history.flat(owner), folder, texts, settings.EXPORT)


def _keep(services: Services, owner: str, texts: Texts, **value: object) -> None:
    try:
        settings.keep(services, owner, **value)
    except NaraniError as error:
        show_error(error, texts)


page(services(), owner_id(), read_chosen())
