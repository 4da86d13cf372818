"""Two servers on one home, and one of them is killed: the page of the other says so and lets one ask again.

Run: python -m pytest tests/app/test_neighboring_servers.py
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dashboard import resources
from tests.app.opened_pages import ask, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script

ROOT = Path(__file__).parents[2]
_NEIGHBOR = """
import sys, time
from pathlib import Path
from history.history import History
from tests.history.history_house import asked
head = asked("이웃이 묻습니다", models=("demo-koalpaca",), owner=sys.argv[2])
History(Path(sys.argv[1])).begin(head)
print(head.id, flush=True)
time.sleep(600)
"""


def test_what_a_killed_server_left_is_interrupted_on_the_page_and_asked_again_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_services(monkeypatch, tmp_path, {"demo-koalpaca": Script(pieces=("서울", "이에요."))}):
        mine = ask(opened(), models=["demo-koalpaca"])
        run_until(mine, "서울이에요")
        (run,) = resources.services().runs._kept.values()
        neighbor = subprocess.Popen(
            [sys.executable, "-c", _NEIGHBOR, str(tmp_path), run.owner],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        try:
            assert neighbor.stdout is not None
            theirs = neighbor.stdout.readline().strip()
            page = opened(run=theirs)
            assert "이웃이 묻습니다" in texts(page) and "중단됨" not in texts(page)
        finally:
            neighbor.kill()
            neighbor.communicate()
        run_until(page, "중단됨")
        page.button(key=f"answer_{theirs}_0_again").click().run()
        run_until(page, "서울이에요")
        assert run_id(page) == theirs
