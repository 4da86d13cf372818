"""Every page where the folder of everything that is kept cannot be used: a sentence, and never a crash.

Run: python -m pytest tests/app/test_unusable_home.py
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.opened_pages import ask, open_services, opened, run_until, texts
from tests.engines.scripted_engine import Script

PAGES = ("compare", "search", "history", "history_entry", "batch", "models", "training", "settings")


def a_file(home: Path) -> Path:
    home.write_text("nothing of ours")
    return home


def below_a_file(home: Path) -> Path:
    return a_file(home) / "home"


def a_broken_link(home: Path) -> Path:
    home.symlink_to(home.with_name("nowhere") / "deep")
    return home


def a_link_to_itself(home: Path) -> Path:
    home.symlink_to(home)
    return home


def not_to_be_written(home: Path) -> Path:
    """Also by root, who runs the tests."""
    return Path("/proc/narani")


HOMES = (a_file, below_a_file, a_broken_link, a_link_to_itself, not_to_be_written)
ENGLISH = re.compile(r"[A-Z][a-z]+( [a-z\\']+){3,}")
"""A sentence that nobody put into Korean."""


@pytest.mark.parametrize("home", HOMES)
def test_every_page_says_so_in_korean_and_a_question_is_answered(
    home: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_services(monkeypatch, home(tmp_path / "home"), {"demo-chat": Script(pieces=("서울",))}):
        for name in PAGES:
            page = opened(name, **({"open": "x"} if name == "history_entry" else {}))
            shown = texts(page)
            said = [str(each.value) for each in (*page.error, *page.warning)]
            assert any("NARANI_HOME" in each for each in said), (name, shown)
            assert not [each for each in said if ENGLISH.search(each)], (name, said)
        assert "서울" in run_until(ask(opened(), models=["demo-chat"]), "서울")
