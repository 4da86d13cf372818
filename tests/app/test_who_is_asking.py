"""Who is asking, without a browser: a person who signed in, a browser, nobody; and the door before the pages.

Run: python -m pytest tests/app/test_who_is_asking.py
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import owner

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

    from dashboard.components.browser_identity import browser_identity
    from dashboard.components.sign_in import require_sign_in
    from dashboard.session.owner import owner_id
    from dashboard.words import words

    require_sign_in(words())
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
    from streamlit import config

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
