"""How models are listed: their sizes, and those that cannot be asked like others (a service elsewhere, a
reward model), on every page of models.

Run: python -m pytest tests/app/test_listed_models.py
"""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.dataframe_util import convert_arrow_bytes_to_pandas_df

from dashboard.session.compare import MODELS, SCORE_WITH
from tests.app.opened_pages import ask, open_list, open_services, opened, run_id, run_until, texts
from tests.engines.script import Script
from tests.model_registry.own_entries import adapter
from tests.model_registry.test_remote_entries import put, remote


@pytest.mark.parametrize("page", ["compare", "models", "training", "batch"])
def test_a_page_lists_models_where_one_is_a_remote_service(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, remote())
    with open_services(monkeypatch, tmp_path):
        shown = opened(page, part="registry", model="mine") if page == "models" else opened(page)
        shown.session_state["compare_picked"] = ["mine"]
        words = texts(shown.run())
    assert page not in ("models", "compare") or "vllm" in words


def test_sizes_stand_in_units_that_fit_and_a_service_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, remote())
    with open_services(monkeypatch, tmp_path):
        table = opened("models", part="registry").dataframe[0]
    written = convert_arrow_bytes_to_pandas_df(table.proto.arrow_data.styler.display_values)
    sizes = {row["id"]: (row["parameters"], row["bytes"]) for _, row in written.iterrows()}
    assert sizes["demo-koalpaca"] == ("1.25M", "5.0 MB")
    assert sizes["polyglot-ko-5.8b"] == ("5.89B", "11.8 GB") and sizes["mine"] == ("", "")
    assert table.value.set_index("id")["parameters"]["demo-koalpaca"] == 1_254_144, "what it is sorted by"


def test_a_reward_model_is_shown_as_one_and_offered_to_nobody_who_asks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = adapter("judge", "demo-kullm").replace("[[model]]", '[[model]]\ntask = "reward"')
    put(tmp_path, judge.replace("내 모델", "채점하는 모델"))
    with open_services(monkeypatch, tmp_path):
        shown = opened("models", part="registry", model="judge")
        compare = opened("compare")
        compare.session_state["compare_picked"] = ["judge", "demo-kullm"]
        open_list(compare).text_input(key=MODELS.search_key).set_value("채점하는").run()
    assert ":violet-badge[보상 모델]" in texts(shown)
    tasks = shown.dataframe[0].value.set_index("id")["task"]
    assert (tasks["judge"], tasks["demo-kullm"]) == ("보상 모델", "질문에 답함")
    assert "맞는 모델이 없습니다" in texts(compare) and not compare.exception


def test_a_reward_model_is_chosen_to_score_and_the_best_answer_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, adapter("judge", "demo-kullm").replace("[[model]]", '[[model]]\ntask = "reward"'))
    scripts = {
        "demo-koalpaca": Script(("짧게",)),
        "demo-chat": Script(("더 길게 답해요.",)),
        "judge": Script(scores=lambda text: float(len(text))),
    }
    with open_services(monkeypatch, tmp_path, scripts):
        page = opened()
        page.selectbox(key=SCORE_WITH).set_value("judge").run()
        shown = run_until(ask(page, models=["demo-koalpaca", "demo-chat"]), "최고 점수")
        assert "점수 2.00 · 내 모델" in shown
        assert "점수 9.00 · 내 모델 :green-badge[:material/star: 최고 점수]" in shown
        again = opened(run=run_id(page))
        assert again.selectbox(key=SCORE_WITH).value == "judge" and "점수 9.00" in texts(again)
