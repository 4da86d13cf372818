"""The page that looks back: empty, found, opened, asked again, deleted and brought back, picked for export.

Run: python -m pytest tests/app/test_history_page.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import history
from dashboard.session.owner import owner_of_browser
from tests.app.opened_pages import OWNER, ask, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-kullm"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    scripts = {
        "demo-koalpaca": Script(pieces=("한국은행은 ", "서울에 있어요.")),
        "demo-kullm": Script.out_of_memory(),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def asked(*questions: str) -> list[str]:
    """The runs, all ended."""
    page, runs = opened(), []
    for question in questions:
        ask(page, question, MODELS)
        run = resources.services().runs
        runs.append(run_id(page))
        (found,) = [each for each in run._kept.values() if each.id == runs[-1]]
        assert found.wait(10)
        page.button(key="compare_new").click().run()
    return runs


def listed(page: AppTest) -> list[str]:
    assert not page.exception
    return [text.value for text in page.text]


def test_an_empty_history_says_what_to_do_first(engine: ScriptedEngine) -> None:
    assert "아직 기록이 없습니다" in texts(opened("history"))


def test_newest_first_with_who_answered_and_how(engine: ScriptedEngine) -> None:
    asked("첫째?", "둘째?")
    page = opened("history")
    assert listed(page) == ["둘째?", "첫째?"]
    assert "실패" in texts(page)


@pytest.mark.parametrize(
    ("words", "found"),
    [("은행", ["돈은 어디에 두나요?", "둘째?"]), ("어디", ["돈은 어디에 두나요?"]), ("고래", [])],
)
def test_a_two_syllable_word_is_found(engine: ScriptedEngine, words: str, found: list[str]) -> None:
    asked("둘째?", "돈은 어디에 두나요?")
    page = opened("history")
    page.text_input(key=history.SEARCH).set_value(words).run()
    assert listed(page) == found
    assert found or "맞는 기록이 없습니다" in texts(page)


def test_filters_narrow_the_list(engine: ScriptedEngine) -> None:
    asked("첫째?")
    page = opened("history")
    page.multiselect(key=history.MODELS).set_value(["demo-kullm"]).run()
    assert listed(page) == ["첫째?"]
    page.selectbox(key=history.FORMAT).set_value("kullm").run()
    assert listed(page) == []


def test_one_is_opened_with_the_same_columns(engine: ScriptedEngine) -> None:
    (run,) = asked("첫째?")
    page = opened("history")
    page.button(key=f"history_open_{run}").click().run()
    assert "서울에 있어요" in texts(page) and "out of memory" in texts(page)
    for name in ("history_entry", "history"):  # that was the address once
        assert "서울에 있어요" in texts(opened(name, open=run)), "the address is enough"
    page.button(key="history_back").click().run()
    assert listed(page) == ["첫째?"]


def test_another_person_sees_neither_the_list_nor_the_address(engine: ScriptedEngine) -> None:
    (run,) = asked("비밀 질문?")
    stranger = "x" * 43
    assert "비밀 질문" not in texts(opened("history", owner=stranger))
    shown = texts(opened("history_entry", owner=stranger, open=run))
    assert "비밀 질문" not in shown and "찾을 수 없습니다" in shown


def test_asked_again_each_answer_is_told_same_or_not_comparable(engine: ScriptedEngine) -> None:
    (run,) = asked("첫째?")
    page = opened("history_entry", open=run)
    page.button(key="history_again").click().run()
    run_until(page, "글자 하나까지 같은")
    run_until(page, "비교할 답이 없습니다")


def test_what_was_asked_again_and_deleted_is_said_to_be_gone(engine: ScriptedEngine) -> None:
    (run,) = asked("첫째?")
    page = opened("history_entry", open=run)
    page.button(key="history_again").click().run()
    run_until(page, "글자 하나까지 같은")
    services = resources.services()
    again = next(each for each in services.runs._kept if each != run)
    services.history.delete(owner_of_browser(OWNER), [again])
    services.runs._kept.clear()  # ten minutes later
    shown = texts(page.run())
    assert "서울에 있어요" in shown and "찾을 수 없습니다" in shown


def test_a_deleted_run_is_gone_and_comes_back(engine: ScriptedEngine) -> None:
    first, _ = asked("첫째?", "둘째?")
    page = opened("history")
    page.button(key=f"history_delete_{first}").click().run()
    assert listed(page) == ["둘째?"]
    page.button(key="history_undo").click().run()
    assert listed(page) == ["둘째?", "첫째?"]


def test_several_are_picked_and_deleted_together(engine: ScriptedEngine) -> None:
    runs = asked("첫째?", "둘째?", "셋째?")
    page = opened("history")
    for run in runs[:2]:
        page.checkbox(key=history.tick_key(run)).check()
    page.run()
    assert "2개" in texts(page)
    page.button(key="history_delete_ticked").click().run()
    assert listed(page) == ["셋째?"]
    assert "2개를 지웠습니다" in texts(page)


def test_older_ones_are_on_the_next_page(engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.history.browsing._PAGE", 2)
    asked("하나?", "둘?", "셋?")
    page = opened("history")
    assert listed(page) == ["셋?", "둘?"]
    page.button(key="history_older").click().run()
    assert listed(page) == ["하나?"]
    page.button(key="history_newer").click().run()
    assert listed(page) == ["셋?", "둘?"]
