"""Who is asking, in real browsers on a real server: by cookie, and by signing in at a provider on loopback.

Run: python -m pytest tests/browser/test_owner_and_sign_in.py  (needs Debian's chromium)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from dashboard.texts import read_texts
from tests.browser.at_the_page import one
from tests.browser.conftest import serving
from tests.browser.expecting import PATIENCE, expect
from tests.browser.loopback_oidc import CLIENT, CLIENT_SECRET, Cheat, Provider, loopback_provider

COOKIE = "narani_owner"
QUESTION = "대한민국의 수도는 어디인가요?"
NewBrowser = Callable[[], BrowserContext]


@pytest.fixture
def new_browser(chromium: Browser) -> Iterator[NewBrowser]:
    """Another person's browser: its own cookies and storage."""
    contexts: list[BrowserContext] = []

    def new() -> BrowserContext:
        contexts.append(chromium.new_context(locale="ko-KR", color_scheme="light"))
        contexts[-1].set_default_timeout(PATIENCE)
        return contexts[-1]

    yield new
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with loopback_provider() as running:
        yield running


@pytest.fixture(scope="module")
def closed_address(tmp_path_factory: pytest.TempPathFactory, provider: Provider) -> Iterator[str]:
    """A server at which one has to sign in."""
    folder = tmp_path_factory.mktemp("closed")
    secrets = folder / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        'redirect_uri = "http://127.0.0.1:{port}/oauth2callback"\n'
        'cookie_secret = "made for this test and for nothing else"\n'
        f'client_id = "{CLIENT}"\nclient_secret = "{CLIENT_SECRET}"\n'
        f'server_metadata_url = "{provider.address}/.well-known/openid-configuration"\n',
        encoding="utf-8",
    )
    with serving(folder, "--secrets.files", str(secrets)) as address:
        yield address


def settings_of(page: Page, address: str) -> Page:
    page.goto(f"{address}/settings")
    one(page.get_by_role("heading", name=re.compile("^(설정|Settings)$")))
    return page


def choose_english(page: Page) -> None:
    one(page.get_by_text("English", exact=True)).click()
    one(page.get_by_role("heading", name="Settings"))


def speaks(page: Page, title: str) -> None:
    one(page.get_by_role("heading", name=title, exact=True))


def sign_in(context: BrowserContext, address: str) -> Page:
    page = context.new_page()
    page.goto(address)
    with page.expect_navigation(url=f"{address}/", timeout=PATIENCE):  # there and back is one navigation
        one(page.get_by_role("button", name="로그인")).click()
    return page


def test_a_browser_is_found_again_and_another_is_somebody_else(new_browser: NewBrowser, address: str) -> None:
    mine, other = new_browser(), new_browser()
    choose_english(settings_of(mine.new_page(), address))
    speaks(settings_of(mine.new_page(), address), "Settings")
    speaks(settings_of(other.new_page(), address), "설정")


def test_three_first_tabs_at_once_are_one_owner(new_browser: NewBrowser, address: str) -> None:
    context = new_browser()
    tabs = [context.new_page() for _ in range(3)]
    for tab in tabs:
        tab.goto(f"{address}/settings", wait_until="commit")
    for tab in tabs:
        speaks(tab, "설정")
    tabs[0].wait_for_timeout(1000)
    choose_english(tabs[2])
    for tab in tabs:
        tab.reload()
        speaks(tab, "Settings")


@pytest.mark.parametrize("forged", ["short", "<script>" + "a" * 35])
def test_a_forged_cookie_is_replaced(new_browser: NewBrowser, address: str, forged: str) -> None:
    context = new_browser()
    context.add_cookies([{"name": COOKIE, "value": forged, "url": address}])
    settings_of(context.new_page(), address)
    expect_cookie(context, re.compile("[A-Za-z0-9_-]{43}"))


