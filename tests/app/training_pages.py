"""Trainings for the tests of their page: folders written by hand, and processes that only pretend to train.

Run: python -m pytest tests/app
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import training
from dashboard.training import tuning
from finetune import jobs
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus, now, run_folder
from tests.app.opened_pages import open_services, opened, texts
from tests.engines.scripted_engine import ScriptedEngine

PRETEND = "tests.finetune.pretend_training"
HOSTILE = "<script>alert(1)</script> ![x](http://127.0.0.1/x.png)"
SETTINGS = {"base_model": "demo-kullm", "method": "lora", "data": ["/somewhere/질문.jsonl"]}
ROWS = '{"instruction": "수도는?", "output": "서울이야."}\n'


@contextmanager
def trainings(monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[ScriptedEngine]:
    """Services of their own; whatever was begun is ended."""
    monkeypatch.setattr(jobs, "PROCESS", PRETEND)
    tuning._check.clear()
    with open_services(monkeypatch, home) as made:
        yield made
        for each in jobs.jobs(home):
            if not each.over and each.status.pid != os.getpid():
                jobs.stop(home, each.name, grace=0)


def written(home: Path, name: str, state: TrainingState, **changes: Any) -> RunFolder:
    run = run_folder(home, name)
    run.path.mkdir(parents=True)
    run.write("manifest.json", {"started": now(), "settings": SETTINGS})
    run.set_status(replace(TrainingStatus(state), **changes))
    return run


def plain(page: AppTest) -> str:
    return texts(page).replace("\\", "")


def keys(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.button}


def uploaded(content: str = ROWS) -> AppTest:
    page = opened("training")
    page.segmented_control(key=training.SOURCE).set_value("file").run()
    page.file_uploader[0].set_value([("내 질문.jsonl", content.encode(), "text/plain")]).run()
    assert "내 질문.jsonl" in plain(page)
    return page


def until(page: AppTest, words: str, seconds: float = 30) -> AppTest:
    end = time.monotonic() + seconds
    while words not in plain(page):
        assert time.monotonic() < end, plain(page)
        time.sleep(0.2)
        page.run()
    return page


def open_listed(page: AppTest, *names: str) -> AppTest:
    """One is opened, and several are compared."""
    page.multiselect(key=training.PICKED).set_value(list(names)).run()
    return page.button(key=training.OPEN_PICKED if len(names) == 1 else training.COMPARE_PICKED).click().run()


def listed(page: AppTest) -> list[dict[str, Any]]:
    """The rows of the list of trainings."""
    return [
        {str(name): value for name, value in row.items()}
        for row in page.dataframe[-1].value.to_dict("records")
    ]
