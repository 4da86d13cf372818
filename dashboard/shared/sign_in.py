"""The door, where signing in is set up: a screen before it, a way out behind it.

Knows: how one signs in and out by Streamlit's own OpenID Connect.
Refuses to know: what lies behind the door, and what a person owns.
"""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import signing_in
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import NaraniError


def require_sign_in(texts: Texts) -> None:
    """Go on only with a person who signed in, where signing in is set up; else stop here."""
    try:
        needed = signing_in.needed()
    except NaraniError as error:
        show_error(error, texts)
        st.stop()
    if not needed:
        return
    who = signing_in.person()
    if who is None:
        _screen(texts)
        st.stop()
    with st.sidebar:
        sign_out_button(who.name, texts, key="sign_in_out")


def sign_out_button(name: str, texts: Texts, key: str) -> None:
    label = texts.sign_in["out"].format(name=safe_text(name))
    st.button(label, icon=":material/logout:", type="tertiary", on_click=st.logout, key=key)


def _screen(texts: Texts) -> None:
    st.title(texts.sign_in["title"])
    st.write(texts.sign_in["why"])
    for provider in signing_in.providers():
        named = texts.sign_in["with"].format(provider=safe_text(provider or ""))
        label = texts.sign_in["in"] if provider is None else named
        st.button(
            label, type="primary", on_click=st.login, args=(provider,), key=f"sign_in_{provider or 'default'}"
        )
