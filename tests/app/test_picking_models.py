"""The list of models to pick from, on real pages. Run: python -m pytest tests/app/test_picking_models.py"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboard import resources
from dashboard.session import compare
from dashboard.session.settings import MOST_MODELS
from tests.app.opened_pages import open_list, open_services, opened, texts, tick, ticks
from tests.engines.scripted_engine import ScriptedEngine


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    with open_services(monkeypatch, tmp_path) as made:
        yield made


def test_more_models_than_fit_side_by_side_cannot_be_picked(engine: ScriptedEngine) -> None:
    page = opened()
    models = list(resources.services().registry.models)
    page.session_state["compare_picked"] = models[:MOST_MODELS]
    page.run()
    open_list(page)
    page.text_input(key=compare.MODELS.search_key).set_value("-").run()
    boxes = ticks(page)
    assert boxes[models[0]].disabled is False
    assert all(boxes[model].disabled for model in models[MOST_MODELS:])


def test_ticking_a_model_picks_it_and_again_takes_it_away(engine: ScriptedEngine) -> None:
    page = opened()
    assert "demo-koalpaca" in page.session_state["compare_picked"]
    tick(page, "demo-koalpaca", False)
    assert "demo-koalpaca" not in page.session_state["compare_picked"]
    tick(page, "demo-koalpaca")
    assert page.session_state["compare_picked"][-1] == "demo-koalpaca"


def test_a_tick_told_twice_picks_once(engine: ScriptedEngine) -> None:
    page = opened()
    page.session_state["compare_picked"] = ["demo-chat"]
    page.run()
    open_list(page)
    ticks(page)["demo-kullm"].check()
    # As after a run that was cut short: the change was counted, and the browser tells it again.
    page.session_state["compare_picked"] = ["demo-chat", "demo-kullm"]
    page.run()
    assert page.session_state["compare_picked"] == ["demo-chat", "demo-kullm"]


def test_the_list_of_models_travels_to_the_browser_once_it_is_open(engine: ScriptedEngine) -> None:
    page = opened()
    assert not ticks(page)
    boxes = ticks(open_list(page))
    assert len(boxes) == len(resources.services().registry.answerers)
    assert not [box.label for box in boxes.values() if "badge" in box.label], "a label is read out"


def test_a_model_picked_beside_the_open_list_has_another_box_in_it(engine: ScriptedEngine) -> None:
    """A run that is cut short never tells a browser that a box is ticked now, and it would tell the old tick
    with the next press: another model's pick was lost so."""
    page = opened()
    page.session_state["compare_picked"] = ["demo-chat"]
    before = ticks(open_list(page))["demo-kullm"]
    page.session_state["compare_picked"] = ["demo-chat", "demo-kullm"]
    now = ticks(page.run())["demo-kullm"]
    assert now.value and not now.proto.set_value and now.key != before.key
    now.uncheck().run()
    assert page.session_state["compare_picked"] == ["demo-chat"]
    assert ticks(page)["demo-kullm"].key == now.key, "pressed itself, it stays and has the focus"


def test_the_list_is_narrowed_to_what_is_here_and_to_a_family(engine: ScriptedEngine) -> None:
    page = open_list(opened())
    page.button_group(key=compare.MODELS.only_key).set_value(["here"]).run()
    assert ticks(page) and all("demo-" in model for model in ticks(page))
    page.button_group(key=compare.MODELS.only_key).set_value([]).run()
    page.selectbox(key=compare.MODELS.family_key).set_value("kullm").run()
    assert ticks(page) and all("kullm" in model for model in ticks(page))


def test_a_search_narrows_the_models(engine: ScriptedEngine) -> None:
    page = opened()
    open_list(page)
    page.text_input(key=compare.MODELS.search_key).set_value("kullm polyglot").run()
    assert ticks(page) and all("kullm" in model for model in ticks(page))
    open_list(page)
    page.text_input(key=compare.MODELS.search_key).set_value("그런 모델은 없음").run()
    assert "맞는 모델이 없습니다" in texts(page)
