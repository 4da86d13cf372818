"""The scripted engine behaves as a real one. Run: python -m pytest tests/engines/test_scripted_engine.py"""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, LiveAnswer, State
from errors import AS_WRITTEN, LoadError, NaraniError
from prompts.conversation import Conversation
from tests.engines.scripted_engine import Script, ScriptedEngine


def request(model_id: str = "m", question: str = "왜?", **settings: Any) -> AnswerRequest:
    return AnswerRequest(model_id, Conversation.ask(question), GenerationSettings(**settings))


def answered(script: Script, **settings: Any) -> tuple[Answer, LiveAnswer]:
    engine = ScriptedEngine({"m": script})
    live = LiveAnswer("m")
    engine.submit(request(**settings), live)
    assert live.wait(5)
    engine.close()
    answer = live.view().answer
    assert answer is not None and answer.text == live.view().text
    return answer, live


@pytest.mark.parametrize(
    ("script", "settings", "text", "reason"),
    [
        (Script(pieces=("한", "글")), {}, "한글", FinishReason.EOS),
        (Script(pieces=()), {}, "", FinishReason.EOS),
        (Script(pieces=("가",), repeats=True), {"max_new_tokens": 5}, "가가가가가", FinishReason.LENGTH),
        (Script(pieces=("가", "나")), {"max_new_tokens": 2}, "가나", FinishReason.LENGTH),
        (Script.only_newlines(), {"max_new_tokens": 3}, "\n\n\n", FinishReason.LENGTH),
        (
            Script(pieces=("답\n#", "## 질", "문")),
            {"stop_strings": ("\n### 질문",)},
            "답",
            FinishReason.STOP_STRING,
        ),
        (
            Script(pieces=("답\n#", "## 끝")),
            {"stop_strings": ("\n### 질문",)},
            "답\n### 끝",
            FinishReason.EOS,
        ),
        (Script.out_of_memory(1), {"max_new_tokens": 9}, "m:", FinishReason.FAILED),
        (
            Script(failure=NaraniError(AS_WRITTEN, sentence="x"), pieces_before_failure=1),
            {"max_new_tokens": 1},
            "m:",
            FinishReason.LENGTH,
        ),
    ],
)
def test_how_an_answer_ends(
    script: Script, settings: dict[str, object], text: str, reason: FinishReason
) -> None:
    answer, _ = answered(script, **settings)
    assert (answer.text, answer.finish_reason) == (text, reason)


def test_half_a_stop_string_is_never_shown() -> None:
    pieces = list("답입니다\n### 질문: 다음")
    seen: set[str] = set()
    live = LiveAnswer("m")
    engine = ScriptedEngine({"m": Script(pieces=pieces, seconds_per_piece=0.005)})
    engine.submit(request(stop_strings=("\n### 질문",)), live)
    while not live.ended:
        seen.add(live.view().text)
    engine.close()
    assert max(seen, key=len) == "답입니다"


def test_out_of_memory_costs_that_answer_alone() -> None:
    engine = ScriptedEngine({"m": Script.out_of_memory(), "n": Script()})
    lives = [LiveAnswer("m"), LiveAnswer("n"), LiveAnswer("m")]
    for live in lives:
        engine.submit(request(live.model_id), live)
        assert live.wait(5)
    engine.close()
    assert [live.view().state for live in lives] == [State.FAILED, State.DONE, State.FAILED]
    answer = lives[0].view().answer
    assert answer is not None and answer.error_code == "out-of-memory" and answer.prompt == "왜?"


def test_loading_shows_progress_once_however_many_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[float | None] = []

    def note(live: LiveAnswer, state: State, note: str = "", progress: float | None = None) -> None:
        if state is State.LOADING:
            seen.append(progress)

    monkeypatch.setattr(LiveAnswer, "enter", note)
    engine = ScriptedEngine({"m": Script(loading_steps=4, seconds_per_loading_step=0.03)})
    lives = [LiveAnswer("m") for _ in range(10)]
    for live in lives:
        engine.submit(request(), live)
    assert all(live.wait(5) for live in lives)
    engine.close()
    assert engine.loads == ["m"]
    assert seen == [0.0, 0.25, 0.5, 0.75]
    loads = [live.view().measures.load_seconds for live in lives]
    assert sum(seconds is not None and seconds >= 0.12 for seconds in loads) == 1


