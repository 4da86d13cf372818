"""Whether a model thinks is set beside every box for questions, and reaches what is asked.

Run: python -m pytest tests/app/test_switching_thinking.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dashboard import resources
from dashboard.session import batch, compare, search
from dashboard.session.owner import owner_of_browser
from history.records import HistoryFilter
from model_registry import live
from model_registry.registry import Registry, load_registry
from search.deciding import SearchMode
from tests.app.batch_pages import lines, until_ended
from tests.app.opened_pages import OWNER, open_services, opened, run_until, tick
from tests.engines.scripted_engine import Script, ScriptedEngine

SWITCHED, OTHER = "demo-chat", "demo-kullm"


@pytest.fixture(autouse=True)
def _engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    def knowing(own_models: Path | None) -> Registry:
        read = load_registry(own_models)
        spec = read.models[SWITCHED].model_copy(update={"thinking": "switch"})
        return replace(read, models={**read.models, SWITCHED: spec})

    monkeypatch.setattr(live, "load_registry", knowing)
    with open_services(monkeypatch, tmp_path, {each: Script(["서울"]) for each in (SWITCHED, OTHER)}) as made:
        yield made


def told() -> dict[str, bool | None]:
    """What the models of the latest question were told."""
    (run, *_) = resources.services().history.page(owner_of_browser(OWNER), HistoryFilter()).runs
    return {request.model_id: request.thinking for request in run.head.requests}


def test_in_a_batch() -> None:
    page = lines("수도는?", models=[OTHER])
    assert batch.THINKING not in [control.key for control in page.segmented_control]
    page.multiselect(key=batch.MODELS).set_value([SWITCHED, OTHER]).run()
    page.segmented_control(key=batch.THINKING).set_value("on").run()
    page = until_ended(page.button(key=batch.START).click().run())
    assert told() == {SWITCHED: True, OTHER: None}


@pytest.mark.parametrize("name", ["compare", "search"])
def test_beside_a_question(name: str) -> None:
    room = {"compare": compare, "search": search}[name]
    page = opened(name)
    if room is search:
        page.segmented_control(key=search.MODE).set_value(SearchMode.NEVER).run()
    for model in (SWITCHED, OTHER):
        tick(page, model, models=room.MODELS)
    page.segmented_control(key=room.THINKING).set_value("off").run()
    page.chat_input(key=room.TYPED.box_key).set_value("수도는?").run()
    run_until(page, "정상 종료")
    asked = told()
    assert asked[SWITCHED] is False and asked[OTHER] is None
