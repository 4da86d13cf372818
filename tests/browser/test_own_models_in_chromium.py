"""One's own models in Chromium: a faulty form is mended and its model answers; a damaged file fails alone.

Run: python -m pytest tests/browser/test_own_models_in_chromium.py  (needs Debian's chromium)
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.browser.at_the_page import (
    FIRST_ANSWER,
    KO,
    ask,
    close_list,
    columns,
    ended_text,
    known_answers,
    one,
    open_compare,
    open_list,
    open_page,
    pick,
    settled,
    wait_for_answers,
    wait_until_all_ended,
)
from tests.browser.expecting import expect
from tests.browser.served import ROOT, Served

QUESTION = "남한에서 가장 높은 산은 무엇인가요?"
DEMO = ROOT / "model_registry/demo/demo-koalpaca"
DAMAGED = """\
[[model]]
id = "damaged"
title = "깨진 모델"
source = "{source}"
family = "own"
architecture = "gpt_neox"
parameters = 1_254_144
context_length = 512
license = {{ name = "apache-2.0", commercial = "yes" }}
prompt_format = "koalpaca"
"""


@pytest.fixture
def own_models(demo_server: Served) -> Iterator[Path]:
    """The server's folder of own entries, empty again afterwards: other tests share the server."""
    folder = demo_server.home / "models"
    folder.mkdir(parents=True, exist_ok=True)
    yield folder
    for path in folder.iterdir():
        path.unlink()


def own_section(page: Page, address: str) -> None:
    open_page(open_compare(page, address), address, "models")
    one(page.get_by_test_id("stButtonGroup").get_by_text(KO.models["section_own"], exact=True)).click()
    one(page.get_by_role("button", name=KO.models["add"]))


def fill(page: Page, field: str, value: str) -> None:
    box = page.get_by_role("textbox", name=f"{KO.models[f'field_{field}']} *", exact=True)
    box.fill(value)
    box.press("Tab")


def test_a_faulty_entry_is_mended_and_its_model_answers(
    page: Page, address: str, own_models: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(DEMO, tmp_path / "mine")
    own_section(page, address)
    one(page.get_by_role("button", name=KO.models["add"])).click()
    start = page.get_by_role("combobox", name=KO.models["start_from"])
    start.fill("KoAlpaca format")
    one(page.get_by_role("option", name="Demo: KoAlpaca format (toy)")).click()
    expect(page.get_by_role("textbox", name=KO.models["field_parameters"])).not_to_have_value("")
    fill(page, "id", "내 모델")
    fill(page, "title", "내가 더한 모델")
    fill(page, "source", str(source))
    one(page.get_by_text(KO.models["fault_pattern_id"]))
    save = page.get_by_role("button", name=KO.models["save"])
    expect(save).to_be_disabled()
    fill(page, "id", "내-모델")
    expect(page.get_by_text(KO.models["fault_pattern_id"])).to_have_count(0)
    expect(save).to_be_enabled()
    save.click()
    one(page.get_by_text("내가 더한 모델 저장했습니다"))
    assert [path.name for path in own_models.iterdir()] == ["내-모델.toml"]
    answers_beside(page, address, "내-모델", "내가 더한 모델")
    wait_for_answers(page, 2)
    assert ended_text(columns(page).nth(1)) == known_answers(QUESTION)[0]


def answers_beside(page: Page, address: str, model: str, title: str) -> None:
    """Ask a demo model, and this one after it."""
    page.get_by_test_id("stSidebarNav").get_by_text(KO.pages["compare"], exact=True).click()
    pick(page, "demo-koalpaca")
    search = open_list(page)
    search.fill(title)
    search.press("Enter")
    model = re.sub(r"[^a-zA-Z0-9_-]", "-", model)  # as Streamlit names its elements
    tick = one(page.locator(f".st-key-compare_pick_{model} label"))
    settled(page)
    tick.click()
    one(page.locator(f".st-key-compare_remove_{model}"))
    close_list(page)
    ask(page, QUESTION)
    expect(columns(page)).to_have_count(2)


def test_a_damaged_file_fails_in_its_column_alone(
    page: Page, address: str, own_models: Path, tmp_path: Path
) -> None:
    source = shutil.copytree(DEMO, tmp_path / "damaged")
    weights = source / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100_000])
    (own_models / "damaged.toml").write_text(DAMAGED.format(source=source), encoding="utf-8")
    own_section(page, address)
    one(page.get_by_role("button", name=KO.models["reload"])).click()
    one(page.get_by_text("깨진 모델"))
    answers_beside(page, address, "damaged", "깨진 모델")
    wait_until_all_ended(page)
    broken = columns(page).nth(1)
    expect(broken.get_by_role("alert")).to_contain_text(
        "model.safetensors 파일이 깨졌습니다", timeout=FIRST_ANSWER
    )
    assert ended_text(columns(page).nth(0)) == known_answers(QUESTION)[0]
    (own_models / "damaged.toml").unlink()
    own_section(page, address)
    one(page.get_by_role("button", name=KO.models["reload"])).click()
    one(page.get_by_text(KO.models["none_yet"]))