def test_a_load_that_fails_fails_each_time_and_leaves_nothing_loaded() -> None:
    script = Script(loading_steps=1, loading_failure=LoadError(AS_WRITTEN, sentence="The files are gone."))
    engine = ScriptedEngine({"m": script})
    for _ in range(2):
        live = LiveAnswer("m")
        engine.submit(request(), live)
        assert live.wait(5)
        answer = live.view().answer
        assert answer is not None and (answer.error, answer.error_code) == (
            "The files are gone.",
            "load-failed",
        )
    engine.close()
    assert engine.loads == []


@pytest.mark.parametrize(
    "script",
    [
        Script(pieces=("가",), repeats=True, seconds_per_piece=30),
        Script(pieces=("가",), repeats=True),
        Script(loading_steps=2, seconds_per_loading_step=30),
    ],
)
def test_a_stop_is_honoured_at_once(script: Script) -> None:
    engine, live = ScriptedEngine({"m": script}), LiveAnswer("m")
    engine.submit(request(max_new_tokens=100_000), live)
    time.sleep(0.03)
    live.ask_to_stop()
    assert live.wait(1) and live.view().state is State.STOPPED
    engine.close()


def test_a_question_waiting_for_anothers_load_can_be_stopped() -> None:
    engine = ScriptedEngine({"m": Script(loading_steps=1, seconds_per_loading_step=30)})
    first, second = LiveAnswer("m"), LiveAnswer("m")
    engine.submit(request(), first)
    engine.submit(request(), second)
    second.ask_to_stop()
    assert second.wait(1) and not first.ended
    engine.close()
    assert first.view().state is State.STOPPED


def test_the_same_question_gives_the_same_answer_and_seeds_differ() -> None:
    said = {
        seed: [answered(Script(), temperature=1.0, seed=seed)[0].text for _ in range(2)] for seed in range(8)
    }
    assert all(first == second for first, second in said.values())
    assert len({texts[0] for texts in said.values()}) > 1
    assert len({answered(Script(), seed=seed)[0].text for seed in range(8)}) == 1, "greedy knows no seed"


def test_figures_are_read_from_the_clock() -> None:
    answer, _ = answered(Script(pieces=("가나",) * 5, seconds_per_piece=0.02))
    measures = answer.measures
    assert measures.tokens_out == 5 and measures.tokens_in == 1
    assert 0.02 <= (measures.seconds_to_first_text or 0) < 1
    assert 0.08 <= (measures.answering_seconds or 0) < 1
    assert measures.tokens_per_second == pytest.approx(4 / (measures.answering_seconds or 1))
    assert measures.characters_per_second == pytest.approx(10 / (measures.answering_seconds or 1))


def test_an_unknown_model_is_named_where_only_scripts_exist() -> None:
    engine, live = ScriptedEngine({"demo-a": Script()}, default=None), LiveAnswer("demo-b")
    engine.submit(request("demo-b"), live)
    answer = live.view().answer
    assert live.ended and answer is not None and "demo-a" in (answer.error or "")
    engine.close()


def test_closing_stops_everything_and_joins_every_thread() -> None:
    before = set(threading.enumerate())
    engine = ScriptedEngine(default=Script(pieces=("가",), repeats=True, seconds_per_piece=0.01))
    lives = [LiveAnswer(f"m{at}") for at in range(5)]
    for live in lives:
        engine.submit(request(live.model_id), live)
    engine.close()
    assert set(threading.enumerate()) == before
    assert all(live.view().state is State.STOPPED for live in lives)
    late = LiveAnswer("m")
    engine.submit(request(), late)
    assert late.view().state is State.FAILED
    engine.close()


def test_a_script_may_answer_from_the_request() -> None:
    def shout(request: AnswerRequest) -> list[str]:
        return [request.conversation.turns[-1].question, "!"]

    assert answered(Script(pieces=shout))[0].text == "왜?!"
    assert answered(Script(pieces=lambda request: itertools.repeat("가")), max_new_tokens=2)[0].text == "가가"


def test_it_imports_no_torch() -> None:
    heavy = "{'torch', 'transformers'} & {*sys.modules}"
    code = f"import tests.engines.scripted_engine, sys; sys.exit(bool({heavy}))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
