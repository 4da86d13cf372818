"""One owner for every browser of this machine and the terminal; through a proxy each browser is its own.

Run: python -m pytest tests/browser/test_this_machine.py  (needs Debian's chromium)
"""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from contextlib import closing

from playwright.sync_api import Page

from dashboard.session.owner import COOKIE, owner_of_browser
from history.history import History
from tests.browser.at_the_page import KO, ask, one, open_compare, open_page, wait_until_all_ended
from tests.browser.conftest import NewPerson
from tests.browser.expecting import expect
from tests.browser.served import ROOT, Served
from tests.comparison import scripted_command
from tests.history.history_house import asked, keep

BEFORE, BROWSER, TERMINAL, ELSEWHERE = "예전에는?", "브라우저에서는?", "터미널에서는?", "멀리서는?"


def questions(page: Page, address: str) -> set[str]:
    """Those of ours that the history lists."""
    open_page(page, address, "history")
    page.reload()
    one(page.get_by_role("heading", level=1, name=KO.pages["history"]))
    expect(page.get_by_test_id("stApp")).to_have_attribute("data-test-script-state", "notRunning")
    words = page.get_by_role("main").inner_text()
    return {each for each in (BEFORE, BROWSER, TERMINAL, ELSEWHERE) if each in words}


def test_two_addresses_two_browsers_and_the_terminal_share_one_history(
    scripted_server: Served, new_person: NewPerson
) -> None:
    server, key = scripted_server, secrets.token_urlsafe(32)
    with closing(History(server.home)) as history:
        keep(history, asked(BEFORE, owner=owner_of_browser(key)))
    first, second = new_person(), new_person()
    first.add_cookies([{"name": COOKIE, "value": key, "url": server.here}])
    at_number = open_compare(first.new_page(), server.here)
    ask(at_number, BROWSER)
    wait_until_all_ended(at_number)
    subprocess.run(
        [sys.executable, scripted_command.__file__, "ask", TERMINAL, "--models", "calm"],
        env={**os.environ, "NARANI_HOME": str(server.home), "PYTHONPATH": str(ROOT)},
        check=True,
        stdout=subprocess.DEVNULL,
    )
    here = {BEFORE, BROWSER, TERMINAL}
    by_name = server.here.replace("127.0.0.1", "localhost")
    at_name = second.new_page()
    assert questions(at_name, by_name) == here
    assert questions(at_number, server.here) == here
    elsewhere = open_compare(new_person().new_page(), server.address)
    ask(elsewhere, ELSEWHERE)
    wait_until_all_ended(elsewhere)
    assert questions(elsewhere, server.address) == {ELSEWHERE}
    assert questions(at_name, by_name) == here
    assert not [each for each in second.cookies() if each["name"] == COOKIE]
    for page, address, told in (
        (at_name, by_name, "this_machine"),
        (elsewhere, server.address, "no_sign_in"),
    ):
        one(open_page(page, address, "settings").get_by_text(KO.settings[told], exact=True))
