"""Which tests stay together when two processes share the suite (`pytest -n 2`): those of a folder.

They share its slow fixtures: a server with a browser before it, a tuned model.
"""

from __future__ import annotations

import os

import pytest

# For torch, here and in every process that a test starts: a tiny network is slower on several threads.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        item.add_marker(pytest.mark.xdist_group(str(item.path.parent.relative_to(config.rootpath))))