def expect_cookie(context: BrowserContext, shape: re.Pattern[str]) -> None:
    page = context.pages[0]
    for _ in range(PATIENCE // 100):
        kept = next((each for each in context.cookies() if each["name"] == COOKIE), None)
        if kept is not None and shape.fullmatch(kept["value"]):
            assert (kept["sameSite"], kept["path"]) == ("Strict", "/")
            return
        page.wait_for_timeout(100)
    raise AssertionError(context.cookies())


def test_opening_a_page_asks_nobody_else_for_anything(new_browser: NewBrowser, address: str) -> None:
    page = new_browser().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    settings_of(page, address)
    page.wait_for_timeout(1000)
    elsewhere = [url for url in asked if urlsplit(url).scheme not in ("data", "blob")]
    assert elsewhere
    assert not [url for url in elsewhere if urlsplit(url).netloc != urlsplit(address).netloc]


def test_the_theme_holds_on_every_page(new_browser: NewBrowser, address: str) -> None:
    page = settings_of(new_browser().new_page(), address)
    background = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    assert page.evaluate(background) == "rgb(255, 255, 255)"
    page.get_by_label("어둡게").check()
    for path in ("/", "/history", "/settings"):
        page.goto(address + path)
        expect(page.locator(".stApp")).to_have_css("background-color", "rgb(14, 17, 19)")
    expect(page.get_by_label("어둡게")).to_be_checked()


def test_two_people_who_signed_in_are_two_owners_and_the_same_ones_anywhere(
    new_browser: NewBrowser, closed_address: str, provider: Provider
) -> None:
    first, second, first_elsewhere = new_browser(), new_browser(), new_browser()
    for context, person in ((first, "first"), (second, "second"), (first_elsewhere, "first")):
        provider.person = person
        sign_in(context, closed_address)
    choose_english(settings_of(first.new_page(), closed_address))
    speaks(settings_of(second.new_page(), closed_address), "설정")
    elsewhere = settings_of(first_elsewhere.new_page(), closed_address)
    speaks(elsewhere, "Settings")
    one(elsewhere.get_by_text("Signed in as first."))


def test_the_address_of_a_run_shows_it_to_its_owner_only(
    new_browser: NewBrowser, closed_address: str, provider: Provider
) -> None:
    provider.person = "first"
    mine = sign_in(new_browser(), closed_address)
    box = mine.get_by_test_id("stChatInputTextArea")
    box.fill(QUESTION)
    box.press("Enter")
    mine.wait_for_url("**run=**")
    expect(mine.get_by_text(QUESTION).first).to_be_visible()
    provider.person = "second"
    other = sign_in(new_browser(), closed_address)
    other.goto(mine.url)
    one(other.get_by_text(read_texts("ko").compare["gone"]))
    assert QUESTION not in other.get_by_role("main").inner_text()


def test_who_signs_out_is_before_the_door_again(
    new_browser: NewBrowser, closed_address: str, provider: Provider
) -> None:
    provider.person = "second"
    page = sign_in(new_browser(), closed_address)
    # The door is drawn before the cookie is gone: going elsewhere at once would keep it.
    with page.expect_navigation(url=f"{closed_address}/", timeout=PATIENCE):
        one(page.get_by_role("button", name="second · 로그아웃")).click()
    one(page.get_by_role("button", name="로그인"))
    before_the_door(page, closed_address)


@pytest.mark.parametrize("cheat", [cheat for cheat in Cheat if cheat is not Cheat.NONE])
def test_a_wrong_token_opens_nothing(
    new_browser: NewBrowser, closed_address: str, provider: Provider, cheat: Cheat
) -> None:
    provider.cheat = cheat
    try:
        before_the_door(sign_in(new_browser(), closed_address), closed_address)
    finally:
        provider.cheat = Cheat.NONE


def test_a_forged_session_cookie_opens_nothing(new_browser: NewBrowser, closed_address: str) -> None:
    context = new_browser()
    forged = b'{"is_logged_in":true,"iss":"http://provider","sub":"first"}'.hex()
    context.add_cookies([{"name": "_streamlit_user", "value": forged, "url": closed_address}])
    before_the_door(context.new_page(), closed_address)


def before_the_door(page: Page, address: str) -> None:
    for path in ("", "/settings"):
        page.goto(address + path)
        one(page.get_by_role("button", name="로그인"))
        expect(page.get_by_test_id("stSidebarNav")).to_have_count(0)
        assert page.get_by_role("heading").all_inner_texts() == ["나란히"]
