"""The export in its states: not asked for, made, too big for the browser, failed.

Run: python -m pytest tests/app/test_export_button.py
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas
import pytest
import streamlit
from streamlit.testing.v1 import AppTest

from dashboard.shared import export
from dashboard.texts import read_texts
from errors import AS_WRITTEN, NaraniError
from history.records import FlatBatch
from tests.app import opened_pages as pages
from tests.app.opened_pages import ask, open_services, run_id, run_until
from tests.comparison.export.flat_house import batch, row

ENDINGS = {"jsonl": ".jsonl", "markdown": ".md"}
KIND, MAKE = "test_kind", "test_make"


def script(flat: object, folder: object, language: str) -> None:
    """Run without the names of this file."""
    from dashboard.shared.export import export_buttons
    from dashboard.texts import read_texts

    export_buttons(flat, folder, read_texts(language), "test")  # type: ignore[arg-type]


def answers() -> Iterator[FlatBatch]:
    yield batch([row(text="=1+1")])


def opened(folder: Path, flat: Callable[[], Iterator[FlatBatch]] = answers, language: str = "ko") -> AppTest:
    return AppTest.from_function(script, default_timeout=20, args=(flat, folder, language)).run()


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """The bytes behind each download that was offered."""
    offered: dict[str, bytes] = {}
    real = streamlit.download_button

    def watched(label: str, data: bytes, **how: Any) -> bool:
        offered[how["file_name"]] = data
        return real(label, data, **how)

    monkeypatch.setattr(streamlit, "download_button", watched)
    return offered


def test_nothing_is_read_or_written_before_it_is_asked_for(tmp_path: Path) -> None:
    def never() -> Iterator[FlatBatch]:
        raise AssertionError("read")

    page = opened(tmp_path / "exports", never)
    page.segmented_control(key=KIND).set_value("long").run()
    assert not page.exception and not page.download_button
    assert not (tmp_path / "exports").exists()


@pytest.mark.parametrize("language", ["ko", "en"])
@pytest.mark.parametrize("kind", ["wide", "long", "jsonl", "markdown"])
def test_a_file_of_each_kind_is_offered_and_does_not_stay(
    kind: str, language: str, tmp_path: Path, downloads: dict[str, bytes]
) -> None:
    words = read_texts(language).export
    page = opened(tmp_path, language=language)
    page.segmented_control(key=KIND).set_value(kind).run()
    assert page.caption[0].value == words[f"about_{kind}"]
    page.button(key=MAKE).click().run()
    assert not page.exception
    assert page.download_button[0].label.startswith(words["download"].split(" (")[0])
    ((name, data),) = downloads.items()
    assert name.startswith("narani-") and name.endswith(ENDINGS.get(kind, f"-{kind}.csv"))
    assert list(tmp_path.iterdir()) == []
    if kind == "markdown":
        assert read_texts(language).report["settings"] in data.decode() and "\n=1+1\n" in data.decode()
        return
    reads = pandas.read_json(BytesIO(data), lines=True) if kind == "jsonl" else pandas.read_csv(BytesIO(data))
    assert reads.iloc[0]["demo-chat" if kind == "wide" else "text"] == (
        "=1+1" if kind == "jsonl" else "'=1+1"
    )


def test_beside_its_answers_one_question_and_the_whole_conversation_are_exported(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, downloads: dict[str, bytes]
) -> None:
    with open_services(monkeypatch, tmp_path):
        page = ask(pages.opened(), "첫째?", ["demo-koalpaca", "demo-kullm"])
        run_until(page, "정상 종료")
        exported = made_on(page, "compare_export", downloads)
        assert list(exported["question"]) == ["첫째?"] and not keys(page, "compare_export_scope")
        ask(page.run(), "둘째?")
        run_until(page, "둘째?")
        until_exportable(page)
        assert list(made_on(page, "compare_export", downloads)["question"]) == ["둘째?"]
        page.segmented_control(key="compare_export_scope").set_value("conversation").run()
        whole = made_on(page, "compare_export", downloads)
        assert list(whole["question"]) == ["첫째?", "둘째?"]
        assert {"demo-koalpaca", "demo-kullm"} < set(whole.columns)
        page.switch_page("dashboard/pages/history_entry.py")
        page.query_params["open"] = run_id(page)
        page.run()
        assert list(made_on(page, "history_entry_export", downloads)["question"]) == ["둘째?"]


def keys(page: AppTest, key: str) -> list[str]:
    return [each.key for each in page.segmented_control if each.key == key]


def until_exportable(page: AppTest) -> None:
    until = time.monotonic() + 15
    while not any(each.label == read_texts("ko").export["title"] for each in page.expander):
        assert time.monotonic() < until
        page.run()


def made_on(page: AppTest, key: str, downloads: dict[str, bytes]) -> pandas.DataFrame:
    """What is handed over once the box is opened and the button pressed."""
    until_exportable(page)
    page.session_state[f"{key}_box"] = True
    page.run()
    downloads.clear()
    page.button(key=f"{key}_make").click().run()
    (data,) = downloads.values()
    return pandas.read_csv(BytesIO(data))


def test_what_was_made_is_gone_when_something_else_is_picked(tmp_path: Path) -> None:
    page = opened(tmp_path)
    page.button(key=MAKE).click().run()
    assert page.download_button
    page.segmented_control(key=KIND).set_value("long").run()
    assert not page.download_button


def test_a_file_too_big_for_the_browser_stays_and_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "MOST_BYTES", 100)
    page = opened(tmp_path)
    page.button(key=MAKE).click().run()
    (kept,) = tmp_path.iterdir()
    assert f"**{kept.name}**" in page.info[0].value
    assert str(tmp_path) not in page.info[0].value
    assert not page.download_button


def test_a_failure_is_its_sentence(tmp_path: Path) -> None:
    def broken() -> Iterator[FlatBatch]:
        raise NaraniError(AS_WRITTEN, sentence="The history cannot be read now")

    page = opened(tmp_path, broken)
    page.button(key=MAKE).click().run()
    assert not page.exception and not page.download_button
    assert "The history cannot be read now" in page.error[0].value
    assert list(tmp_path.iterdir()) == []
