"""No chart complains in the browser, whatever it is given to draw.

Run: python -m pytest tests/browser/test_charts_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.at_the_page import one, settled
from tests.browser.conftest import SCREENSHOTS, NewPerson
from tests.browser.expecting import expect
from tests.browser.served import served

DATA = ("none", "nothing measured", "one", "same", "usual")


@pytest.fixture(scope="module")
def charts_page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(tmp_path_factory.mktemp("charts"), page="tests/browser/charts_page.py") as server:
        yield server.address


@pytest.mark.parametrize("data", DATA)
def test_no_chart_complains(new_person: NewPerson, charts_page: str, data: str) -> None:
    """The console is listened to by whoever opens a page (conftest)."""
    page = new_person(viewport={"width": 1280, "height": 4000}).new_page()
    page.goto(f"{charts_page}/?data={data}")
    one(page.get_by_text("drawn", exact=True), 40_000)
    settled(page)
    expect(page.get_by_test_id("stException")).to_have_count(0)
    if data == "usual":
        expect(page.locator("canvas.marks, .vega-embed svg.marks")).to_have_count(17)
    page.wait_for_timeout(500)  # a chart draws, and complains, after its element stands on the page
    page.screenshot(path=SCREENSHOTS / f"charts-{data.replace(' ', '-')}.png")
