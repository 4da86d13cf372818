"""An adapter and its base answer at the same time from one set of weights, and neither hears the other.

Run: python -m pytest tests/engines/test_adapter_batches.py
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engines.base import Answer, FinishReason
from engines.memory import StepChoice
from engines.steps.choice import StepChooser
from model_registry.registry import load_registry
from tests.engines.running_engine import RunningEngine, answer_of, open_engine, request, wait_until

BASE, ADAPTER = "demo-kullm", "demo-kullm-banmal"
QUESTIONS = ["대한민국의 수도는 어디인가요?", "남한에서 가장 높은 산은 무엇인가요?"]


@pytest.fixture(scope="module")
def specs() -> dict[str, Any]:
    return {id: load_registry().get(id) for id in (BASE, ADAPTER)}


@pytest.fixture
def running(specs: dict[str, Any]) -> Iterator[RunningEngine]:
    with open_engine(specs) as made:
        yield made


def asked(running: RunningEngine, model_id: str, question: str, **changes: Any) -> Answer:
    return answer_of(running.submit(replace(request(model_id, question, max_new_tokens=60), **changes)))


def test_base_and_adapter_share_weights_and_answer_at_once(
    specs: dict[str, Any], running: RunningEngine
) -> None:
    with open_engine({BASE: specs[BASE]}) as plain:
        alone = [asked(plain, BASE, question).text for question in QUESTIONS]
        base_bytes = plain.view().residents[0].weight_bytes
    lives = [running.ask(id, question, max_new_tokens=60) for question in QUESTIONS for id in (BASE, ADAPTER)]
    texts = [answer_of(live).text for live in lives]
    assert texts[0::2] == alone
    assert all(casual != polite for casual, polite in zip(texts[1::2], alone, strict=True))
    assert texts[1].endswith(("야.", "이야."))
    assert running.loads == [BASE]
    (resident,) = running.view().residents
    assert resident.adapters == (ADAPTER,)
    assert resident.step.name == "fused"
    ((adapter, step),) = resident.adapter_steps
    assert (adapter, step.in_short()) == (ADAPTER, "eager: step-with-adapter")
    assert base_bytes < resident.weight_bytes < 1.5 * base_bytes


def test_an_adapter_asked_first_brings_its_base_which_then_needs_no_load(running: RunningEngine) -> None:
    assert asked(running, ADAPTER, QUESTIONS[0]).finish_reason is FinishReason.EOS
    assert asked(running, BASE, QUESTIONS[0]).finish_reason is FinishReason.EOS
    assert running.loads == [BASE]


def test_a_base_with_an_adapter_gives_back_everything(running: RunningEngine) -> None:
    asked(running, ADAPTER, QUESTIONS[0])
    held = running.view().used
    wait_until(lambda: running.release(BASE))
    view = running.view()
    assert view.used == 0
    assert [event.bytes for event in view.events if event.what == "release"] == [held]


def test_what_was_measured_as_steps_were_proven_counts_from_the_load_on(specs: dict[str, Any]) -> None:
    """Of base and adapter, before anything is captured for an answer."""

    class Measured(StepChooser):
        def __call__(self, *_: object, **__: object) -> StepChoice:
            return StepChoice("eager", kept_bytes=10**6)

    with open_engine(specs, choose_step=Measured()) as running:
        asked(running, ADAPTER, QUESTIONS[0])
        (resident,) = running.view().residents
        assert resident.step_bytes == 2 * 10**6
        assert running.view().used == resident.weight_bytes + 2 * 10**6
    with open_engine(specs, choose_step=Measured(), budget=resident.weight_bytes + 10**6 - 1) as running:
        assert "measured" in str(answer_of(running.ask(BASE, QUESTIONS[0], max_new_tokens=2)).error)


def test_no_budget_leaves_an_adapter_waiting_for_its_own_base(specs: dict[str, Any]) -> None:
    """Between 'the base fits' and 'both fit' it is refused at once, under its own name and size."""
    with open_engine(specs) as running:
        asked(running, ADAPTER, QUESTIONS[0])
        both = running.view().most_used
    outcomes = set()
    for budget in range(int(both * 0.8), int(both * 1.1), both // 40):
        with open_engine(specs, budget=budget) as running:
            answer = asked(running, ADAPTER, QUESTIONS[0])
            outcomes.add(answer.error_code)
            assert running.view().most_used <= budget
            if answer.error_code is not None:
                assert specs[ADAPTER].title in (answer.error or "")
    assert outcomes == {None, "no-room"}


@pytest.mark.parametrize("wanted", ["auto", "eager"])
def test_int8_answers_in_company_as_alone_and_as_the_weights_it_was_made_of(
    specs: dict[str, Any], wanted: str
) -> None:
    with open_engine(specs, choose_step=StepChooser(wanted)) as running:
        pairs = [(id, question) for question in QUESTIONS for id in (BASE, ADAPTER)]
        alone = [asked(running, id, question, quantization="int8") for id, question in pairs]
        steps = {answer.measures.step for answer in alone if answer.model_id == BASE}
        assert steps == {"fused: step-in-torch" if wanted == "auto" else "eager: step-named"}
        lives = [
            running.submit(replace(request(id, question, max_new_tokens=60), quantization="int8"))
            for id, question in pairs
        ]
        assert [answer_of(live).text for live in lives] == [answer.text for answer in alone]
        assert [answer.text for answer in alone] == [asked(running, *pair).text for pair in pairs]


@pytest.mark.parametrize("quantization", ["int8", "nf4"])
def test_a_quantized_base_carries_the_adapter_too(running: RunningEngine, quantization: str) -> None:
    changes = {"quantization": quantization}
    texts = {id: asked(running, id, QUESTIONS[0], **changes).text for id in (BASE, ADAPTER)}
    full = asked(running, BASE, QUESTIONS[0])
    assert texts[BASE] and texts[BASE] != texts[ADAPTER]
    places = {(view.quantization, view.weight_bytes) for view in running.view().residents}
    sizes = dict(places)
    assert sizes[quantization] < sizes["none"]
    assert full.quantization == "none"
    assert running.loads == [BASE, BASE]
