"""What a bug report needs, ready to be copied; and who is signed in.

Knows: how it is shown.
Refuses to know: how versions are found, and how one signs in.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session import settings
from dashboard.session.signing_in import Person
from dashboard.shared.safe_text import safe_text
from dashboard.shared.sign_in import sign_out_button
from dashboard.texts import Texts


def about_panel(report: str, texts: Texts) -> None:
    st.caption(texts.settings["report_note"])
    st.code(report, language=None)


def account_panel(who: Person | None, machine: bool, texts: Texts) -> None:
    """Nobody signed in: all of a machine are one owner, or each browser is one."""
    if who is None:
        st.caption(texts.settings["this_machine"] if machine else texts.settings["no_sign_in"])
        return
    st.write(texts.settings["signed_in"].format(name=safe_text(who.name)))
    sign_out_button(who.name, texts, key=settings.SIGN_OUT)
