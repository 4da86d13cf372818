"""Which tests stay together when three processes share the suite (`pytest -n 3`): those of a folder.

They share its slow fixtures: a server with a browser before it, a tuned model. The longest folders are begun
first, each in a process of its own, and files that share nothing come last, one by one: so no process ends
long before the others. Three on two cores, for a test of a browser or of a process waits half of its time.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# For torch, here and in every process that a test starts: a tiny network is slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The sentences that tests expect of command lines, whatever the machine speaks.
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("NARANI_LANGUAGE", None)


_LONGEST = ("tests/app", "tests/finetune/training", "tests/browser")
"""The pages before the browsers, which leave a running loop behind in their process."""

_MAY_FAIL_ONCE = ("tests/app", "tests/browser")
"""Pages draw while threads work; the summary names what was run again."""


class FolderScheduling(LoadScopeScheduling):
    """In place of xdist's groups: pytest 9.2 shows xdist no longer which group a test was put into."""

    def _split_scope(self, nodeid: str) -> str:
        return together(nodeid)


def together(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    folder = path.rpartition("/")[0]
    return path if folder == "tests" else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    return FolderScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if hasattr(config, "workerinput"):
        items.sort(key=_when)
    if os.environ.get("NARANI_CI"):  # a machine that others load too
        for item in items:
            if together(item.nodeid) in _MAY_FAIL_ONCE:
                item.add_marker(pytest.mark.flaky(reruns=1))


def _when(item: pytest.Item) -> int:
    folder = together(item.nodeid)
    return _LONGEST.index(folder) if folder in _LONGEST else len(_LONGEST)


@pytest.fixture(autouse=True)
def _same_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of a page leaves its page behind as the main module, and a new process would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture(scope="module", autouse=True)
def _folder_in_one_process(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """What is shared in a folder would be made twice, and nothing would tell."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        return
    folder = together(request.node.nodeid)
    mark = tmp_path_factory.getbasetemp().parent / f"runs-{folder.replace('/', '-')}"
    with contextlib.suppress(FileExistsError), mark.open("x", encoding="utf-8") as file:
        file.write(worker)
    assert mark.read_text(encoding="utf-8") == worker, f"{folder} runs in two processes"
