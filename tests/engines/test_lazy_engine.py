"""An engine that is built by the first question or load: once, elsewhere, and again after a failure.

Run: python -m pytest tests/engines/test_lazy_engine.py
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from engines.base import AnswerRequest, Engine, FinishReason, LiveAnswer
from engines.lazy import LazyEngine
from errors import AS_WRITTEN, BadRequest, EngineDown, NaraniError
from model_registry.registry import load_registry
from prompts.conversation import Conversation
from tests.engines.running_engine import wait_until
from tests.engines.scripted_engine import ScriptedEngine

REGISTRY = load_registry()


def ask(engine: Engine) -> LiveAnswer:
    live = LiveAnswer("a")
    engine.submit(AnswerRequest("a", Conversation.ask("수도는?")), live)
    return live


def test_many_first_questions_build_one_engine_away_from_the_asking_thread() -> None:
    builders: list[str] = []
    go_on = threading.Event()

    def build() -> ScriptedEngine:
        builders.append(threading.current_thread().name)
        go_on.wait(10)
        return ScriptedEngine()

    engine = LazyEngine(build, REGISTRY)
    lives = [ask(engine) for _ in range(5)]
    assert not go_on.is_set() and not any(live.ended for live in lives)
    go_on.set()
    assert all(live.wait(10) for live in lives)
    assert all(live.view().answer is not None for live in lives)
    assert len(builders) == 1 and threading.current_thread().name not in builders
    engine.close()


def test_an_engine_that_cannot_be_built_fails_the_answer_and_is_tried_again() -> None:
    problems: list[Exception] = [
        BadRequest(AS_WRITTEN, sentence="NARANI_DEVICE: 'cuda:9' is not here."),
        KeyError("/a/path"),
        ImportError("No module named 'torch'", name="torch"),
    ]

    def build() -> ScriptedEngine:
        if problems:
            raise problems.pop(0)
        return ScriptedEngine()

    engine = LazyEngine(build, REGISTRY)
    said = []
    for at in range(4):
        live = ask(engine)
        assert live.wait(10)
        answer = live.view().answer
        assert answer is not None
        said.append(answer.error)
        assert answer.error_code == (EngineDown.category if at < 3 else None), "no answer of a model"
    assert said[0] == "NARANI_DEVICE: 'cuda:9' is not here."
    assert said[1] is not None and "KeyError" in said[1] and "path" not in said[1]
    assert said[2] is not None and said[2].startswith("A library is missing or broken (torch).")
    assert said[3] is None
    engine.close()


def test_closing_an_engine_that_was_never_asked_builds_nothing() -> None:
    def build() -> ScriptedEngine:
        raise NaraniError(AS_WRITTEN, sentence="built though nobody asked")

    LazyEngine(build, REGISTRY).close()


def test_a_question_stopped_while_the_engine_is_built_does_not_start() -> None:
    go_on = threading.Event()

    def build() -> ScriptedEngine:
        go_on.wait(10)
        return ScriptedEngine()

    engine = LazyEngine(build, REGISTRY)
    live = ask(engine)
    live.ask_to_stop()
    go_on.set()
    assert live.wait(10)
    answer = live.view().answer
    assert answer is not None and answer.finish_reason is FinishReason.STOPPED
    engine.close()


def test_a_load_by_hand_builds_the_engine_and_before_it_there_is_only_an_estimate() -> None:
    go_on = threading.Event()

    def build() -> ScriptedEngine:
        go_on.wait(10)
        return ScriptedEngine()

    engine = LazyEngine(build, REGISTRY, budget=10**9)
    assert engine.view() is None and engine.loads_by_hand() == ()
    assert not engine.release("demo-kullm", "none") and not engine.keep_loaded("demo-kullm", "none", True)
    assert engine.on_disk("demo-kullm") and not engine.on_disk("nobody")
    plan = engine.plan("demo-kullm", "none")
    assert plan is not None and plan.fits and not plan.resident
    assert (plan.bytes_needed, plan.free, plan.releases) == (1_254_144 * 4, 10**9, ())
    live = engine.load("demo-kullm", "none")
    assert live.note == "engine" and not live.ended and engine.view() is None
    assert engine.load("demo-kullm", "none") is live
    go_on.set()
    assert live.wait(10) and live.error is None
    view = engine.view()
    assert view is not None and [each.model_id for each in view.residents] == ["demo-kullm"]
    built_plan = engine.plan("demo-kullm", "none")
    assert built_plan is not None and built_plan.resident
    assert engine.keep_loaded("demo-kullm", "none", True) and engine.release("demo-kullm", "none")
    engine.close()


def test_a_model_too_big_for_the_budget_is_known_before_the_engine_is_there() -> None:
    engine = LazyEngine(ScriptedEngine, REGISTRY, budget=10**6)
    plan = engine.plan("demo-kullm", "none")
    assert plan is not None and not plan.fits
    assert LazyEngine(ScriptedEngine, REGISTRY).plan("demo-kullm", "none") is None


def test_a_load_by_hand_of_an_engine_that_cannot_be_built_says_why() -> None:
    def build() -> ScriptedEngine:
        raise BadRequest(AS_WRITTEN, sentence="NARANI_DEVICE: 'cuda:9' is not here.")

    engine = LazyEngine(build, REGISTRY)
    live = engine.load("demo-kullm", "none")
    assert live.wait(10) and str(live.error) == "NARANI_DEVICE: 'cuda:9' is not here."
    assert engine.view() is None
    engine.close()


def test_what_is_asked_of_the_memory_before_a_load_imports_no_torch() -> None:
    code = (
        "import sys; from engines.lazy import LazyEngine; from model_registry.registry import load_registry\n"
        "registry = load_registry(); engine = LazyEngine(lambda: None, registry, 10**9)\n"
        "engine.view(); engine.plan('demo-kullm', 'none')\n"
        "[engine.on_disk(each) for each in registry.models]\n"
        "print(sorted({'torch', 'transformers', 'httpx', 'tqdm'} & set(sys.modules)))"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_what_is_prepared_beforehand_is_done_once_and_a_question_waits_for_it() -> None:
    done: list[str] = []
    go_on = threading.Event()

    def prepare() -> None:
        done.append("prepared")
        go_on.wait(10)

    def build() -> ScriptedEngine:
        done.append("built")
        return ScriptedEngine()

    engine = LazyEngine(build, REGISTRY)
    for _ in range(5):
        engine.prepare_soon(prepare, 0.0)
    wait_until(lambda: done == ["prepared"])
    live = ask(engine)
    assert done == ["prepared"] and not live.ended
    go_on.set()
    assert live.wait(10) and done == ["prepared", "built"]
    engine.prepare_soon(prepare, 0.0)
    engine.close()
    assert done == ["prepared", "built"]


def test_what_could_not_be_prepared_is_said_to_whoever_asks() -> None:
    def fail() -> ScriptedEngine:
        raise ImportError("No module named 'torch'", name="torch")

    engine = LazyEngine(fail, REGISTRY)
    engine.prepare_soon(fail, 0.0)  # type: ignore[arg-type]
    live = ask(engine)
    assert live.wait(10)
    answer = live.view().answer
    assert answer is not None and answer.error is not None and "(torch)" in answer.error
    engine.close()


def test_an_engine_closed_before_its_moment_prepares_nothing() -> None:
    done: list[str] = []
    engine = LazyEngine(ScriptedEngine, REGISTRY)
    engine.prepare_soon(lambda: done.append("prepared"), 0.05)
    engine.close()
    time.sleep(0.1)
    assert done == []


@pytest.mark.parametrize("seconds", [0.0, 0.4], ids=["at once", "in the midst"])
@pytest.mark.parametrize("end", ["", "engine.close()"], ids=["left", "closed"])
def test_a_process_that_ends_during_the_import_ends_quietly(seconds: float, end: str) -> None:
    code = (
        "import time, importlib; from engines.lazy import LazyEngine\n"
        "from model_registry.registry import load_registry\n"
        "engine = LazyEngine(lambda: None, load_registry())\n"
        "engine.prepare_soon(lambda: importlib.import_module('torch'), 0.0)\n"
        f"time.sleep({seconds}); {end}"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
