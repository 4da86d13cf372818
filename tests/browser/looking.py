"""What may be wrong with a page as it looks: in a theme, at a width, in a language. For the browser tests,
apart from them because all pages are looked at alike; holds no test itself.

Knows: that themes and widths are changed in place, which takes no load of the page.
Refuses to know: which page it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple

from playwright.sync_api import Page

from tests.browser.at_the_page import settled
from tests.browser.expecting import expect
from tests.browser.stored_home import written

HEIGHT = 900
BACKGROUNDS = {"light": "rgb(255, 255, 255)", "dark": "rgb(14, 17, 19)"}


class Look(NamedTuple):
    scheme: Literal["light", "dark"]
    width: int


LOOKS = (Look("light", 1440), Look("light", 390), Look("dark", 390), Look("dark", 1440))
"""Neighbors differ in one thing, so each is one change; first and last are wide, where pages are used."""

_FAULTS = (Path(__file__).parent / "looking.js").read_text(encoding="utf-8")
_STILL = "document.getAnimations().every(each => each.playState !== 'running')"
_HANGUL = re.compile("[가-힣]")
_ENGLISH = re.compile(r"(?:\b[A-Za-z][a-z']+\b[ ,:;]+){3,}[a-z']+")
"""Words that stand in a row as in a sentence; names, units and settings do not."""
_STREAMLITS_OWN = ("Skip to main content", "Navigate to home page", "Chat message from user")
_ALIKE = re.compile(
    "|".join([r"Demo: [^·,()]*\(toy\)", "한국어", *map(re.escape, (*_STREAMLITS_OWN, *written()))])
)
"""What is written alike in every language: titles of models, and what was asked and said.
Streamlit reads out a few words in English alone."""


def look(page: Page, at: Look) -> None:
    page.emulate_media(color_scheme=at.scheme)
    page.set_viewport_size({"width": at.width, "height": HEIGHT})
    expect(page.locator(".stApp")).to_have_css("background-color", BACKGROUNDS[at.scheme])
    page.wait_for_function(_STILL)
    settled(page)


def faults(page: Page, language: str) -> list[str]:
    """Of a page as it stands."""
    found: dict[str, list[str]] = page.evaluate(_FAULTS)
    wrong = _HANGUL if language == "en" else _ENGLISH
    said = {_ALIKE.sub("", each) for each in found["words"]}
    return [*found["faults"], *(f"not {language}: {each!r}" for each in said if wrong.search(each))]
