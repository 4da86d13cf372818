"""The memory panel in its states, on the scripted engine: empty, resident, answering, loading, failed.

Run: python -m pytest tests/app/test_memory_panel.py
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboard.models.memory_charts import in_words, over_time, segments
from dashboard.session import models as session
from dashboard.texts import read_texts
from engines.base import AnswerRequest, GenerationSettings, LiveAnswer, State
from engines.lazy import LazyEngine
from engines.memory import Event, ModelMemory, PoolView, ResidentView, StepChoice
from errors import AS_WRITTEN, Cause, LoadError
from model_registry.registry import Registry, load_registry
from prompts.conversation import Conversation
from tests.engines.scripted_engine import Script, ScriptedEngine

GB = 10**9
A, B, C = "demo-koalpaca", "demo-kullm", "demo-chat"
SCRIPTS = {
    A: Script(pieces=("가",), repeats=True, seconds_per_piece=0.01, weight_bytes=4 * GB, cache_bytes=GB),
    B: Script(weight_bytes=3 * GB),
    C: Script(weight_bytes=6 * GB, loading_steps=500, seconds_per_loading_step=0.02, on_disk=False),
}


def script(memory: object, registry: object, language: str) -> None:
    """Run without the names of this file."""
    from dashboard.models.memory_panel import memory_panel
    from dashboard.texts import read_texts

    memory_panel(memory, registry, read_texts(language))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def registry() -> Registry:
    whole = load_registry()
    return replace(whole, models=MappingProxyType({each: whole.get(each) for each in (A, B, C)}))


@pytest.fixture
def engine() -> Iterator[ScriptedEngine]:
    made = ScriptedEngine(SCRIPTS, budget=10 * GB)
    yield made
    made.close()


def opened(memory: ModelMemory, registry: Registry, language: str = "ko") -> AppTest:
    page = AppTest.from_function(script, default_timeout=20, args=(memory, registry, language))
    return page.run()


def texts(page: AppTest) -> str:
    assert not page.exception
    shown = (*page.markdown, *page.caption, *page.info, *page.error, *page.subheader)
    words = "\n".join([*(each.value for each in shown), *(each.label for each in page.button)])
    return words.replace("\\", "")


def run_until(page: AppTest, holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < until, texts(page)
        page.run()


def pick(page: AppTest, model_id: str, quantization: str = "none") -> AppTest:
    page.selectbox(key=session.LOAD_MODEL).set_value(model_id).run()
    return page.selectbox(key=session.load_quantization_key(model_id)).set_value(quantization).run()


def answering(engine: ScriptedEngine, model_id: str) -> LiveAnswer:
    live = LiveAnswer(model_id)
    request = AnswerRequest(model_id, Conversation.ask("왜?"), GenerationSettings(max_new_tokens=100_000))
    engine.submit(request, live)
    until = time.monotonic() + 5
    while live.view().state is not State.ANSWERING:
        assert time.monotonic() < until
        time.sleep(0.005)
    return live


def charts(page: AppTest) -> int:
    return len(page.get("vega_lite_chart"))


def test_before_there_is_an_engine_it_says_what_to_do_and_loads_by_hand(
    engine: ScriptedEngine, registry: Registry
) -> None:
    lazy = LazyEngine(lambda: engine, registry)
    page = opened(lazy, registry)
    assert "아직 메모리에 있는 모델이 없습니다" in page.info[0].value and charts(page) == 0
    assert "추정" in texts(page)
    pick(page, B).button(key=session.LOAD).click().run()
    run_until(page, lambda: "3.0 GB" in texts(page) and "쉬는 중" in texts(page))
    assert not page.info and charts(page) == 2
    bar = json.loads(page.get("vega_lite_chart")[0].proto.spec)
    legends = [layer["encoding"]["color"]["legend"]["orient"] for layer in bar["layer"][:-1]]
    assert sorted(legends) == ["bottom", "top"], "beside each other, one is cut off in a narrow window"
    assert "이미 메모리에 있습니다" in texts(page) and page.button(key=session.LOAD).disabled
    lazy.close()


@pytest.mark.parametrize(("language", "kept"), [("ko", "고정됨"), ("en", "pinned")])
def test_a_resident_is_kept_and_released_by_hand(
    engine: ScriptedEngine, registry: Registry, language: str, kept: str
) -> None:
    engine.load(B, "int8").wait(5)
    page = opened(engine, registry, language)
    assert "Demo: KULLM format" in texts(page) and "1.5 GB" in texts(page)
    assert f"[{kept}]" not in texts(page)
    page.button(key=session.keep_key(B, "int8")).click().run()
    assert f"[{kept}]" in texts(page) and engine.view().residents[0].kept
    page.button(key=session.keep_key(B, "int8")).click().run()
    assert not engine.view().residents[0].kept
    page.button(key=session.release_key(B, "int8")).click().run()
    assert engine.view().residents == () and page.info
    assert read_texts(language).memory["short_load"] in texts(page)


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ko",
            (
                "스텝: 융합 커널, CUDA 그래프. 이 장치에서 확인했습니다.",
                "모듈, CUDA 그래프. Triton이",
                "C 컴파일러",
            ),
        ),
        (
            "en",
            (
                "Step: fused kernels, CUDA graph. Proven on this device",
                "CUDA graph. Triton needs",
                "C compiler",
            ),
        ),
    ],
)
def test_each_resident_says_which_step_answers_and_why(
    registry: Registry, language: str, words: tuple[str, ...]
) -> None:
    proven = Cause("step-proven", difference=0.001, allowed=0.02, others=0)
    choices = {A: StepChoice("fused-graph", (proven,)), B: StepChoice("graph", (Cause("step-no-compiler"),))}
    engine = ScriptedEngine({id: Script(step=choice) for id, choice in choices.items()}, budget=10 * GB)
    for model_id in choices:
        engine.load(model_id, "none").wait(5)
    shown = texts(opened(engine, registry, language))
    engine.close()
    assert all(each in shown for each in words), shown


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ko",
            (
                "+ 스텝 3 B",
                "스텝: 융합 커널, CUDA 그래프.",
                "KULLM의 스텝: transformers 모듈, CUDA 그래프. 융합",
            ),
        ),
        (
            "en",
            (
                "+ 3 B steps",
                "Step: fused kernels, CUDA graph.",
                "Step of KULLM: modules of transformers, CUDA",
            ),
        ),
    ],
)
def test_an_adapter_says_beside_its_base_which_step_answers_and_what_steps_keep_is_shown(
    language: str, words: tuple[str, ...]
) -> None:
    of_adapter = StepChoice("graph", (Cause("step-with-adapter"),))
    held = ResidentView(
        A, "none", (B,), 9, 0, 0, 1.0, 1.0, False, StepChoice("fused-graph"), ((B, of_adapter),), 3
    )

    def residents(view: object, titles: object, language: str) -> None:
        from dashboard.models.memory_panel import memory_residents
        from dashboard.texts import read_texts

        memory_residents(object(), view, titles, read_texts(language))  # type: ignore[arg-type]

    page = AppTest.from_function(residents, args=(view_of(residents=(held,)), {B: "KULLM"}, language))
    shown = texts(page.run())
    assert all(each in shown for each in words), shown


def test_one_that_answers_cannot_be_released_and_says_why(engine: ScriptedEngine, registry: Registry) -> None:
    live = answering(engine, A)
    page = opened(engine, registry)
    release = page.button(key=session.release_key(A, "none"))
    assert release.disabled and "답하는 중" in release.help
    assert "답하는 중 · 질문 1개" in texts(page) and "캐시 1.0 GB" in texts(page)
    live.ask_to_stop()
    live.wait(5)
    assert not page.run().button(key=session.release_key(A, "none")).disabled


def test_the_plan_is_said_before_the_load(engine: ScriptedEngine, registry: Registry) -> None:
    engine.load(A, "none").wait(5)
    engine.load(B, "none").wait(5)
    page = pick(opened(engine, registry), C)
    assert "6.0 GB가 필요하고, 예산에 3.0 GB가 남아 있습니다. 쉬고 있는 모델을 먼저 내립니다" in texts(page)
    assert "**Demo: KoAlpaca format (toy) · 원본 그대로**" in texts(page)
    assert "먼저 내려받습니다" in texts(page)
    live = answering(engine, A)
    engine.release(B, "none")
    assert "끝나기를 기다립니다" in texts(page.run())
    live.ask_to_stop()
    live.wait(5)
    engine.keep_loaded(A, "none", True)
    engine.load(B, "none").wait(5)
    engine.keep_loaded(B, "none", True)
    page.run()
    assert "들어가지 않습니다" in texts(page) and page.button(key=session.LOAD).disabled
    assert "8비트 (int8) (3.0 GB), 4비트 (nf4) (1.5 GB)" in texts(page)
    pick(page, C, "nf4")
    assert "내릴 모델 없이 들어갑니다" in texts(page) and not page.button(key=session.LOAD).disabled


def test_where_nothing_fits_it_says_what_to_do(registry: Registry) -> None:
    engine = ScriptedEngine(SCRIPTS, budget=GB)
    assert "NARANI_MEMORY_BUDGET" in texts(pick(opened(engine, registry, "en"), C))
    engine.close()


def test_a_load_shows_progress_and_is_stopped(engine: ScriptedEngine, registry: Registry) -> None:
    page = pick(opened(engine, registry), C)
    page.button(key=session.LOAD).click().run()
    assert "중지" in texts(page) and page.button(key=session.LOAD).disabled
    assert "이미 불러오고 있습니다" in page.button(key=session.LOAD).help
    second = opened(engine, registry)
    second.button(key=session.stop_key(C, "none")).click().run()
    run_until(page, lambda: "불러오기를 중지했습니다" in texts(page))
    assert "중지했습니다" not in texts(second.run())
    assert not page.button(key=session.LOAD).disabled and engine.view().used == 0


def test_a_load_that_failed_says_why_to_whoever_began_it(registry: Registry) -> None:
    broken = {B: Script(loading_failure=LoadError(AS_WRITTEN, sentence="The weights are damaged."))}
    engine = ScriptedEngine({**SCRIPTS, **broken}, budget=10 * GB)
    page = pick(opened(engine, registry), B)
    page.button(key=session.LOAD).click().run()
    run_until(page, lambda: "The weights are damaged" in texts(page))
    assert not opened(engine, registry).error
    engine.close()


def view_of(**changes: Any) -> PoolView:
    residents = (
        ResidentView(A, "none", (), 3, 1, 1, 0.0, 2.0, step_bytes=1),
        ResidentView("gone-from-the-registry", "nf4", (), 2, 0, 0, 9.0, 1.0),
    )
    events = tuple(
        Event(what, A, "none", 4, 2.0, used=4, at=1_700_000_000.0)
        for what in ("load", "attach", "release", "refuse", "park", "wake", "drop")
    )
    return PoolView(**{**vars(PoolView("cpu", 20, 9, 9, 11, residents, 0, events)), **changes})


@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_pieces_of_the_bar_are_the_budget_with_what_is_on_its_way(language: str) -> None:
    texts = read_texts(language)
    pieces = segments(view_of(), {A: "가"}, texts)
    assert [piece.end - piece.begin for piece in pieces] == [4, 2, 1, 2, 11]
    assert pieces[-1].end == 20 and [piece.begin for piece in pieces[1:]] == [
        piece.end for piece in pieces[:-1]
    ]
    assert [piece.label for piece in pieces[2:]] == [texts.memory[key] for key in ("cache", "moving", "free")]
    assert "gone-from-the-registry" in pieces[1].label


@pytest.mark.parametrize("language", ["ko", "en"])
def test_every_event_has_its_words_and_memory_over_time_ends_now(language: str) -> None:
    texts, view = read_texts(language), view_of()
    for event in view.events:
        line = in_words(event, {A: "[가](x)"}, texts, None)
        assert "4 B" in line and "\\[가\\]\\(x\\)" in line
    points = over_time(view, {}, texts)
    assert [point["used"] for point in points] == [*[4] * 7, 9]
    assert points[-1]["what"] == texts.memory["now"]
