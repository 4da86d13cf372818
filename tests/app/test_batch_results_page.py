"""What the page of many questions shows of a batch's answers: table, heat map, filters, export.

Run: python -m pytest tests/app/test_batch_results_page.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from comparison.batch.progress import BatchState
from comparison.batch.results import Measure
from comparison.question_sets import SETS
from dashboard import resources
from dashboard.session import batch
from dashboard.session.shared import HIDE_NAMES
from dashboard.shared import export
from dashboard.texts import read_texts
from history.records import GOOD, mark_of
from tests.app.batch_pages import (
    HOSTILE,
    address,
    engine,
    owner,
    progress,
    started,
    tables,
    until_ended,
)
from tests.app.opened_pages import run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine
from tests.processor_time import least_seconds

__all__ = ["engine"]


def test_one_model_answers_the_other_fails_and_is_asked_again(engine: ScriptedEngine) -> None:
    page = until_ended(started("수도는?", "강은?"))
    assert "끝" in texts(page) and "실패 2개" in texts(page)
    assert "4개 가운데 4개 · 100%" in progress(page)
    assert "서울이에요." in tables(page) and "Download them again" in tables(page)
    page.toggle(key=batch.FAILED_ONLY).set_value(True).run()
    assert "서울이에요." not in page.dataframe[-1].value.to_string()
    page.toggle(key=batch.FAILED_ONLY).set_value(False)
    page.text_input(key=batch.FILTER_WORDS).set_value("강은").run()
    assert len(page.dataframe[-1].value) == 1
    page.text_input(key=batch.FILTER_WORDS).set_value("없는 말").run()
    assert "맞는 답이 없습니다" in texts(page)
    page = until_ended(page.button(key=batch.RETRY).click().run())
    assert "실패 2개" in texts(page) and not page.exception


def test_both_layouts_and_each_measure_of_the_heat_map_are_drawn(engine: ScriptedEngine) -> None:
    page = until_ended(started("수도는?", "강은?", models=["demo-koalpaca", "demo-kullm"]))
    page.segmented_control(key=batch.LAYOUT).set_value("long").run()
    assert len(page.dataframe[-1].value) == 4
    page.segmented_control(key=batch.VIEW).set_value("heatmap").run()
    for measure in ("characters", "tokens_per_second", "seconds_to_first_text", "finish_reason"):
        page.segmented_control(key=batch.MEASURE).set_value(measure).run()
        assert not page.exception
        assert len(page.get("vega_lite_chart")) == 1 or "아직 없습니다" in texts(page)


def test_a_question_opened_by_its_number_is_marked_and_read_without_names(engine: ScriptedEngine) -> None:
    models = ["demo-koalpaca", "demo-kullm"]
    page = until_ended(started("수도는?", "강은?", models=models))
    page.segmented_control(key=batch.VIEW).set_value("heatmap").run()
    page.number_input(key=batch.OPENED_NUMBER).set_value(2).run()
    (_, run) = resources.services().history.batch_runs(owner(), address(page))
    key = f"answer_{run.head.id}_0"
    assert "강은?" in [each.value for each in page.text] and "서울이에요" in texts(page)
    page.button(key=f"{key}_good").click().run()
    stored = resources.services().history.get(owner(), run.head.id)
    assert stored is not None and stored.answers[0].answer is not None
    assert mark_of(stored.answers[0].answer.extras).values == GOOD and "좋음" in texts(page)
    page.toggle(key=HIDE_NAMES).set_value(True).run()
    assert list(page.dataframe[-1].value.columns) == ["번호", "질문"], "the other one is of failures"
    assert len(page.dataframe) == 2
    assert not page.get("vega_lite_chart") and "서울이에요." not in tables(page)
    page.toggle(key=HIDE_NAMES).set_value(False).run()
    assert len(page.get("vega_lite_chart")) == 1 and "강은?" not in [each.value for each in page.text]


def test_the_answers_of_a_batch_are_exported_and_no_others(engine: ScriptedEngine, tmp_path: Path) -> None:
    until_ended(started("다른 것?", models=["demo-koalpaca"]))
    page = until_ended(started("수도는?", "강은?"))
    made: list[Path] = []

    def keep(path: Path, *_: object) -> None:
        made.append(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export, "_hand_over", keep)
        page.button(key=f"{batch.EXPORT}_make").click().run()
    assert not page.exception
    text = made[0].read_text(encoding="utf-8-sig")
    assert "수도는?" in text and "강은?" in text and "다른 것?" not in text


def test_there_is_a_word_for_everything_that_may_be_shown() -> None:
    keys = {f"state_{each}" for each in BatchState} | {f"measure_{each}" for each in Measure}
    keys |= {f"set_{each}{end}" for each in SETS for end in ("", "_about")}
    for language in ("ko", "en"):
        assert keys <= set(read_texts(language).batch)


def test_what_models_and_people_write_is_never_markup(engine: ScriptedEngine) -> None:
    page = until_ended(started(HOSTILE, models=["demo-koalpaca"]))
    assert not page.exception
    assert "alert(1)" in tables(page)
    assert "alert(1)" not in "".join(element.value for element in page.markdown)


def test_what_is_stored_is_shown_while_a_slow_model_has_not_begun(engine: ScriptedEngine) -> None:
    page = started(*(f"{at}번?" for at in range(25)), models=["demo-koalpaca", "demo-korwkv"])
    job = resources.services().batches.get(owner(), address(page))
    assert job is not None
    run_until(page, "지금까지 답변 25개")
    page.run()  # the figures stand above the table and may have been read a moment before it
    assert "서울이에요." in tables(page)
    bars = [str(bar.proto.text).replace("\\", "") for bar in page.get("progress")]
    assert "50개 가운데 25개" in bars[0] and "남은 시간 계산 중" in texts(page)
    assert len(bars) == 3 and "25/25 · 끝" in bars[1] and "0/25 · 남은 시간 계산 중" in bars[2]
    job.stop()
    assert job.wait(10)
    assert "지금까지" not in texts(page.run())


def test_an_answer_that_was_asked_again_elsewhere_stands_in_the_table(engine: ScriptedEngine) -> None:
    page = until_ended(started("수도는?", "강은?", models=["demo-koalpaca", "demo-kullm"]))
    assert "서울이에요." in tables(page) and "실패 2개" in texts(page)
    services, mine = resources.services(), owner()
    run, _ = services.history.batch_runs(mine, address(page))
    for position, text in enumerate(("평양이에요.", "나아졌어요.")):
        engine._scripts = {run.head.requests[position].model_id: Script(pieces=(text,))}
        services.asking.ask_again(mine, run.head.id, position)
    again = services.runs.get(run.head.id, mine)
    assert again is not None and again.wait(10)
    page.run()
    assert "평양이에요." in tables(page) and "나아졌어요." in tables(page)
    assert "실패 1개" in texts(page), "of those that failed one has an answer now"


def test_a_thousand_questions_go_to_the_browser_in_pages(engine: ScriptedEngine) -> None:
    page = started(*(f"{at}번?" for at in range(1000)), models=["demo-koalpaca"])
    page = until_ended(page)
    assert least_seconds(page.run, 3) < 3
    assert len(page.dataframe[-1].value) == 50
    page.number_input(key=batch.PAGE).set_value(20).run()
    assert page.dataframe[-1].value["번호"].tolist() == list(range(951, 1001))
