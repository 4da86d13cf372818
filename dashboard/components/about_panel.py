"""What a bug report needs, ready to be copied; and who is signed in.

Knows: how it is shown.
Refuses to know: how versions are found, and how one signs in.
"""

from __future__ import annotations

import streamlit as st

from dashboard.components.safe_text import safe_text
from dashboard.components.sign_in import sign_out_button
from dashboard.session import settings
from dashboard.session.signing_in import Person
from dashboard.words import Words


def about_panel(report: str, said: Words) -> None:
    st.caption(said.settings["report_note"])
    st.code(report, language=None)


def account_panel(who: Person | None, machine: bool, said: Words) -> None:
    """Nobody signed in: all of a machine are one owner, or each browser is one."""
    if who is None:
        st.caption(said.settings["this_machine"] if machine else said.settings["no_sign_in"])
        return
    st.write(said.settings["signed_in"].format(name=safe_text(who.name)))
    sign_out_button(who.name, said, key=settings.SIGN_OUT)
