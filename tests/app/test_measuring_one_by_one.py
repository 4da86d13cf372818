"""The models of a run measured one after another, on the page: offered, seen at work, stopped, drawn beside.

Run: python -m pytest tests/app/test_measuring_one_by_one.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session.owner import owner_of_browser
from dashboard.session.shared import HIDE_NAMES
from errors import AS_WRITTEN, LoadError
from tests.app.opened_pages import OWNER, ask, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

ENDLESS = Script(pieces=("또",), repeats=True, seconds_per_piece=0.05)
MODELS = ["demo-koalpaca", "demo-kullm"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    said = Script(pieces=("서울", "이에요."), seconds_per_piece=0.01)
    damaged = LoadError(AS_WRITTEN, sentence="The weights are damaged.")
    scripts = {"demo-koalpaca": said, "demo-kullm": said, "demo-chat": Script(loading_failure=damaged)}
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def answered(models: list[str]) -> AppTest:
    """A run that ended, its charts open."""
    page = ask(opened(), models=models)
    assert all(run.wait(10) for run in list(resources.services().runs._kept.values()))
    page.session_state["compare_charts"] = True
    return page.run()


def keys(page: AppTest) -> set[str]:
    return {str(each.key) for each in page.button if str(each.key).startswith("compare_measure")}


def kinds(page: AppTest) -> list[list[str]]:
    """Of each chart: how the models of its bars were asked."""
    charts = page.get("vega_lite_chart")
    tables = [pa.ipc.open_stream(chart.proto.datasets[0].data.data).read_all() for chart in charts]
    return [table.column("asked").to_pylist() for table in tables]


def test_own_figures_stand_beside_the_shared_ones_and_no_answer_changes(engine: ScriptedEngine) -> None:
    page = answered(MODELS)
    history, owner = resources.services().history, owner_of_browser(OWNER)
    before = history.get(owner, run_id(page))
    assert keys(page) == {"compare_measure"} and set(sum(kinds(page), [])) == {"동시에"}
    page.button(key="compare_measure").click().run()
    run_until(page, "차례로 다시 물어 잰 값")
    both = ["동시에", "하나씩"] * 2
    assert kinds(page) == [both, both, ["동시에"] * 2, ["동시에"] * 2]
    assert kinds(page.run()) == kinds(page) and keys(page) == {"compare_measure"}
    assert history.get(owner, run_id(page)) == before


def test_a_failure_is_said_and_the_other_is_measured(engine: ScriptedEngine) -> None:
    page = answered(["demo-chat", "demo-kullm"])
    page.button(key="compare_measure").click().run()
    shown = run_until(page, "측정하지 못했습니다")
    assert "weights are damaged" in shown and "차례로 다시 물어 잰 값" in shown
    assert kinds(page)[0] == ["동시에", "동시에", "하나씩"]


def test_it_is_seen_at_work_and_stopped(engine: ScriptedEngine) -> None:
    page = answered(MODELS)
    engine._scripts = {model: ENDLESS for model in MODELS}
    page.button(key="compare_measure").click().run()
    assert keys(page) == {"compare_measure_stop"}
    page.button(key="compare_measure_stop").click().run()
    assert "모델 2개 중 0개" in texts(page) and keys(page) == {"compare_measure"}


def test_it_is_not_offered_for_one_model_or_hidden_names(engine: ScriptedEngine) -> None:
    page = answered(MODELS)
    page.toggle(key=HIDE_NAMES).set_value(True).run()
    assert not keys(page)
    page.toggle(key=HIDE_NAMES).set_value(False).run()
    assert keys(page), texts(page)  # failed once in some 220 runs, and nothing told why
    page = answered(MODELS[:1])
    assert "정상 종료" in texts(page) and not keys(page)
