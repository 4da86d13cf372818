"""The page that asks, in its states, without a browser: empty, running, done, failed, refused, gone, full.

Run: python -m pytest tests/app/test_compare_page.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from comparison.run import Run
from dashboard import resources
from dashboard.session import compare
from dashboard.session.owner import owner_of_browser
from errors import AS_WRITTEN, EngineDown, LoadError
from history.records import StoredState
from tests.app.opened_pages import (
    OWNER,
    ask,
    attempts,
    open_services,
    opened,
    run_id,
    run_until,
    texts,
)
from tests.engines.scripted_engine import Script, ScriptedEngine

ROOT = Path(__file__).parents[2]
MODELS = ["demo-koalpaca", "demo-kullm"]
SLOW = ["demo-chat"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    damaged = LoadError(AS_WRITTEN, sentence="The weights are damaged. Download them again.")
    scripts = {
        "demo-koalpaca": Script(pieces=("서울", "이에요.")),
        "demo-korwkv": Script(pieces=("서울", "이에요. ", "네.")),
        "demo-kullm": Script(loading_failure=damaged),
        "demo-chat": Script(pieces=("느", "린 ") * 400, seconds_per_piece=0.05),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def test_the_empty_page_says_what_to_do_first(engine: ScriptedEngine) -> None:
    page = opened()
    assert "나란한 답" in texts(page)
    assert page.button(key="compare_example_0").disabled is False
    page.session_state["compare_picked"] = []
    page.run()
    assert "골라 주세요" in texts(page)
    assert page.button(key="compare_example_0").disabled is True


def test_a_click_on_an_example_asks_it(engine: ScriptedEngine) -> None:
    page = opened()
    page.session_state["compare_picked"] = ["demo-koalpaca"]
    question = page.run().button(key="compare_example_0").label
    page.button(key="compare_example_0").click().run()
    assert question in run_until(page, "서울이에요")


def test_one_column_fails_and_the_other_answers(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=MODELS)
    run_until(page, "서울이에요")
    shown = run_until(page, "Download them again")
    assert "정상 종료" in shown and "토큰" in shown
    names = [page.button(key=f"answer_{_run(page).id}_{at}_again").label for at in (0, 1)]
    assert [name.startswith("다시 시도![") for name in names] == [False, True]


def test_an_engine_that_is_down_is_said_and_is_no_failed_answer(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    down = Script(loading_failure=EngineDown("engine-not-started", kind="MemoryError"))
    with open_services(monkeypatch, tmp_path, {"demo-chat": down}):
        page = ask(opened(), models=["demo-chat"])
        shown = run_until(page, "엔진을 시작하지 못했습니다")
        assert "실패한 답으로 남기지 않았으니" in shown
        stored = resources.services().history.get(owner_of_browser(OWNER), run_id(page))
        assert stored is not None
        assert [(each.state, each.answer) for each in stored.answers] == [(StoredState.INTERRUPTED, None)]


@pytest.mark.parametrize("question", ["   ", "　"])
def test_a_refused_question_is_said_and_not_lost(engine: ScriptedEngine, question: str) -> None:
    page = ask(opened(), question, MODELS)
    assert "질문이 비어 있습니다" in texts(page) and page.error
    assert [code.value for code in page.code] == [question]


def test_without_a_model_a_question_is_said_and_not_lost(engine: ScriptedEngine) -> None:
    page = ask(opened(), "아까운 질문", [])
    assert "고른 모델이 없습니다" in texts(page) and "아까운 질문" in texts(page)


def test_settings_reach_the_request(engine: ScriptedEngine) -> None:
    page = opened()
    page.segmented_control(key=compare.PRESET).set_value("custom").run()
    page.slider(key=compare.TEMPERATURE).set_value(0.35)
    page.number_input(key=compare.SEED).set_value(7)
    page.number_input(key=compare.MAX_NEW_TOKENS).set_value(5)
    page.text_area(key=compare.SYSTEM).set_value("짧게.")
    page.selectbox(key=compare.FORMAT).set_value("kullm").run()
    ask(page, models=["demo-koalpaca"])
    run_until(page, "서울이에요")
    (request,) = _run(page).requests
    settings = request.settings
    assert (settings.temperature, settings.seed, settings.max_new_tokens) == (0.35, 7, 5)
    assert (request.format_id, request.conversation.system) == ("kullm", "짧게.")


def test_an_input_goes_with_the_question_once(engine: ScriptedEngine) -> None:
    page = opened()
    page.text_area(key=compare.INPUT).set_value("긴 글").run()
    ask(page, "요약해 주세요", ["demo-koalpaca"])
    assert "긴 글" in run_until(page, "서울이에요")
    assert page.text_area(key=compare.INPUT).value == ""


def test_stop_all_ends_the_run_and_keeps_what_had_come(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=SLOW)
    run_until(page, "느")
    page.button(key=compare.STOP_ALL).click().run()
    assert "느" in run_until(page, "중지함")


def test_one_column_is_stopped_while_the_other_goes_on(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=["demo-chat", "demo-korwkv"])
    run_until(page, "느")
    run = _run(page)
    page.button(key=f"answer_{run.id}_0_stop").click().run()
    run_until(page, "중지함")
    assert run.answers[0].view().state == "stopped"


def test_a_column_is_asked_again(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=["demo-koalpaca"])
    run_until(page, "정상 종료")
    run = _run(page).id
    page.button(key=f"answer_{run}_0_again").click().run()
    run_until(page, "정상 종료")
    assert attempts(page, run, 0) == ["1번째", "2번째"]


def test_the_others_are_compared_with_a_baseline(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=["demo-koalpaca", "demo-korwkv"])
    run_until(page, "정상 종료")
    page.button(key=f"answer_{_run(page).id}_0_baseline").click().run()
    assert "기준" in texts(page)
    assert any(":green-background[" in each.value for each in page.markdown)


def test_a_second_question_goes_on_with_each_models_own_answer(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", ["demo-koalpaca", "demo-korwkv"])
    run_until(page, "정상 종료")
    first = _run(page)
    assert first.wait(5)
    ask(page.run(), "둘째?")
    shown = run_until(page, "둘째?")
    second = _run(page)
    assert second.previous == first.id and "첫째?" in shown
    for request, answer in zip(second.requests, first.answers, strict=True):
        assert request.conversation.turns[0].answer == answer.view().text


def test_a_second_page_with_the_address_finds_the_run(engine: ScriptedEngine) -> None:
    first = ask(opened(), models=MODELS)
    run_until(first, "서울이에요")
    assert "서울이에요" in texts(opened(run=run_id(first)))


def test_the_address_of_a_run_brings_the_models_it_was_asked_of(engine: ScriptedEngine) -> None:
    first = opened()
    first.session_state["compare_quantizations"] = {"demo-kullm": "int8"}
    ask(first, models=["demo-kullm", "demo-chat"])
    again = opened(run=run_id(first))
    assert again.session_state["compare_picked"] == ["demo-kullm", "demo-chat"]
    assert again.session_state["compare_quantizations"] == {"demo-kullm": "int8"}


def test_another_browser_with_the_address_finds_nothing(engine: ScriptedEngine) -> None:
    first = ask(opened(), models=MODELS)
    run_until(first, "서울이에요")
    shown = texts(opened(owner="x" * 43, run=run_id(first)))
    assert "찾을 수 없습니다" in shown and "서울이에요" not in shown


def test_a_run_is_found_after_the_process_was_new(engine: ScriptedEngine) -> None:
    first = ask(opened(), models=MODELS)
    run_until(first, "서울이에요")
    run_until(first, "Download them again")
    resources.services().history.close()
    resources.services.clear()
    assert "서울이에요" in texts(opened(run=run_id(first)))


def test_an_address_of_a_run_that_is_gone_says_so(engine: ScriptedEngine) -> None:
    assert "찾을 수 없습니다" in texts(opened(run="long-ago"))


def test_back_from_another_page_the_run_is_still_there(engine: ScriptedEngine) -> None:
    page = ask(opened(), models=["demo-koalpaca"])
    run_until(page, "서울이에요")
    page.switch_page("dashboard/pages/history.py").run()
    page.switch_page("dashboard/pages/compare.py").run()
    assert "서울이에요" in texts(page)
    page.button(key=compare.NEW).click().run()
    assert "나란한 답" in texts(page)


def test_opening_the_page_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('comparison_app.py', default_timeout=20).run()\n"
        "assert not page.exception and page.markdown, page.exception\n"
        "print(sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    environment = {**os.environ, "NARANI_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr


def _run(page: AppTest) -> Run:
    run = resources.services().runs.get(run_id(page), _owner())
    assert run is not None
    return run


def _owner() -> str:
    (found,) = {run.owner for run in resources.services().runs._kept.values()}
    return found
