"""The page of models without a browser: the registry, formats, and own entries written, mended, removed.

Run: python -m pytest tests/app/test_models_page.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.models.fault_texts import fault_sentence
from dashboard.models.own_entry_form import FIELDS
from dashboard.session import models
from dashboard.texts import read_texts
from model_registry.entry_values import values_of
from tests.app.opened_pages import open_list, open_services, opened, texts, ticks
from tests.engines.scripted_engine import ScriptedEngine
from tests.model_registry.own_entries import adapter, entry

FILLED = {
    "id": "mine",
    "title": "내 [모델](http://x)",
    "source": "somebody/some-model",
    "parameters": "58억",
    "architecture": "llama",
    "license.name": "mit",
    "prompt_format": "koalpaca",
}


@pytest.fixture(autouse=True)
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    (tmp_path / "models").mkdir()
    with open_services(monkeypatch, tmp_path) as made:
        yield made


def at(section: str, **address: str) -> AppTest:
    return opened("models", part=section, **address)


def fill(page: AppTest, **values: str) -> AppTest:
    for name, value in values.items():
        key = models.field_key(name.replace("__", "."))
        boxes = [*page.text_input, *page.selectbox, *page.text_area]
        next(box for box in boxes if box.key == key).set_value(value)
    return page.run()


def new_entry(**changed: str) -> AppTest:
    page = at("own").button(key="models_add").click().run()
    return fill(page, **{**FILLED, **changed})


def click(page: AppTest, key: str) -> AppTest:
    return page.button(key=key).click().run()


def table_ids(page: AppTest) -> list[str]:
    return list(page.dataframe[0].value["id"])


def test_the_page_opens_on_the_memory_and_stays_where_it_was() -> None:
    page = opened("models")
    assert page.segmented_control(key=models.SECTION).value == "memory"
    page.segmented_control(key=models.SECTION).set_value("own").run()
    assert page.query_params["part"] == "own" and "아직 내 모델이 없습니다" in texts(page)


def test_all_models_stand_in_the_table_and_can_be_narrowed_down() -> None:
    page = at("registry")
    assert "72개 가운데 72개" in texts(page) and len(table_ids(page)) == 72
    assert set(page.dataframe[0].value["commercial"]) == {"가능", "불가", "불분명"}

    page.text_input(key=models.SEARCH).set_value("kullm 12.8").run()
    assert table_ids(page) == ["kullm-polyglot-12.8b-v2"]
    page.text_input(key=models.SEARCH).set_value("kullm 없는말").run()
    assert "맞는 모델이 없습니다" in texts(page) and not page.dataframe
    page.text_input(key=models.SEARCH).set_value("").run()
    page.number_input(key=models.MEMORY).set_value(3.0).run()
    assert "polyglot-ko-1.3b" in table_ids(page) and "polyglot-ko-5.8b" not in table_ids(page)


@pytest.mark.parametrize(
    ("model", "words"),
    [
        ("kullm-polyglot-12.8b-v2", ["nlpai-lab/kullm", "12.9B", "가능", "추정"]),
        ("korani-5.8b", ["polyglot-ko-5.8b", "확인 안 됨"]),
        ("demo-chat", ["demo.toml", "chat"]),
    ],
)
def test_a_model_in_the_address_shows_every_fact(model: str, words: list[str]) -> None:
    shown = texts(at("registry", model=model)).replace("\\", "")
    assert all(word in shown for word in words), shown


def test_a_model_of_every_family_can_be_opened() -> None:
    page = at("registry")
    one_each = {spec.family: spec.id for spec in resources.services().registry.models.values()}
    for model_id in one_each.values():
        page.query_params["model"] = model_id
        assert not page.run().exception, model_id


def test_a_prompt_is_shown_piece_by_piece_and_exactly() -> None:
    page = at("formats")
    page.selectbox(key=models.FORMAT_MODEL).set_value("demo-kullm").run()
    page.text_area(key=models.QUESTION).set_value("**왜** <b>?").run()
    shown = texts(page)
    assert ":blue-background[\\*\\*왜\\*\\* \\<b\\>?]" in shown
    assert page.code[0].value == (
        "아래는 작업을 설명하는 명령어입니다. 요청을 적절히 완료하는 응답을 작성하세요.\n\n"
        "### 명령어:\n**왜** <b>?\n\n### 응답:\n"
    )
    page.text_area(key=models.INPUT).set_value("글").run()
    assert "### 입력:\n글" in page.code[0].value


def test_a_chat_format_is_rendered_by_the_tokenizer_that_is_here() -> None:
    page = at("formats")
    page.selectbox(key=models.FORMAT_MODEL).set_value("demo-chat").run()
    assert "<|start|>user" in page.code[0].value


def test_a_chat_format_without_its_tokenizer_says_so_and_shows_what_is_known() -> None:
    page = at("formats")
    page.selectbox(key=models.FORMAT_MODEL).set_value("exaone-3.5-2.4b").run()
    assert "이 컴퓨터에 없습니다" in texts(page) and ":gray-badge[user]" in texts(page)
    assert not page.code
    page.segmented_control(key=models.FORMAT_OF).set_value(False).run()
    page.selectbox(key=models.FORMAT).set_value("chat").run()
    assert "모델마다 토크나이저" in texts(page)


def test_a_folder_that_is_gone_or_has_no_template_is_said(tmp_path: Path) -> None:
    (tmp_path / "models" / "empty").mkdir()
    text = entry(source='"./gone"', prompt_format='"chat"')
    empty = entry(id='"bare"', source='"./empty"', prompt_format='"chat"')
    (tmp_path / "models" / "own.toml").write_text(text + empty, encoding="utf-8")
    page = at("formats")
    page.selectbox(key=models.FORMAT_MODEL).set_value("mine").run()
    assert "이 컴퓨터에 없습니다" in texts(page)
    page.selectbox(key=models.FORMAT_MODEL).set_value("bare").run()
    assert "챗 템플릿이 없습니다" in texts(page).replace("\\", "")


def test_a_refused_prompt_is_a_sentence() -> None:
    page = at("formats")
    page.segmented_control(key=models.FORMAT_OF).set_value(False).run()
    page.selectbox(key=models.FORMAT).set_value("korani-search").run()
    page.text_area(key=models.SYSTEM).set_value("짧게").run()
    shown = texts(page).replace("\\", "")
    assert "시스템 프롬프트를 넣을 자리가 없습니다" in shown
    title = resources.services().registry.formats.get("korani-search").title
    assert read_texts("ko").said(title) in shown


def test_the_empty_list_says_what_to_do_first() -> None:
    assert "아직 내 모델이 없습니다" in texts(at("own"))


def test_a_new_entry_is_judged_field_by_field_and_saved_once_good(tmp_path: Path) -> None:
    page = new_entry(id="내 모델!", parameters="viele")
    assert "한글과 영문 소문자, 숫자" in texts(page) and "정수로 적어" in texts(page)
    assert page.button(key="models_save").disabled

    fill(page, id="kullm3", parameters="5.8B")
    assert "korean\\_community\\.toml에서 이미 쓰는 id" in texts(page)
    fill(page, id="mine")
    assert "parameters = 5_800_000_000" in page.code[0].value
    click(page, "models_save")

    assert "저장했습니다" in texts(page) and "[모델](" not in texts(page)
    assert (tmp_path / "models" / "mine.toml").is_file()
    page.segmented_control(key=models.SECTION).set_value("registry").run()
    assert len(table_ids(page)) == 73
    page.switch_page("dashboard/pages/compare.py").run()
    assert "mine" in resources.services().registry.models and not page.exception
    assert "mine" in ticks(open_list(page))


def test_nothing_is_lost_by_looking_at_another_part() -> None:
    page = new_entry()
    page.segmented_control(key=models.SECTION).set_value("registry").run()
    page.switch_page("dashboard/pages/history.py").run()
    page.switch_page("dashboard/pages/models.py").run()
    page.segmented_control(key=models.SECTION).set_value("own").run()
    assert page.text_input(key=models.field_key("id")).value == "mine"
    assert not page.button(key="models_save").disabled


def test_code_of_a_model_is_allowed_only_with_a_pinned_commit() -> None:
    page = new_entry()
    page.checkbox(key=models.field_key("loading.trust_remote_code")).check().run()
    assert "40자리 커밋" in texts(page) and page.button(key="models_save").disabled
    fill(page, revision="0123456789" * 4)
    assert not page.button(key="models_save").disabled


def test_an_entry_like_another_begins_with_its_facts() -> None:
    page = at("own").button(key="models_add").click().run()
    fill(page, id="mine")
    page.selectbox(key=models.START).set_value("kullm-polyglot-12.8b-v2").run()
    assert page.text_input(key=models.field_key("parameters")).value == "12,893,603,840"
    assert page.text_input(key=models.field_key("id")).value == "mine"
    assert page.text_input(key=models.field_key("source")).value == ""


def test_an_entry_is_changed_removed_and_brought_back(tmp_path: Path) -> None:
    path = tmp_path / "models" / "own.toml"
    path.write_text("# why\n" + entry().replace("license", "licence"), encoding="utf-8")
    assert "옛 키 'licence' → 새 키 'license'" in texts(page := at("own"))
    page = click(click(click(page, "models_edit_own.toml_0"), "models_save"), "models_edit_own.toml_0")
    assert "바뀐 것이 없습니다" in texts(page) and page.button(key="models_save").disabled
    click(fill(page, title="다른 이름"), "models_save")
    assert path.read_text(encoding="utf-8") == "# why\n" + entry(title='"다른 이름"')

    click(page, "models_delete_own.toml_0")
    assert not path.exists() and "mine" not in resources.services().registry.models
    click(page, "models_undo")
    assert resources.services().registry.get("mine").title == "다른 이름"


def test_a_change_that_breaks_an_adapter_is_not_saved(tmp_path: Path) -> None:
    (tmp_path / "models" / "own.toml").write_text(entry() + adapter("over", "mine"), encoding="utf-8")
    page = fill(click(at("own"), "models_edit_own.toml_0"), id="other")
    assert "다른 항목이 쓸 수 없게" in texts(page) and page.button(key="models_save").disabled


def test_a_faulty_entry_is_listed_with_its_fault_and_mended_in_the_form(tmp_path: Path) -> None:
    (tmp_path / "models" / "bad.toml").write_text(entry(parameters='"many"', architecture='"lama"'), "utf-8")
    assert "2군데" in texts(at("registry"))
    page = at("own")
    assert "정수로 적어" in texts(page) and "고칠 곳 있음" in texts(page)

    click(page, "models_edit_bad.toml_0")
    assert "지금은 'lama'" in texts(page).replace("\\", "")
    click(fill(page, parameters="1000", architecture="llama"), "models_save")

    assert resources.services().registry.faults == ()
    assert "고칠 곳 있음" not in texts(page)


def test_a_source_that_is_no_model_is_named_below_its_field_and_in_the_list(tmp_path: Path) -> None:
    """It may be saved: what is not there now may be copied there later."""
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    page = at("own").button(key="models_add").click().run()
    fill(page, source=str(tmp_path / "q4.gguf"))
    assert "GGUF \\(llama\\.cpp\\) 형식이라" in texts(page)
    fill(page, source="../gone/", tokenizer__source="../q4.gguf")
    assert "'gone' 폴더가 없습니다" in texts(page) and "토크나이저 폴더를 적어" in texts(page)
    fill(page, source="owner/name", tokenizer__source="")
    assert "폴더가 없습니다" not in texts(page) and "형식이라" not in texts(page)
    click(fill(page, **{**FILLED, "source": "../q4.gguf"}), "models_save")
    assert "저장했습니다" in texts(page) and "GGUF \\(llama\\.cpp\\) 형식이라" in texts(page)
    assert resources.services().registry.faults == ()


def test_a_file_that_is_no_toml_is_mended_as_text(tmp_path: Path) -> None:
    path = tmp_path / "models" / "bad.toml"
    path.write_text(entry() + "oops", encoding="utf-8")
    page = at("own")
    assert "TOML 문법" in texts(page)
    click(page, "models_text_bad.toml")
    assert page.button(key="models_save_text").disabled
    page.text_area(key=models.RAW).set_value(entry(title='""')).run()
    assert "비워 둘 수 없습니다" in texts(page)
    page.text_area(key=models.RAW).set_value(entry()).run()
    assert "잘못이 없습니다" in texts(page)
    click(page, "models_save_text")
    assert "mine" in resources.services().registry.models


def test_a_file_changed_by_another_program_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "models" / "own.toml"
    path.write_text(entry(), encoding="utf-8")
    page = fill(click(at("own"), "models_edit_own.toml_0"), title="mine")
    path.write_text(entry(title='"theirs"'), encoding="utf-8")
    click(page, "models_save")
    assert "다른 사람이" in texts(page).replace("\\", "")
    assert "theirs" in path.read_text(encoding="utf-8")
    click(page, "models_cancel")
    click(page, "models_reload")
    assert resources.services().registry.get("mine").title == "theirs"


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_field_and_fault_has_its_words(language: str, tmp_path: Path) -> None:
    texts = read_texts(language)
    assert {field.key for field in FIELDS} == set(values_of({}))
    for field in FIELDS:
        assert texts.models[f"field_{field.words}"] and texts.models[f"help_{field.words}"]
    (tmp_path / "models" / "bad.toml").write_text(entry(parameters="0", title="7", extra="x = 1"), "utf-8")
    resources.services().registry.reload()
    for fault in resources.services().registry.faults:
        assert fault_sentence(fault, texts) and "{" not in fault_sentence(fault, texts)
