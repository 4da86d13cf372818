"""Whose history and runs a page shows: a person who signed in, else this machine, else a browser.

Knows: the `[auth]` part of the secrets and which claims make a person the same person tomorrow, the address
that the server listens on and under which name it was asked, and the cookie of a browser.
Refuses to know: how the cookie is set, what the sign-in screen looks like, and what an owner owns.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from dashboard.resources import Services
from errors import BadEntry
from history.records import THIS_MACHINE

COOKIE = "narani_owner"
SHAPE = "[A-Za-z0-9_-]{43}"
"""What `secrets.token_urlsafe(32)` looks like; anything else in the cookie is not ours."""
_KEY = "owner_browser_key"
_BROUGHT = "owner_brought_along"
_FORWARDED = ("forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-", "via")
"""What a proxy adds to a request that it passes on begins with one of these."""


def owner_id() -> str:
    """The id under which the history is kept. It is a hash: whoever reads the database learns no cookie that
    would let a browser pass as another, and no account name."""
    who = signed_in()
    if who is not None:
        return "u-" + _hashed(json.dumps([who.issuer, who.subject]))
    return THIS_MACHINE if is_machine() else owner_of_browser(browser_key())


def is_machine() -> bool:
    """Whether every browser here, and the terminal, is the one owner that this machine has."""
    return not sign_in_needed() and asks_from_this_machine()


def bring_along(services: Services) -> None:
    """What this browser kept under its cookie becomes the machine's; once a session is enough."""
    if st.session_state.get(_BROUGHT) or not is_machine():
        return
    st.session_state[_BROUGHT] = True
    key = st.context.cookies.get(COOKIE)
    if fits(key):
        before = owner_of_browser(str(key))
        kept = (services.runs, services.batches, services.searches, services.measurings)
        for each in (services.history, *kept):
            each.hand_over(before, THIS_MACHINE)


def owner_of_browser(key: str) -> str:
    return "b-" + _hashed(key)


def browser_key() -> str:
    """The secret of this browser: what its cookie said, else a new one for this session to go on with."""
    kept = st.session_state.get(_KEY)
    if isinstance(kept, str):
        return kept
    key = st.context.cookies.get(COOKIE)
    if not fits(key):
        key = secrets.token_urlsafe(32)
    st.session_state[_KEY] = key
    return str(key)


def take_over(key: object) -> bool:
    """Another tab of this browser was first: go on with its secret. Whether that changed anything."""
    if not fits(key) or key == browser_key():
        return False
    st.session_state[_KEY] = key
    return True


def fits(key: object) -> bool:
    return isinstance(key, str) and re.fullmatch(SHAPE, key, re.ASCII) is not None


def _hashed(text: str) -> str:
    return sha256(f"narani-owner\n{text}".encode()).hexdigest()[:32]


@dataclass(frozen=True)
class Account:
    """One account at one provider; issuer and subject together never change and never repeat."""

    issuer: str
    subject: str
    name: str


def sign_in_needed() -> bool:
    """Whether `[auth]` stands in the secrets. Secrets that are there but cannot be read are refused: a slip
    of the pen must not open the door."""
    try:
        return "auth" in st.secrets
    except StreamlitSecretNotFoundError:
        if any(Path(path).exists() for path in st.get_option("secrets.files")):
            raise BadEntry("secrets-unreadable") from None
        return False


def providers() -> tuple[str | None, ...]:
    """The names of the providers to choose from; None is the one without a name."""
    section = st.secrets["auth"]
    named = [name for name, value in section.items() if isinstance(value, Mapping) and "client_id" in value]
    return (None, *named) if "client_id" in section or not named else tuple(named)


def signed_in() -> Account | None:
    """Who signed in; None where nobody did, or where signing in is not set up."""
    if not sign_in_needed() or st.user.get("is_logged_in") is not True:
        return None
    issuer, subject = st.user.get("iss"), st.user.get("sub")
    if not (isinstance(issuer, str) and issuer and isinstance(subject, str) and subject):
        return None
    name = st.user.get("name") or st.user.get("email") or subject
    return Account(issuer, subject, str(name))


def asks_from_this_machine() -> bool:
    """The server listens here alone, and was asked under a name of this machine's own, by a page of such a
    name. Behind a proxy one of the names is another, or the proxy says that it is one; a stranger's name that
    was made to lead here is another too."""
    headers = st.context.headers
    if any(name.lower().startswith(_FORWARDED) for name in headers):
        return False
    asked_under = [f"//{headers.get('Host', '')}", *headers.get_all("Origin")]
    return only_this_machine(st.get_option("server.address")) and all(
        only_this_machine(_host(url)) for url in asked_under
    )


def only_this_machine(address: str | None) -> bool:
    """Whether a server at this address is reached from its own machine alone, and by no name that somebody
    else could give away."""
    if not address:
        return False
    try:
        return ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address.lower() == "localhost"


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
