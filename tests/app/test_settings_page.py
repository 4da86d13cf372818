"""The page of settings on real services: what is chosen holds at once, for its person, and at the next visit.

Run: python -m pytest tests/app/test_settings_page.py
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from comparison.presets import Preset
from dashboard import resources
from dashboard.session import settings
from dashboard.session.owner import only_this_machine
from dashboard.session.settings import Preferences, read
from dashboard.settings import about
from dashboard.settings.stored_data import stored_data
from engines.memory import PoolView, ResidentView
from errors import AS_WRITTEN, BadRequest
from history.records import HistoryStatus
from settings import Settings
from tests.app.opened_pages import open_services, opened, texts

OTHER = "p" * 43
MODEL = "demo-kullm"


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    with open_services(monkeypatch, tmp_path):
        yield tmp_path


def title(page: AppTest) -> str:
    assert not page.exception, page.exception
    return str(page.title[0].value)


def test_a_first_visit_speaks_korean_and_has_chosen_nothing(home: Path) -> None:
    page = opened("settings")
    assert title(page) == "설정"
    assert page.radio(key=settings.LANGUAGE).value == "browser"
    assert page.multiselect(key=settings.MODELS).value == []
    assert page.number_input(key=settings.MAX_NEW_TOKENS).value is None
    assert page.selectbox(key=settings.PRESET).value == "recommended"
    assert "모든 답이 저장되어" in texts(page)


def test_the_language_changes_at_once_and_is_remembered_for_this_person_only(home: Path) -> None:
    page = opened("settings")
    assert title(page.radio(key=settings.LANGUAGE).set_value("en").run()) == "Settings"
    assert title(opened("settings")) == "Settings"
    assert title(opened("settings", owner=OTHER)) == "설정"
    assert title(page.radio(key=settings.LANGUAGE).set_value("browser").run()) == "설정"
    assert title(opened("settings")) == "설정"


def test_where_no_browser_and_no_person_says_a_language_the_environment_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_LANGUAGE", "en")
    page = opened("settings")
    assert title(page) == "Settings"
    assert title(page.radio(key=settings.LANGUAGE).set_value("ko").run()) == "설정"


def test_what_asking_starts_with_is_kept(home: Path) -> None:
    page = opened("settings")
    page.multiselect(key=settings.MODELS).set_value([MODEL]).run()
    page.selectbox(key=settings.PRESET).set_value("greedy").run()
    page.number_input(key=settings.MAX_NEW_TOKENS).set_value(300).run()
    page = opened("settings")
    assert page.multiselect(key=settings.MODELS).value == [MODEL]
    assert page.selectbox(key=settings.PRESET).value == "greedy"
    assert page.number_input(key=settings.MAX_NEW_TOKENS).value == 300
    page.multiselect(key=settings.MODELS).set_value([]).run()
    page.number_input(key=settings.MAX_NEW_TOKENS).set_value(None).run()
    page = opened("settings")
    assert page.multiselect(key=settings.MODELS).value == []
    assert page.number_input(key=settings.MAX_NEW_TOKENS).value is None


def test_a_choice_that_cannot_be_kept_holds_for_now_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = opened("settings")

    def refuse(owner: str, **values: object) -> None:
        raise BadRequest(AS_WRITTEN, sentence="The disk is full.")

    monkeypatch.setattr(resources.services().history, "prefer", refuse)
    page.radio(key=settings.LANGUAGE).set_value("en").run()
    assert title(page) == "Settings"
    assert "disk is full" in page.error[0].value


@pytest.mark.parametrize(
    ("kept", "meant"),
    [
        ({}, Preferences()),
        ({"language": "en", "preset": "creative", "max_new_tokens": 7, "models": ["a"]},
         Preferences("en", Preset.CREATIVE, 7, ("a",))),
        ({"language": "xx", "preset": "custom", "max_new_tokens": 0, "models": "a"}, Preferences()),
        ({"language": ["ko"], "preset": None, "max_new_tokens": True, "models": None}, Preferences()),
        ({"language": {}, "preset": 3, "max_new_tokens": "9", "unheard_of": 1}, Preferences()),
    ],
)  # fmt: skip
def test_preferences_of_another_version_are_not_stumbled_over(
    kept: dict[str, object], meant: Preferences
) -> None:
    assert read(kept) == meant


def test_paths_are_shown_to_this_machine_only(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit import config

    before = config.get_option("server.address")
    try:
        config.set_option("server.address", "127.0.0.1")
        assert str(home) in texts(opened("settings"))
        config.set_option("server.address", "0.0.0.0")
        shown = texts(opened("settings"))
    finally:
        config.set_option("server.address", before)
    assert str(home) not in shown
    assert "보여 주지 않습니다" in shown


@pytest.mark.parametrize(
    ("address", "only_here"),
    [("127.0.0.1", True), ("127.8.0.1", True), ("::1", True), ("[::1]", True), ("localhost", True)]
    + [(address, False) for address in (None, "", "0.0.0.0", "::", "192.168.0.7", "localhost.example")],
)
def test_which_addresses_are_this_machine(address: str | None, only_here: bool) -> None:
    assert only_this_machine(address) is only_here


def test_sizes_are_of_files_and_follow_no_link(tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "exports" / "deep").mkdir(parents=True)
    (home / "exports" / "a").write_bytes(b"x" * 10)
    (home / "exports" / "deep" / "b").write_bytes(b"x" * 5)
    (home / "exports" / "loop").symlink_to(home)
    (home / "narani.db").write_bytes(b"x" * 7)
    (home / "narani.db-wal").write_bytes(b"x" * 2)
    data = stored_data(Settings(home))
    assert (data.export_bytes, data.upload_bytes, data.database_bytes) == (15, 0, 9)
    elsewhere = stored_data(Settings(tmp_path / "not" / "there", database="postgresql://user:secret@host/db"))
    assert (elsewhere.database, elsewhere.database_bytes) == (None, 0)
    assert elsewhere.free_bytes > 0


def test_another_database_is_mentioned_without_its_address(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_DATABASE", f"sqlite:///{home}/secret-place.db")
    resources.services.clear()
    shown = texts(opened("settings"))
    assert "NARANI_DATABASE" in shown
    assert "secret-place" not in shown


def test_the_report_holds_versions_and_no_path_or_name(home: Path) -> None:
    report = next(code.value for code in opened("settings").code if "streamlit" in code.value)
    lines = dict(line.split(": ", 1) for line in report.splitlines())
    assert lines["streamlit"] == "1.67.0"
    assert lines["torch"][0].isdigit()
    assert lines["Device"] == "not started"
    assert not {str(home), str(Path.home()), os.uname().nodename, str(Path.cwd())} & set(lines.values())
    assert "/" not in report


def test_the_report_says_how_full_the_device_is() -> None:
    pool = PoolView("cuda:0", 20 * 10**9, 10**9, 2 * 10**9, 3 * 10**9, (), 0, ())
    assert "Device: cuda:0\nMemory: budget 20.0 GB, used 1.0 GB" in about.report(pool)
    resident = ResidentView("a", "none", (), 6, 0, 0, 1.0, 1.0)
    full = replace(pool, parked=(resident,), host_used=10**9, host_budget=3 * 10**9)
    assert "Models in memory: 0, parked in host memory: 1 (1.0 GB of 3.0 GB)" in about.report(full)


def test_answers_that_are_not_stored_stand_over_every_page(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    history = resources.services().history
    assert not opened("settings").warning
    monkeypatch.setattr(history, "status", lambda: HistoryStatus(3, "full", "narani-old.db"))
    for name in ("compare", "settings"):
        shown = texts(opened(name))
        assert "3개" in shown
        assert "디스크가 가득" in shown
        assert "narani\\-old\\.db" in shown
