"""Who signed in, where signing in is set up.

Knows: the `[auth]` part of the secrets, and which claims of a person are to be trusted.
Refuses to know: cookies, screens, and what the person owns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from errors import BadEntry


@dataclass(frozen=True)
class Person:
    """One account at one provider; issuer and subject together never change and never repeat."""

    issuer: str
    subject: str
    name: str


def needed() -> bool:
    """Whether `[auth]` stands in the secrets. Secrets that are there but cannot be read are refused: a slip
    of the pen must not open the door."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        if any(Path(path).exists() for path in st.get_option("secrets.files")):
            raise BadEntry("The secrets file cannot be read. Correct it, or take it away.") from None
        return False


def providers() -> tuple[str | None, ...]:
    """The names of the providers to choose from; None is the one without a name."""
    section = st.secrets["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    return (None, *named) if "client_id" in section or not named else tuple(named)


def person() -> Person | None:
    """Who signed in; None where nobody did, or where signing in is not set up."""
    if not needed() or st.user.get("is_logged_in") is not True:
        return None
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        return None
    name = st.user.get("name") or st.user.get("email") or subject
    return Person(issuer, subject, str(name))
