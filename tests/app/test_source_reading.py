"""The form filled in from a source alone: what is filled, what stays, what is said; without a browser.

Run: python -m pytest tests/app/test_source_reading.py
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.models import source_reading
from dashboard.session import models
from dashboard.texts import read_texts
from tests.app.opened_pages import open_services, opened, texts

DEMO = Path(__file__).parents[2] / "model_registry/demo"
KO = read_texts("ko").models
READ, SAVE = "models_read_source", "models_save"


@pytest.fixture(autouse=True)
def services(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(source_reading, "is_machine", lambda: True)
    with open_services(monkeypatch, tmp_path / "home"):
        yield


def mine(folder: Path, name: str = "demo-chat", card: str = "---\nlicense: mit\n---\n") -> Path:
    shutil.copytree(DEMO / name, folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def new_form(**values: str) -> AppTest:
    page = opened("models", part="own").button(key="models_add").click().run()
    for key, value in values.items():
        page.text_input(key=models.field_key(key)).set_value(value)
    return page.run()


def read(page: AppTest) -> AppTest:
    page = page.button(key=READ).click().run()
    assert not page.exception
    return page


def badges(page: AppTest) -> int:
    return texts(page).count(f"{KO['filled']}] :gray[")


def test_a_folder_alone_is_enough_to_save_a_chat_model(tmp_path: Path) -> None:
    folder = mine(tmp_path / "내 모델")
    page = read(new_form(source=str(folder)))
    shown = texts(page)
    assert badges(page) == 12 and "칸 12개를 채웠습니다" in shown and "2\\.5 MB" in shown
    assert not page.button(key=SAVE).disabled and "아직 비어 있는 칸" not in shown
    page.button(key=SAVE).click().run()
    saved = (tmp_path / "home/models/내-모델.toml").read_text("utf-8")
    assert 'prompt_format = "chat"' in saved and "parameters = 1_248_384" in saved


def test_a_badge_goes_for_good_once_its_field_is_changed(tmp_path: Path) -> None:
    page = read(new_form(source=str(mine(tmp_path / "mine"))))
    before = badges(page)
    title = models.field_key("title")
    page.text_input(key=title).set_value("다른 이름").run()
    assert badges(page) == before - 1
    page.text_input(key=title).set_value("mine").run()
    assert badges(page) == before - 1


def test_what_was_typed_stays_and_is_replaced_by_its_own_button_alone(tmp_path: Path) -> None:
    page = read(new_form(source=str(mine(tmp_path / "mine")), title="내 이름", parameters="9B"))
    assert page.text_input(key=models.field_key("parameters")).value == "9B"
    assert "적어 둔 값 9B · model\\.safetensors에는 1,248,384" in texts(page)
    assert page.text_input(key=models.field_key("title")).value == "내 이름"
    before = badges(page)
    page.button(key="models_take_parameters").click().run()
    assert page.text_input(key=models.field_key("parameters")).value == "1,248,384"
    assert page.text_input(key=models.field_key("title")).value == "내 이름" and badges(page) == before + 1


def test_another_source_takes_back_what_the_first_one_filled(tmp_path: Path) -> None:
    page = read(new_form(source=str(mine(tmp_path / "one"))))
    page.text_input(key=models.field_key("license_note")).set_value("내 메모")
    other = mine(tmp_path / "two", "demo-koalpaca", card="")
    page.text_input(key=models.field_key("source")).set_value(str(other)).run()
    assert KO["source_changed"] in texts(page)
    page = read(page)
    assert page.text_input(key=models.field_key("id")).value == "two"
    assert page.selectbox(key=models.field_key("license.name")).value is None
    assert page.text_input(key=models.field_key("license.note")).value == "내 메모"
    assert page.selectbox(key=models.field_key("prompt_format")).value is None
    assert texts(page).count("프롬프트 형식을 알 수 없습니다") == 2, "in the list and below its field"
    assert page.button(key=SAVE).disabled


@pytest.mark.parametrize("source", ["", "no source", "/nowhere/at/all", "~nobody/x"])
def test_a_source_that_tells_nothing_says_so_and_keeps_the_form(source: str) -> None:
    page = read(new_form(source=source, title="내 이름"))
    shown = texts(page)
    assert badges(page) == 0 and page.text_input(key=models.field_key("title")).value == "내 이름"
    assert "출처를 적어 주세요" in shown or "폴더가 없습니다" in shown or KO["nothing_filled"] in shown


def test_whoever_is_not_at_this_machine_reads_none_of_its_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_reading, "is_machine", lambda: False)
    page = read(new_form(source=str(mine(tmp_path / "mine"))))
    assert badges(page) == 0 and "이 컴퓨터에서 Narani를 연 사람만" in texts(page)


def test_what_strangers_wrote_is_shown_as_text(tmp_path: Path) -> None:
    hostile = "[x](http://evil) :red[y] <script>"
    card = f"---\nlicense: '{hostile}'\nlanguage: '{hostile}'\nbase_model: '{hostile}'\n---\n"
    page = read(new_form(source=str(mine(tmp_path / "mine", card=card)), title="typed"))
    shown = texts(page).replace(page.code[0].value, "")
    assert "http\\:" in shown and "[x](" not in shown and " :red[y]" not in shown and "<script>" not in shown


def test_every_word_of_a_reading_stands_in_both_languages() -> None:
    for language in ("ko", "en"):
        words = read_texts(language).models
        assert all(f"read_{name}" in words for name in source_reading._FACTS)
        assert "help_embeddings_tied" in words and "group_source" in words
