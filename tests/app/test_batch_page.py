"""The page of many questions in its states, without a browser: empty, preview, bad file, running, stopped
and gone on with, found again, somebody else's.

Run: python -m pytest tests/app/test_batch_page.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard import resources
from dashboard.session import batch
from errors import AS_WRITTEN, NaraniError
from tests.app.batch_pages import (
    SLOW,
    address,
    engine,
    lines,
    owner,
    progress,
    started,
    tables,
    until_ended,
    uploaded,
)
from tests.app.opened_pages import opened, texts
from tests.engines.scripted_engine import ScriptedEngine

__all__ = ["engine"]


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
    assert "질문이 **3개**" in texts(page) and "중복된 질문 1개" in texts(page)
    page.number_input(key=batch.LIMIT).set_value(2).run()
    assert "질문 2개 × 모델 1개 = 답 **2개**" in texts(page)
    page = until_ended(page.button(key=batch.START).click().run())
    assert "2개 가운데 2개" in progress(page)


def test_running_stopped_and_gone_on_with(engine: ScriptedEngine) -> None:
    page = started(*(f"{at}번?" for at in range(40)), models=SLOW)
    assert "묻는 중" in texts(page) and "떠나거나" in texts(page)
    services = resources.services()
    job = services.batches.get(owner(), address(page))
    assert job is not None
    page.button(key=batch.STOP).click().run()
    assert job.wait(10)
    page.run()
    assert "중지됨" in texts(page)
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
    job = resources.services().batches.get(owner(), batch_id)
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
        ("a.csv", b"", "파일이 비어 있습니다"),
        ("a.txt", b"\n\n", "질문이 없습니다"),
        ("a.csv", "question\n가?\n나,다\n".encode(), "3번째 줄"),
        ("a.jsonl", b'{"question": "a"}\n{"question"', "2번째 줄"),
        ("a.csv", b"\x89PNG\xff\xfe\x80", "UTF\\-16, CP949 어느 것도 아닙니다"),
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
        raise NaraniError(AS_WRITTEN, sentence="The disk is full.")

    monkeypatch.setattr(resources.services().history, "begin_batch", full)
    page.button(key=batch.START).click().run()
    assert "disk is full" in texts(page).replace("\\", "")
    assert "batch" not in page.query_params
