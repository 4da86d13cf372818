"""Every page for those who do not see it, or have no mouse: axe-core finds nothing serious, and the Tab key
comes to every control, and each has a name.

Run: AXE=…/axe.min.js python -m pytest tests/browser/test_accessibility_in_chromium.py  (needs chromium)

axe-core is MPL-2.0, 650 kB, and of no use to whoever runs the dashboard: it is no file of ours.
`npm pack axe-core` brings it; .ci/run does, and says in AXE where it lies.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Page

from tests.browser.at_the_page import ask, columns, one, open_compare, settled, wait_until_all_ended
from tests.browser.conftest import NewPerson
from tests.browser.expecting import expect

STREAMLITS_OWN = [
    # While a run draws the page anew, what stood there before is dimmed.
    ["[data-stale=true]"],
    # The cross that empties a box of several: 22.5 pixels instead of 24, a size that no setting changes.
    ["[data-testid=stMultiSelect] button[aria-label='Clear all']"],
]
_SERIOUS = """async without => (await axe.run({exclude: without}, {resultTypes: ['violations']})).violations
  .filter(each => ['serious', 'critical'].includes(each.impact))
  .flatMap(each => each.nodes.map(node => `${each.id}: ${node.html} ${node.failureSummary}`))"""
_WATCH = """() => {
  window.came = new Map()
  document.addEventListener('focusin', ({target}) => {
    axe.setup(document.body)
    window.came.set(target, axe.commons.text.accessibleText(target))
    axe.teardown()
  })
}"""
_CAME = """() => {
  const seen = each => each.checkVisibility({visibilityProperty: true}) && each.offsetWidth > 1
  const group = each => each.closest('[role=radiogroup], [role=toolbar]')
  const reached = new Set([...came.keys()].map(group).filter(each => each))
  const theirs = 'body, #stMain, [data-testid=stDataFrame] *'
  const nameless = [...came].filter(([each, name]) => !name && !each.matches(theirs))
  const skipped = [...document.querySelectorAll('a[href], button, input, textarea, select, summary')]
    .filter(each => each.tabIndex >= 0 && !each.disabled && seen(each))
    .filter(each => !came.has(each) && !reached.has(group(each)))
  return {
    nameless: nameless.map(([each]) => each.outerHTML),
    skipped: skipped.map(each => each.outerHTML),
    names: [...came.values()],
  }
}"""
"""Streamlit's own: the page itself can be scrolled by keys and has no name, nor has the canvas of a table,
which holds a table with its words. Of a group of options one is a stop, arrows reach the others."""
MARKUP = re.compile(r":\w+(-badge|-background)?\[|\*\*|\\[^\w\s]|!\[|:material/|^\w+ icon$")
_MOST, _SAME = 15, 20
"""How often so many presses of Tab are made, until they come nowhere new; in a table they pass cells."""
SECTIONS = tuple(f"models?part={part}" for part in ("memory", "registry", "formats", "own"))


@pytest.fixture(scope="module")
def axe() -> str:
    path = os.environ.get("AXE")
    if not path:
        pytest.skip("AXE does not say where axe.min.js lies: npm pack axe-core@4.14.1")
    return Path(path).read_text(encoding="utf-8")


def serious(page: Page, axe: str) -> list[str]:
    page.evaluate(axe + ";0")
    faults: list[str] = page.evaluate(_SERIOUS, STREAMLITS_OWN)
    return faults


def found(page: Page, width: int, scheme: Literal["light", "dark"]) -> list[str]:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    settled(page)
    page.wait_for_function("document.getAnimations().every(each => each.playState !== 'running')")
    faults: list[str] = page.evaluate(_SERIOUS, STREAMLITS_OWN)
    return [f"{page.url} {width} {scheme} {fault}" for fault in faults]


def tabbed(page: Page) -> list[str]:
    """What is wrong with the stops of the Tab key."""
    page.evaluate(_WATCH)
    stops = [0]
    while len(stops) < _MOST and (len(stops) < 2 or stops[-1] > stops[-2]):
        for _ in range(_SAME):
            page.keyboard.press("Tab")
        stops.append(page.evaluate("came.size"))
    came = page.evaluate(_CAME)
    faults = [f"no name: {each}" for each in came["nameless"]]
    faults += [f"never reached: {each}" for each in came["skipped"]]
    faults += [f"named {name}" for name in came["names"] if MARKUP.search(name)]
    return [f"{page.url} {fault}" for fault in faults]


def looked_at(page: Page, axe: str) -> list[str]:
    settled(page)
    page.evaluate(axe + ";0")
    wide = found(page, 1440, "dark")
    return [*wide, *tabbed(page), *found(page, 390, "light")]


@pytest.mark.parametrize("pages", [("", "search", "batch", "training", "settings"), SECTIONS])
def test_every_page_can_be_heard_and_reached_by_keyboard(
    new_person: NewPerson, scripted: str, axe: str, pages: tuple[str, ...]
) -> None:
    page = new_person(viewport={"width": 1440, "height": 900}).new_page()
    faults = []
    for name in pages:
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{scripted}/{name}")
        one(page.get_by_role("main").locator("button, textarea").first)
        faults += looked_at(page, axe)
    assert not faults, "\n".join(faults)


def test_answers_can_be_heard_and_reached_while_they_come_when_they_came_and_in_the_history(
    new_person: NewPerson, scripted: str, axe: str
) -> None:
    page = new_person(viewport={"width": 1440, "height": 900}).new_page()
    ask(open_compare(page, scripted), "하나 8개")
    page.evaluate(axe + ";0")
    faults: list[str] = page.evaluate(_SERIOUS, STREAMLITS_OWN)
    wait_until_all_ended(page)
    faults += looked_at(page, axe)
    run = page.url.rsplit("run=", 1)[1]
    for name in ("history", f"history_entry?open={run}"):
        page.set_viewport_size({"width": 1440, "height": 900})
        page.goto(f"{scripted}/{name}")
        one(page.get_by_role("main").get_by_text("하나 8개").filter(visible=True).first)
        expect(columns(page)).to_have_count(0 if name == "history" else 4)
        faults += looked_at(page, axe)
    assert not faults, "\n".join(faults)
