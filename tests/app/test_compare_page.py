"""The page that asks, in its states, without a browser: empty, running, done, failed, refused, gone.

Run: python -m pytest tests/app/test_compare_page.py
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources, session
from engines.scripted import Script, ScriptedEngine
from errors import LoadError

ROOT = Path(__file__).parents[2]
MODELS = ["demo-koalpaca", "demo-kullm"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    """The real page and services on a scripted engine."""
    made = ScriptedEngine(
        {
            "demo-koalpaca": Script(pieces=("서울", "이에요.")),
            "demo-kullm": Script(loading_failure=LoadError("The weights are damaged. Download them again.")),
            "demo-chat": Script(pieces=("느", "린 ") * 200, seconds_per_piece=0.05),
        }
    )
    monkeypatch.setenv("NARANI_HOME", str(tmp_path))
    monkeypatch.setattr(resources, "_build", lambda *_: made)
    resources.services.clear()
    yield made
    resources.services().engine.close()
    resources.services.clear()


def opened() -> AppTest:
    return AppTest.from_file(str(ROOT / "comparison_app.py"), default_timeout=20).run()


def ask(page: AppTest, models: list[str], question: str = "수도는?") -> AppTest:
    page.multiselect(key=session.MODELS).set_value(models)
    return page.chat_input(key=session.QUESTION).set_value(question).run()


def texts(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(element.value for element in (*page.text, *page.markdown, *page.warning, *page.caption))


def run_until(page: AppTest, words: str) -> str:
    until = time.monotonic() + 10
    while words not in texts(page):
        assert time.monotonic() < until, texts(page)
        page.run()
    return texts(page)


def test_the_empty_page_says_what_to_do_first(engine: ScriptedEngine) -> None:
    page = opened()
    assert "대한민국의 수도는" in texts(page)
    page.multiselect(key=session.MODELS).set_value([]).run()
    assert "골라 주세요" in page.info[0].value


def test_one_column_fails_and_the_other_answers(engine: ScriptedEngine) -> None:
    page = ask(opened(), MODELS)
    shown = run_until(page, "서울이에요.")
    shown = run_until(page, "Download them again")
    assert "서울이에요." in shown
    assert "스스로 끝냄" in shown


def test_a_refused_question_is_a_sentence(engine: ScriptedEngine) -> None:
    assert "empty" in texts(ask(opened(), MODELS, "   "))


def test_stop_all_ends_the_run_and_keeps_what_had_come(engine: ScriptedEngine) -> None:
    page = ask(opened(), ["demo-chat"])
    run_until(page, "느")
    page.button(key=session.STOP_ALL).click().run()
    assert "느" in run_until(page, "멈추게 함")


def test_a_second_page_with_the_address_finds_the_run(engine: ScriptedEngine) -> None:
    first = ask(opened(), MODELS)
    run_until(first, "서울이에요.")
    second = AppTest.from_file(str(ROOT / "comparison_app.py"), default_timeout=20)
    second.query_params["run"] = first.query_params["run"]
    assert "서울이에요." in texts(second.run())


def test_an_address_of_a_run_that_is_gone_says_so(engine: ScriptedEngine) -> None:
    page = AppTest.from_file(str(ROOT / "comparison_app.py"), default_timeout=20)
    page.query_params["run"] = "long-ago"
    assert "남아 있지" in page.run().info[0].value


def test_opening_the_page_imports_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('comparison_app.py', default_timeout=20).run()\n"
        "assert not page.exception and page.title, page.exception\n"
        "print(sorted({'torch', 'transformers', 'tokenizers'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=_environment(tmp_path)
    )
    assert done.stdout.strip() == "[]", done.stderr


def _environment(home: Path) -> dict[str, str]:
    return {**os.environ, "NARANI_HOME": str(home)}
