"""Who is asking, as it is seen: the screen before the door, the way out, and the cookie that a browser keeps.

Knows: how one signs in and out by Streamlit's own OpenID Connect, and the script that keeps the cookie in
the browser, or says which one was there already, so that tomorrow it finds its own history again.
Refuses to know: what an owner owns.
"""

from __future__ import annotations

import streamlit as st

from dashboard.errors import show_error
from dashboard.session import owner
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts
from errors import NaraniError

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


def require_sign_in(texts: Texts) -> None:
    """Go on only with a person who signed in, where signing in is set up; else stop here."""
    try:
        needed = owner.sign_in_needed()
    except NaraniError as error:
        show_error(error, texts)
        st.stop()
    if not needed:
        return
    who = owner.signed_in()
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
    for provider in owner.providers():
        named = texts.sign_in["with"].format(provider=safe_text(provider or ""))
        label = texts.sign_in["in"] if provider is None else named
        st.button(
            label, type="primary", on_click=st.login, args=(provider,), key=f"sign_in_{provider or 'default'}"
        )


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
