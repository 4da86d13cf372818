"""The page of many questions in its states, without a browser: empty, preview, bad file, running, done,
failed, stopped and gone on with, found again, somebody else's.

Run: python -m pytest tests/app/test_batch_page.py
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from comparison.batch_progress import BatchState
from comparison.batch_results import Measure
from comparison.question_sets import SETS
from dashboard import resources
from dashboard.components import export_button
from dashboard.session import batch
from dashboard.words import read_words
from engines.scripted import Script, ScriptedEngine
from errors import LoadError, NaraniError
from tests.app.opened_pages import house, opened, texts

MODELS = ["demo-koalpaca", "demo-kullm"]
SLOW = ["demo-chat"]
HOSTILE = "<script>alert(1)</script> ![x](http://127.0.0.1/x.png)"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    damaged = LoadError("The weights are damaged. Download them again.")
    scripts = {
        "demo-koalpaca": Script(pieces=("서울", "이에요. ", HOSTILE)),
        "demo-kullm": Script(loading_failure=damaged),
        "demo-chat": Script(pieces=("느", "린 ", "답"), seconds_per_piece=0.05),
    }
    with house(monkeypatch, tmp_path, scripts) as made:
        yield made


def lines(*questions: str, models: list[str] = MODELS) -> AppTest:
    """The page with pasted questions."""
    page = opened("batch")
    page.segmented_control(key=batch.SOURCE).set_value("lines").run()
    page.text_area(key=batch.LINES).set_value("\n".join(questions)).run()
    return page.multiselect(key=batch.MODELS).set_value(models).run()


def started(*questions: str, models: list[str] = MODELS) -> AppTest:
    page = lines(*questions, models=models).button(key=batch.START).click().run()
    assert not page.exception
    return page


def uploaded(tmp_path: Path, name: str, content: bytes) -> AppTest:
    page = opened("batch").segmented_control(key=batch.SOURCE).set_value("file").run()
    page.file_uploader[0].set_value((name, content, "text/plain")).run()
    assert len(list((tmp_path / "uploads").iterdir())) == 1, "it is on disk"
    assert not page.file_uploader, "and the browser session holds it no longer"
    return page


def address(page: AppTest) -> str:
    value = page.query_params["batch"]
    return value if isinstance(value, str) else str(value[0])


def tables(page: AppTest) -> str:
    return "\n".join(table.value.to_string() for table in page.dataframe)


def until_ended(page: AppTest) -> AppTest:
    job = resources.services().batches.get(_owner(), address(page))
    assert job is not None and job.wait(15)
    return page.run()


def _owner() -> str:
    (job,) = {each.owner for each in resources.services().batches._jobs.values()}
    return job


def test_the_page_opens_on_a_set_that_ships(engine: ScriptedEngine) -> None:
    page = opened("batch")
    shown = texts(page)
    assert "질문이 **30개**" in shown and "아직 없습니다" in shown
    assert "질문 30개 × 모델 4개 = 답 **120개**" in shown
    assert "장마철" in tables(page)
    page.radio(key=batch.SET).set_value("reasoning").run()
    assert "질문이 **36개**" in texts(page)


def test_without_models_it_says_what_to_do_first(engine: ScriptedEngine) -> None:
    page = lines("수도는?", models=[])
    assert "모델을 하나 이상" in texts(page)
    assert page.button(key=batch.START).disabled


def test_only_the_first_questions_are_asked_on_wish(engine: ScriptedEngine) -> None:
    page = lines("가?", "나?", "다?", "가?", models=["demo-koalpaca"])
    assert "질문이 **3개**" in texts(page) and "되풀이된 질문 1개" in texts(page)
    page.number_input(key=batch.LIMIT).set_value(2).run()
    assert "질문 2개 × 모델 1개 = 답 **2개**" in texts(page)
    page = until_ended(page.button(key=batch.START).click().run())
    assert "2개 가운데 2개" in progress(page)


def progress(page: AppTest) -> str:
    (bar,) = page.get("progress")
    return str(bar.proto.text)


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


def test_the_answers_of_a_batch_are_exported_and_no_others(engine: ScriptedEngine, tmp_path: Path) -> None:
    until_ended(started("다른 것?", models=["demo-koalpaca"]))
    page = until_ended(started("수도는?", "강은?"))
    made: list[Path] = []

    def keep(path: Path, *_: object) -> None:
        made.append(path)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(export_button, "_hand_over", keep)
        page.button(key=f"{batch.EXPORT}_make").click().run()
    assert not page.exception
    text = made[0].read_text(encoding="utf-8-sig")
    assert "수도는?" in text and "강은?" in text and "다른 것?" not in text


def test_there_is_a_word_for_everything_that_may_be_shown() -> None:
    keys = {f"state_{each}" for each in BatchState} | {f"measure_{each}" for each in Measure}
    keys |= {f"set_{each}{end}" for each in SETS for end in ("", "_about")}
    for language in ("ko", "en"):
        assert keys <= set(read_words(language).batch)


def test_what_models_and_people_write_is_never_markup(engine: ScriptedEngine) -> None:
    page = until_ended(started(HOSTILE, models=["demo-koalpaca"]))
    assert not page.exception
    assert "alert(1)" in tables(page)
    assert "alert(1)" not in "".join(element.value for element in page.markdown)


def test_running_stopped_and_gone_on_with(engine: ScriptedEngine) -> None:
    page = started(*(f"{at}번?" for at in range(40)), models=SLOW)
    assert "묻는 중" in texts(page) and "떠나거나" in texts(page)
    services = resources.services()
    job = services.batches.get(_owner(), address(page))
    assert job is not None
    page.button(key=batch.STOP).click().run()
    assert job.wait(10)
    page.run()
    assert "멈춤" in texts(page)
    done = job.view().done
    assert done < 40
    page.button(key=batch.GO_ON).click().run()
    assert "묻는 중" in texts(page)
    page = until_ended(page)
    assert "40개 가운데 40개" in progress(page)


def test_a_second_tab_and_a_new_process_find_it(engine: ScriptedEngine) -> None:
    first = started(*(f"{at}번?" for at in range(20)), models=SLOW)
    second = opened("batch", batch=address(first))
    assert "묻는 중" in texts(second)
    until_ended(first)
    resources.services().batches._jobs.clear()
    again = opened("batch", batch=address(first))
    assert "20개 가운데 20개" in progress(again) and "느린 답" in tables(again)


def test_it_goes_on_with_nobody_looking_and_stands_in_the_list(engine: ScriptedEngine) -> None:
    page = started("가?", "나?", models=SLOW)
    batch_id = address(page)
    page.switch_page("dashboard/pages/models.py").run()
    job = resources.services().batches.get(_owner(), batch_id)
    assert job is not None and job.wait(10)
    page = opened("batch")
    assert "질문 2개 · 모델 1개 · 답 2/2" in texts(page).replace("\\", "")
    page.button(key=batch.open_key(batch_id)).click().run()
    assert address(page) == batch_id and "느린 답" in tables(page)
    assert page.title[0].value == "가?", "pasted questions are called by the first of them"
    page.button(key=batch.NEW).click().run()
    assert "batch" not in page.query_params and page.button(key=batch.START)


def test_somebody_elses_batch_is_not_there(engine: ScriptedEngine) -> None:
    mine = started("가?", models=["demo-koalpaca"])
    other = opened("batch", owner="p" * 43, batch=address(mine))
    assert "찾을 수 없습니다" in texts(other) and "서울" not in tables(other)
    assert mine.title[0].value not in [title.value for title in other.title]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"", "is empty"),
        ("a.txt", b"\n\n", "질문이 없습니다"),
        ("a.csv", "question\n가?\n나,다\n".encode(), "3번째 줄"),
        ("a.jsonl", b'{"question": "a"}\n{"question"', "2번째 줄"),
        ("a.csv", b"\x89PNG\xff\xfe\x80", "neither UTF\\-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_said(
    engine: ScriptedEngine, tmp_path: Path, name: str, content: bytes, says: str
) -> None:
    page = uploaded(tmp_path, name, content)
    assert says.replace("\\", "") in texts(page).replace("\\", "")
    assert batch.START not in [button.key for button in page.button]


def test_a_column_is_chosen_where_none_has_a_known_name(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = uploaded(tmp_path, "내 질문.csv", "물음,설명\n이것은?,글\n".encode("cp949"))
    assert "찾지 못했습니다" in texts(page) and "내 질문" in texts(page)
    page.selectbox(key=batch.COLUMN).set_value("물음").run()
    page.selectbox(key=batch.INPUT_COLUMN).set_value("설명").run()
    assert "CP949" in texts(page)
    assert page.dataframe[0].value.to_dict("list") == {"질문": ["이것은?"], "입력 글": ["글"]}


def test_an_upload_goes_once_it_is_asked_or_let_go(engine: ScriptedEngine, tmp_path: Path) -> None:
    page = uploaded(tmp_path, "a.txt", "가?\n나?\n".encode())
    assert list((tmp_path / "uploads").iterdir())
    page.multiselect(key=batch.MODELS).set_value(["demo-koalpaca"]).run()
    page = until_ended(page.button(key=batch.START).click().run())
    assert page.title[0].value == "a\\.txt"
    assert not list((tmp_path / "uploads").iterdir())
    page = uploaded(tmp_path, "b.txt", "가?\n".encode())
    page.button(key=batch.OTHER_FILE).click().run()
    assert not list((tmp_path / "uploads").iterdir())
    assert "comparison batch" in texts(page), "the way for bigger files"


def test_a_history_that_cannot_be_written_starts_nothing(
    engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = lines("가?")

    def full(*_: object) -> None:
        raise NaraniError("The disk is full.")

    monkeypatch.setattr(resources.services().history, "begin_batch", full)
    page.button(key=batch.START).click().run()
    assert "disk is full" in texts(page).replace("\\", "")
    assert "batch" not in page.query_params


def test_a_thousand_questions_go_to_the_browser_in_pages(engine: ScriptedEngine) -> None:
    page = started(*(f"{at}번?" for at in range(1000)), models=["demo-koalpaca"])
    page = until_ended(page)
    began = time.perf_counter()
    page.run()
    assert time.perf_counter() - began < 3
    assert len(page.dataframe[-1].value) == 50
    page.number_input(key=batch.PAGE).set_value(20).run()
    assert page.dataframe[-1].value["번호"].tolist() == list(range(951, 1001))
