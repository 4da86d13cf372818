"""Attempts at an answer as tabs of its column: each with its own text and figures, and two compared.

Run: python -m pytest tests/app/test_attempts_in_tabs.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from errors import BadRequest
from history.history import History
from history.records import MARK, mark_of
from tests.app.opened_pages import ask, attempts, open_services, opened, run_id, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-kullm"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    """The first model counts how often it was asked, and its third answer takes longer than a test."""
    said = iter((("서울 하나",), ("서울 둘 나는",), ("부산 끝없이 ",) * 1000))
    scripts = {
        "demo-koalpaca": Script(lambda request: next(said), seconds_per_piece=0.02),
        "demo-kullm": Script(pieces=("나는 하나",)),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def out_of_reach(*_: object, **__: object) -> None:
    raise BadRequest("answer-not-picked")


def ended(page: AppTest) -> AppTest:
    (run,) = resources.services().runs._kept.values()
    assert run.wait(10)
    return page.run()


def asked_twice() -> tuple[AppTest, str]:
    page = ended(ask(opened(), models=MODELS))
    run = run_id(page)
    again(page, run)
    return ended(page), run


def again(page: AppTest, run: str) -> AppTest:
    return page.button(key=f"answer_{run}_0_again").click().run()


def look_at(page: AppTest, run: str, attempt: int, newest: int = 2) -> str:
    tabs = page.segmented_control(key=f"attempt_{run}_0_of_{newest}")
    return texts(tabs.set_value(attempt).run())


def test_the_newest_is_shown_and_each_attempt_has_its_own_text_and_figures(engine: ScriptedEngine) -> None:
    page, run = asked_twice()
    assert attempts(page, run, 0) == ["1번째", "2번째"] and not attempts(page, run, 1)
    assert "서울 둘 나는" in texts(page) and "서울 하나" not in texts(page)
    for tab in (page, opened("history_entry", open=run), opened(run=run)):
        first = look_at(tab, run, 1)
        assert "서울 하나" in first and "서울 둘 나는" not in first and "나는 하나" in first
        assert "서울 둘 나는" in look_at(tab, run, 2)
    assert "서울 하나" in look_at(page, run, 1)
    again(page, run)
    assert attempts(page, run, 0) == ["1번째", "2번째", "3번째"] and "서울 하나" not in texts(page)


def test_an_earlier_attempt_can_be_read_while_the_newest_grows(engine: ScriptedEngine) -> None:
    page, run = asked_twice()
    again(page, run)
    until = time.monotonic() + 10
    while "부산 끝없이" not in texts(page):
        assert time.monotonic() < until
        page.run()
    assert "서울 하나" in look_at(page, run, 1, newest=3) and "부산" not in texts(page)
    keys = {button.key for button in page.button}
    assert f"answer_{run}_0_again" not in keys, "it is being asked already"
    page.button(key="compare_stop_all").click().run()
    ended(page)
    assert "서울 하나" in texts(page), "what is looked at stays"
    assert f"answer_{run}_0_again" in {button.key for button in page.button}
    assert "부산" in look_at(page, run, 3, newest=3)


def test_two_attempts_are_compared_word_by_word(engine: ScriptedEngine) -> None:
    page, run = asked_twice()
    page.button(key=f"answer_{run}_1_baseline").click().run()
    pills = page.pills(key=f"attempt_difference_{run}_0_2")
    assert pills.options == ["1번째와 비교"]
    shown = texts(pills.set_value(1).run())
    assert "1번째 시도를 기준으로 봅니다" in shown and "서울 :red-background[~~하나~~]" in shown
    look_at(page, run, 1)
    shown = texts(page.pills(key=f"attempt_difference_{run}_0_1").set_value(2).run())
    assert "서울 :red-background[~~둘 나는~~]:green-background[**하나**]" in shown
    assert "2번째 시도를 기준으로" not in texts(
        page.pills(key=f"attempt_difference_{run}_0_1").set_value(None).run()
    )


def test_a_baseline_is_the_attempt_that_is_looked_at(engine: ScriptedEngine) -> None:
    page, run = asked_twice()
    page.button(key=f"answer_{run}_0_baseline").click().run()
    assert ":green-background[**하나**]" in texts(page)
    assert "하나**]" not in look_at(page, run, 1), "it says that word too"


def test_a_mark_is_of_the_attempt_that_is_seen_and_over_those_seen_beside_it(engine: ScriptedEngine) -> None:
    page, run = asked_twice()
    look_at(page, run, 1)

    def marked() -> dict[tuple[int, int], tuple[tuple[int, int], ...]]:
        """Which attempt is the better one, and than which."""
        (live,) = resources.services().runs._kept.values()
        marks = {place: mark_of({MARK: mark}) for place, mark in (live.marks or {}).items()}
        return {place: mark.over for place, mark in marks.items() if mark.better}

    page.button(key=f"answer_{run}_1_better").click().run()
    assert marked() == {(1, 1): ((0, 1),)}
    page.button(key=f"answer_{run}_0_better").click().run()
    assert marked() == {(0, 1): ((1, 1),)} and "더 나음" in texts(page)
    assert "더 나음" not in look_at(page, run, 2)
    page.button(key=f"answer_{run}_0_better").click().run()
    assert marked() == {(0, 2): ((1, 1),)} and "더 나음" not in look_at(page, run, 1)


def test_attempts_that_are_gone_or_out_of_reach_leave_the_newest(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page, run = asked_twice()
    look_at(page, run, 1)
    with monkeypatch.context() as broken:
        broken.setattr(History, "get", out_of_reach)
        assert attempts(page.run(), run, 0) == ["2번째"] and "서울 둘 나는" in texts(page)
    resources.services().history.delete(next(iter(resources.services().runs._kept.values())).owner, [run])
    assert attempts(page.run(), run, 0) == ["2번째"] and "서울 둘 나는" in texts(page)
