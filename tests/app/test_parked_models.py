"""A parked model on the panel of memory: what it takes of the host, and the button that frees that.

Run: python -m pytest tests/app/test_parked_models.py
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import models as session
from engines.memory import LoadPlan, PoolView, ResidentView
from model_registry.registry import load_registry
from tests.engines.scripted_engine import ScriptedEngine

A, B, C = "demo-koalpaca", "demo-kullm", "demo-chat"


def script(memory: object, registry: object, language: str) -> None:
    """Run without the names of this file."""
    from dashboard.models.memory_panel import memory_panel
    from dashboard.texts import read_texts

    memory_panel(memory, registry, read_texts(language))  # type: ignore[arg-type]


def texts(page: AppTest) -> str:
    assert not page.exception
    return "\n".join(each.value for each in (*page.markdown, *page.caption)).replace("\\", "")


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ko",
            (
                "gray-badge[호스트 메모리에 보관]",
                "7 B",
                "KULLM",
                "+ 호스트 사본 5 B",
                "호스트 메모리: 30 B 가운데 12 B에",
                "호스트 메모리에서 되돌립니다",
            ),
        ),
        (
            "en",
            (
                "gray-badge[in host memory]",
                "7 B",
                "KULLM",
                "+ 5 B host copy",
                "Host memory: 12 B of 30 B",
                "comes back from host memory",
            ),
        ),
    ],
)
def test_a_parked_model_says_what_it_takes_of_the_host_and_is_released_by_hand(
    language: str, words: tuple[str, ...]
) -> None:
    parked = ResidentView(A, "none", (B,), 6, 0, 0, 1.0, 1.0, host_bytes=7)
    back = ResidentView(C, "none", (), 9, 0, 0, 1.0, 1.0, host_bytes=5)

    class Parked(ScriptedEngine):
        def view(self) -> PoolView:
            there = () if released else (parked,)
            figures: dict[str, Any] = {"parked": there, "host_used": 12, "host_budget": 30}
            return PoolView("cuda:0", 20, 9, 9, 11, (back,), 0, (), **figures)

        def plan(self, model_id: str, quantization: str) -> LoadPlan:
            return LoadPlan(6, 9, (), (), fits=True, parked=model_id == A)

        def release(self, model_id: str, quantization: str) -> bool:
            released.append((model_id, quantization))
            return True

    whole = load_registry()
    registry = replace(whole, models=MappingProxyType({each: whole.get(each) for each in (A, B, C)}))
    released: list[tuple[str, str]] = []
    engine = Parked({}, budget=20)
    page = AppTest.from_function(script, default_timeout=20, args=(engine, registry, language)).run()
    page.selectbox(key=session.LOAD_MODEL).set_value(A).run()
    shown = texts(page)
    assert all(each in shown for each in words), shown
    assert "KULLM" in next(each.value for each in page.markdown if words[0] in each.value)
    page.button(key=session.release_key(A, "none")).click().run()
    assert released == [(A, "none")] and words[0] not in texts(page)
    engine.close()
