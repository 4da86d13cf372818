"""Which tests stay together when two processes share the suite (`pytest -n 2`): those of a folder.

They share its slow fixtures: a server with a browser before it, a tuned model.
"""

from __future__ import annotations

import os
import sys

import pytest

# For torch, here and in every process that a test starts: a tiny network is slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The sentences that tests expect of command lines, whatever the machine speaks.
os.environ["LC_ALL"] = "C.UTF-8"
os.environ.pop("NARANI_LANGUAGE", None)


@pytest.hookimpl(tryfirst=True)  # before the names of groups are read
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(item.path.parent.relative_to(config.rootpath))))


@pytest.fixture(autouse=True)
def _same_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test of a page leaves its page behind as the main module, and a new process would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
