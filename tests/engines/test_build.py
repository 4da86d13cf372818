"""Which engine answers which model. Run: python -m pytest tests/engines/test_build.py"""

from __future__ import annotations

from pathlib import Path

import pytest

from engines import build
from engines.base import AnswerRequest, GenerationSettings, LiveAnswer
from errors import Cause, wording
from model_registry.registry import load_registry
from prompts.conversation import Conversation
from settings import Settings
from tests.engines.scripted_engine import ScriptedEngine
from tests.model_registry.test_remote_entries import put, remote


def test_weights_that_are_here_are_asked_here_and_a_remote_service_is_refused_unbuilt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path, remote())
    built: list[ScriptedEngine] = []

    def build_local(*_: object) -> ScriptedEngine:
        built.append(ScriptedEngine())
        return built[-1]

    monkeypatch.setattr(build, "build_local", build_local)
    engine, _ = build.build_engine_lazily(load_registry(tmp_path / "models"), Settings(tmp_path))

    def why_refused(model_id: str) -> Cause | None:
        live = LiveAnswer(model_id)
        engine.submit(AnswerRequest(model_id, Conversation.ask("왜?"), GenerationSettings()), live)
        assert live.wait(10)
        answer = live.view().answer
        assert answer is not None
        return answer.cause

    cause = why_refused("mine")
    assert cause is not None and built == []
    assert "comes with the remote engines" in wording(cause, "en")
    assert "원격 엔진과 함께" in wording(cause, "ko")
    assert why_refused("demo-kullm") is None and len(built) == 1
    engine.close()
