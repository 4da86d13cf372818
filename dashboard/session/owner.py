"""Whose history and runs a page shows: a person who signed in, else this machine, else a browser.

Knows: the cookie of a browser, and the claims that make a person the same person tomorrow.
Refuses to know: how the cookie is set, how one signs in, and what an owner owns.
"""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256

import streamlit as st

from dashboard.resources import Services
from dashboard.session.signing_in import needed, person
from dashboard.session.this_machine import asks_from_this_machine
from history.records import THIS_MACHINE

COOKIE = "narani_owner"
SHAPE = "[A-Za-z0-9_-]{43}"
"""What `secrets.token_urlsafe(32)` looks like; anything else in the cookie is not ours."""
_KEY = "owner_browser_key"
_BROUGHT = "owner_brought_along"


def owner_id() -> str:
    """The id under which the history is kept. It is a hash: whoever reads the database learns no cookie that
    would let a browser pass as another, and no account name."""
    who = person()
    if who is not None:
        return "u-" + _hashed(json.dumps([who.issuer, who.subject]))
    return THIS_MACHINE if is_machine() else owner_of_browser(browser_key())


def is_machine() -> bool:
    """Whether every browser here, and the terminal, is the one owner that this machine has."""
    return not needed() and asks_from_this_machine()


def bring_along(services: Services) -> None:
    """What this browser kept under its cookie becomes the machine's; once a session is enough."""
    if st.session_state.get(_BROUGHT) or not is_machine():
        return
    st.session_state[_BROUGHT] = True
    key = st.context.cookies.get(COOKIE)
    if fits(key):
        before = owner_of_browser(str(key))
        for each in (services.history, services.runs, services.batches):
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
