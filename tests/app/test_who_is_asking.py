"""Who is asking, without a browser: a person who signed in, a browser, nobody; and the door before the pages.

Run: python -m pytest tests/app/test_who_is_asking.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit import config
from streamlit.runtime.context import ContextProxy, StreamlitHeaders
from streamlit.testing.v1 import AppTest

from dashboard.session import owner
from history.records import THIS_MACHINE

AUTH = {
    "redirect_uri": "http://localhost:8501/oauth2callback",
    "cookie_secret": "for this test only",
    "client_id": "narani",
    "client_secret": "none",
    "server_metadata_url": "http://localhost/none",
}
FIRST = {"is_logged_in": True, "iss": "http://provider", "sub": "1", "name": "first"}
COOKIE = "a" * 43


def door() -> None:
    import streamlit as st

    from dashboard.session.owner import owner_id
    from dashboard.shared.signing_in import browser_identity, require_sign_in
    from dashboard.texts import read_chosen

    require_sign_in(read_chosen())
    browser_identity()
    st.text(owner_id())


def opened(auth: dict[str, Any] | None = None, user: dict[str, Any] | None = None) -> AppTest:
    page = AppTest.from_function(door, default_timeout=20)
    if auth is not None:
        page.secrets["auth"] = auth
    if user is not None:
        page.user = user
    page.run()
    assert not page.exception
    return page


def owner_of(page: AppTest) -> str:
    return str(page.text[0].value)


def test_a_browser_without_a_cookie_is_one_owner_for_the_session() -> None:
    page = opened()
    first = owner_of(page)
    assert re.fullmatch("b-[0-9a-f]{32}", first)
    assert owner_of(page.run()) == first
    assert owner_of(opened()) != first


def test_signing_in_makes_the_same_person_the_same_owner_everywhere() -> None:
    assert owner_of(opened(AUTH, FIRST)) == owner_of(opened(AUTH, FIRST | {"name": "renamed", "exp": 1}))
    assert re.fullmatch("u-[0-9a-f]{32}", owner_of(opened(AUTH, FIRST)))


@pytest.mark.parametrize(
    "other", [{"sub": "2"}, {"iss": "http://another"}, {"iss": "http://provider\n", "sub": "\n1"}]
)
def test_another_subject_or_another_issuer_is_another_person(other: dict[str, str]) -> None:
    assert owner_of(opened(AUTH, FIRST | other)) != owner_of(opened(AUTH, FIRST))


@pytest.mark.parametrize(
    "user",
    [
        {"is_logged_in": False},
        {"is_logged_in": "yes", "iss": "http://provider", "sub": "1"},
        {"is_logged_in": True, "iss": "http://provider"},
        {"is_logged_in": True, "iss": "http://provider", "sub": ""},
        {"email": "somebody"},
    ],
)
def test_nobody_sees_only_the_door(user: dict[str, Any]) -> None:
    page = opened(AUTH, user)
    assert not page.text
    assert [button.key for button in page.button] == ["sign_in_default"]


def test_a_claim_counts_for_nothing_where_signing_in_is_not_set_up() -> None:
    assert owner_of(opened(None, FIRST)).startswith("b-")


def test_several_providers_have_a_button_each_and_their_options_none() -> None:
    shared = {"redirect_uri": AUTH["redirect_uri"], "cookie_secret": AUTH["cookie_secret"]}
    named = {name: {"client_id": name, "client_kwargs": {"prompt": "login"}} for name in ("one", "two")}
    page = opened(shared | named, {"is_logged_in": False})
    assert [button.key for button in page.button] == ["sign_in_one", "sign_in_two"]
    with_options = opened(AUTH | {"client_kwargs": {"prompt": "login"}}, {"is_logged_in": False})
    assert [button.key for button in with_options.button] == ["sign_in_default"]


def test_signing_out_closes_the_door_at_once() -> None:
    page = opened(AUTH, FIRST)
    page.button(key="sign_in_out").click().run()
    assert not page.text
    assert page.button(key="sign_in_default")


def test_secrets_that_cannot_be_read_open_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = tmp_path / "secrets.toml"
    broken.write_text("[auth\n", encoding="utf-8")
    before = config.get_option("secrets.files")
    config.set_option("secrets.files", [str(broken)])
    try:
        page = opened()
    finally:
        config.set_option("secrets.files", before)
    assert not page.text
    assert "secrets" in page.error[0].value


HERE = {"Host": "127.0.0.1:8501", "Origin": "http://127.0.0.1:8501"}


@pytest.mark.parametrize(
    ("address", "headers", "here"),
    [
        ("127.0.0.1", HERE, True),
        ("127.0.0.1", {"Host": "localhost:8501", "Origin": "http://localhost:8501"}, True),
        ("::1", {"Host": "[::1]:8501", "Origin": "http://[::1]:8501"}, True),
        ("localhost", {"Host": "LOCALHOST"}, True),
        ("127.0.0.1", {}, False),
        ("127.0.0.1", {"Host": "narani.example", "Origin": "https://narani.example"}, False),
        ("127.0.0.1", {"Host": "127.0.0.1.narani.example:8501"}, False),
        ("127.0.0.1", {"Host": "people.localhost:8501"}, False),
        ("127.0.0.1", {"Host": "[::1"}, False),
        # As nginx passes a request on when it is told nothing of names.
        ("127.0.0.1", HERE | {"Origin": "https://narani.example"}, False),
        ("127.0.0.1", HERE | {"Origin": "null"}, False),
        *(
            ("127.0.0.1", HERE | {name: "192.0.2.1"}, False)
            for name in ("X-Forwarded-For", "x-forwarded-host", "Forwarded", "X-Real-IP", "Via", "CF-Ray")
        ),
        *((address, HERE, False) for address in (None, "", "0.0.0.0", "::", "192.168.0.7")),
    ],
)
def test_who_counts_as_this_machine(
    monkeypatch: pytest.MonkeyPatch, address: str | None, headers: dict[str, str], here: bool
) -> None:
    sent = property(lambda _: StreamlitHeaders(headers.items()))
    monkeypatch.setattr(ContextProxy, "headers", sent)
    before = config.get_option("server.address")
    config.set_option("server.address", address)
    try:
        owners = {owner_of(opened()) for _ in range(2)}
        signed_in = owner_of(opened(AUTH, FIRST))
    finally:
        config.set_option("server.address", before)
    assert (owners == {THIS_MACHINE}) is here and len(owners) == 2 - here
    assert signed_in.startswith("u-")


@pytest.mark.parametrize(
    "forged",
    [None, "", "a" * 42, "a" * 44, "a" * 42 + "/", "a" * 42 + "가", "a" * 42 + "\n", 7, "../" + "a" * 40],
)
def test_a_cookie_of_another_shape_is_no_cookie_of_ours(forged: object) -> None:
    assert owner.fits(COOKIE)
    assert not owner.fits(forged)


def test_the_history_learns_no_cookie() -> None:
    page = opened()
    key = next(value for value in page.session_state.values() if owner.fits(value))
    assert key not in owner_of(page)
