"""Whose history and runs a page shows: a person who signed in, else a browser.

Knows: the cookie of a browser, and the claims that make a person the same person tomorrow.
Refuses to know: how the cookie is set, how one signs in, and what an owner owns.
"""

from __future__ import annotations

import json
import re
import secrets
from hashlib import sha256

import streamlit as st

from dashboard.session.signing_in import person

COOKIE = "narani_owner"
SHAPE = "[A-Za-z0-9_-]{43}"
"""What `secrets.token_urlsafe(32)` looks like; anything else in the cookie is not ours."""
_KEY = "owner_browser_key"


def owner_id() -> str:
    """The id under which the history is kept. It is a hash: whoever reads the database learns no cookie that
    would let a browser pass as another, and no account name."""
    who = person()
    if who is not None:
        return "u-" + _hashed(json.dumps([who.issuer, who.subject]))
    return owner_of_browser(browser_key())


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
