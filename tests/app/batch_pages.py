"""The page of many questions on a scripted engine: begun, waited for and read. Holds no test itself.

Run: python -m pytest tests/app
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import batch
from errors import AS_WRITTEN, LoadError
from tests.app.opened_pages import open_services, opened
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-kullm"]
SLOW = ["demo-chat"]
HOSTILE = "<script>alert(1)</script> ![x](http://127.0.0.1/x.png)"


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    damaged = LoadError(AS_WRITTEN, sentence="The weights are damaged. Download them again.")
    scripts = {
        "demo-koalpaca": Script(pieces=("서울", "이에요. ", HOSTILE)),
        "demo-kullm": Script(loading_failure=damaged),
        "demo-chat": Script(pieces=("느", "린 ", "답"), seconds_per_piece=0.05),
        "demo-korwkv": Script(pieces=("끝없이 ",), seconds_per_piece=0.05, repeats=True),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
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
    job = resources.services().batches.get(owner(), address(page))
    assert job is not None and job.wait(60)
    return page.run()


def owner() -> str:
    (job,) = {each.owner for each in resources.services().batches._jobs.values()}
    return job


def progress(page: AppTest) -> str:
    (bar,) = page.get("progress")
    return str(bar.proto.text)
