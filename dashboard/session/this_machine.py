"""Whether whoever asks sits at this machine, so that every browser on it, and the terminal, are one owner.

Knows: the address the server listens on, and by which name and on whose behalf it was asked.
Refuses to know: signing in, cookies, and what an owner owns.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import streamlit as st

_FORWARDED = ("forwarded", "x-forwarded", "x-real-ip", "x-client-ip", "true-client-ip", "cf-", "via")
"""What a proxy adds to a request that it passes on begins with one of these."""


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
