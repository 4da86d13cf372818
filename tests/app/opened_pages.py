"""The real pages and services on a scripted engine, for the tests of the pages; holds no test itself.

Run: python -m pytest tests/app
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Checkbox

from dashboard import resources
from dashboard.session import compare
from dashboard.session.asking import PickedModels
from engines import build
from tests.engines.scripted_engine import Script, ScriptedEngine

ENTRY = Path(__file__).parents[2] / "comparison_app.py"
OWNER = "o" * 43
"""The cookie of the one browser that all pages of a test are opened in, unless they say otherwise."""


@contextmanager
def open_services(
    monkeypatch: pytest.MonkeyPatch, home: Path, scripts: Mapping[str, Script] | None = None
) -> Iterator[ScriptedEngine]:
    """Services of their own, on an engine that plays `scripts`."""
    made = ScriptedEngine(scripts)
    monkeypatch.setenv("NARANI_HOME", str(home))
    monkeypatch.setattr(build, "build_local", lambda *_: made)
    monkeypatch.setattr(resources, "_prepare", lambda: None)
    resources.services.clear()
    try:
        yield made
    finally:
        services = resources.services()
        services.runs.stop_all()
        services.batches.stop_all()
        services.engine.close()
        for run in list(services.runs._kept.values()):
            run.wait(20)  # what is stored after the history is closed opens its file anew
        services.history.close()
        resources.services.clear()


def opened(page: str = "compare", owner: str = OWNER, **address: str) -> AppTest:
    """A tab of a browser, at an address."""
    app = AppTest.from_file(str(ENTRY), default_timeout=30)
    app.session_state["owner_browser_key"] = owner
    if page != "compare":
        app.switch_page(f"dashboard/pages/{page}.py")
    for name, value in address.items():
        app.query_params[name] = value
    return app.run()


def open_list(app: AppTest, models: PickedModels = compare.MODELS) -> AppTest:
    """The list of models to pick from."""
    app.session_state[models.list_key] = True
    return app.run()


def ticks(app: AppTest, models: PickedModels = compare.MODELS) -> dict[str, Checkbox]:
    """The boxes of the list that is open, by model."""
    ours = re.compile(rf"{models.page}_tick_\d+_(.*)")
    found = ((ours.fullmatch(box.key or ""), box) for box in app.checkbox)
    return {key[1]: box for key, box in found if key}


def tick(app: AppTest, model: str, on: bool = True, models: PickedModels = compare.MODELS) -> None:
    box = ticks(open_list(app, models), models)[model]
    (box.check() if on else box.uncheck()).run()


def ask(app: AppTest, question: str = "수도는?", models: Sequence[str] | None = None) -> AppTest:
    if models is not None:
        app.session_state["compare_picked"] = list(models)
        app.run()
    return app.chat_input(key=compare.TYPED.box_key).set_value(question).run()


def texts(app: AppTest) -> str:
    """Every word on the page."""
    assert not app.exception, app.exception
    shown = (
        *app.text,
        *app.markdown,
        *app.warning,
        *app.info,
        *app.error,
        *app.caption,
        *app.code,
        *app.success,
    )
    return "\n".join(str(element.value) for element in (*shown, *app.title))


def run_until(app: AppTest, words: str, seconds: float = 15) -> str:
    until = time.monotonic() + seconds
    while words not in texts(app):
        assert time.monotonic() < until, texts(app)
        time.sleep(0.05)
        app.run()
    return texts(app)


def attempts(app: AppTest, run: str, position: int) -> list[str]:
    """What the tabs of a column say, where it has any."""
    name = f"attempt_{run}_{position}_of_"
    return [tab for each in app.segmented_control if str(each.key).startswith(name) for tab in each.options]


def run_id(app: AppTest) -> str:
    value = app.query_params["run"]
    return value if isinstance(value, str) else str(value[0])
