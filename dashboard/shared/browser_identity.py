"""Has the browser keep who it is, so that tomorrow it finds its own history again.

Knows: the script that runs in the page: it keeps the cookie, or says which one was there already.
Refuses to know: what the identity is used for.
"""

from __future__ import annotations

import streamlit as st

from dashboard.session import owner

_YEAR = 365 * 24 * 3600

_SCRIPT = """
export default function ({ data, setStateValue, parentElement }) {
  const around = parentElement.host?.closest('[data-testid="stElementContainer"]')
  if (around) around.style.display = 'none'  // it draws nothing and takes no place
  const meet = () => {
    const found = document.cookie.split('; ').find((each) => each.startsWith(data.name + '='))
    const key = found?.slice(data.name.length + 1)
    if (key !== data.key && new RegExp('^' + data.shape + '$').test(key ?? '')) {
      setStateValue('key', key)
      return
    }
    const secure = location.protocol === 'https:' ? '; Secure' : ''
    document.cookie = `${data.name}=${data.key}; Path=/; Max-Age=${data.seconds}; SameSite=Strict${secure}`
  }
  // Two tabs opened at once must not both find no cookie; the lock exists where the address is trusted.
  if (navigator.locks) navigator.locks.request(data.name, meet)
  else meet()
}
"""
_meet = st.components.v2.component("narani_browser_identity", js=_SCRIPT)


def browser_identity() -> None:
    """Once a run, on every page. Of two first tabs at once, the later becomes the owner that the first is.
    On this machine nobody needs it."""
    if owner.is_machine():
        return
    data = {"name": owner.COOKIE, "key": owner.browser_key(), "shape": owner.SHAPE, "seconds": _YEAR}
    answered = _meet(key="owner_browser", data=data, default={"key": None}, on_key_change=_nothing)
    if owner.take_over(answered.key):
        st.rerun()


def _nothing() -> None:
    """A value that comes back needs a callback to be heard of."""
