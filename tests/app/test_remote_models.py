"""A model that is served elsewhere, on every page that lists models. Run: python -m pytest tests/app"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app.opened_pages import open_services, opened, texts
from tests.model_registry.test_remote_entries import put, remote


@pytest.mark.parametrize("page", ["compare", "models", "training", "batch"])
def test_a_page_lists_models_where_one_is_a_remote_service(
    page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, remote())
    with open_services(monkeypatch, tmp_path):
        shown = opened(page, part="registry", model="mine") if page == "models" else opened(page)
        shown.session_state["compare_picked"] = ["mine"]
        words = texts(shown.run())
    assert page not in ("models", "compare") or "vllm" in words
