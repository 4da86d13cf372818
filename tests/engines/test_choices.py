"""Likelihoods of given texts are those of transformers itself, whoever answers beside them.

Run: python -m pytest tests/engines/test_choices.py
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from engines.base import LIKELIHOODS, Answer, AnswerRequest, FinishReason, LiveAnswer, State
from errors import BadRequest, EngineDown
from history.rows import request_json, request_of
from model_registry.registry import load_registry
from model_registry.spec import ModelSpec
from tests.engines.running_engine import RunningEngine, answer_of, open_engine, request, wait_until
from tests.engines.script import Script
from tests.engines.scripted_engine import ScriptedEngine
from tests.engines.tiny_models import Kind

KINDS: dict[str, Kind] = {
    "neox-a": "gpt_neox",
    "llama-a": "llama",
    "exaone-a": "exaone4",
    "rwkv-a": "rwkv",
}
DEMO = ("demo-kullm", "demo-kullm-banmal")
CHOICES = ("예", "아니요", "한강이 도시를 가로지릅니다.")


def choosing(model_id: str, choices: tuple[str, ...] = CHOICES, **settings: Any) -> AnswerRequest:
    return replace(request(model_id, "서울에 강이 있나요?", **settings), choices=choices)


def likelihoods(answer: Answer) -> dict[str, float]:
    found = answer.extras[LIKELIHOODS]
    assert isinstance(found, dict)
    return found


def by_transformers(network: Any, tokenizer: Any, answer: Answer, choice: str) -> float:
    """As anyone would write it who never heard of batches: the whole text in one pass."""
    start = tokenizer(answer.prompt, add_special_tokens=False).input_ids
    ids = tokenizer(answer.prompt + choice, add_special_tokens=False).input_ids
    assert ids[: len(start)] == start
    with torch.inference_mode():
        scores = torch.log_softmax(network(torch.tensor([ids])).logits[0].float(), dim=-1)
    return math.fsum(float(scores[at - 1, ids[at]]) for at in range(len(start), len(ids)))


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("sampled", [{}, {"temperature": 0.8, "repetition_penalty": 1.3}])
def test_the_likelihoods_are_transformers_own_also_beside_an_answer(
    running: RunningEngine, specs: dict[str, ModelSpec], model: str, sampled: dict[str, Any]
) -> None:
    folder = Path(str(specs[model].local.source))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    streamed = request(model, "하늘은 왜 파란가요?", max_new_tokens=40, **sampled)
    alone = answer_of(running.submit(streamed))
    company = running.submit(streamed)
    chosen = answer_of(running.submit(choosing(model)))
    assert answer_of(company).text == alone.text
    assert likelihoods(chosen) == pytest.approx(
        {choice: by_transformers(network, tokenizer, chosen, choice) for choice in CHOICES}, rel=1e-4
    )
    assert list(likelihoods(chosen)) == list(CHOICES)
    assert chosen.text == max(CHOICES, key=likelihoods(chosen).__getitem__)
    assert (chosen.finish_reason, chosen.measures.tokens_out) == (FinishReason.EOS, 0)


@pytest.fixture(scope="module")
def demo() -> Iterator[RunningEngine]:
    registry = load_registry()
    with open_engine({id: registry.get(id) for id in DEMO}) as opened:
        yield opened


def test_a_model_finds_its_own_answer_likeliest_and_an_adapter_another(demo: RunningEngine) -> None:
    question = "대한민국의 수도는 어디인가요?"
    polite, casual = (demo.answer(id, question, max_new_tokens=60).text for id in DEMO)
    assert polite != casual
    for id, own in (("demo-kullm", polite), ("demo-kullm-banmal", casual), ("demo-kullm", polite)):
        for order in ((polite, casual), (casual, polite)):
            answer = answer_of(demo.submit(replace(request(id, question), choices=order)))
            assert answer.text == own, id
            assert likelihoods(answer)[own] > -1.0


def test_a_stop_between_two_choices_ends_the_answer_and_gives_the_model_back(running: RunningEngine) -> None:
    live = running.submit(choosing("neox-a", tuple(f"{count}번째" for count in range(2000))))
    wait_until(lambda: live.view().state is State.READING)
    live.ask_to_stop()
    answer = answer_of(live)
    assert (answer.finish_reason, answer.extras, answer.text) == (FinishReason.STOPPED, {}, "")
    wait_until(lambda: running.release("neox-a"))


def test_an_engine_that_closes_ends_what_is_being_chosen(specs: dict[str, ModelSpec]) -> None:
    with open_engine({"neox-a": specs["neox-a"]}) as closing:
        live = closing.submit(choosing("neox-a", tuple(f"{count}번째" for count in range(2000))))
        wait_until(lambda: live.view().state is State.READING)
    assert answer_of(live).error_code == "engine-down"


def test_an_engine_that_closes_between_two_choices_fails_the_answer_and_gives_the_model_back(
    running: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = running.loop.add
    begun: list[Any] = []

    def add_one(batch: Any, sequence: Any) -> None:
        if begun:
            raise EngineDown("engine-closing")
        begun.append(sequence)
        add(batch, sequence)

    monkeypatch.setattr(running.loop, "add", add_one)
    answer = answer_of(running.submit(choosing("neox-a")))
    assert (answer.error_code, answer.extras) == ("engine-down", {})
    wait_until(lambda: running.release("neox-a"))


def test_broken_numbers_fail_the_choosing_alone(running: RunningEngine) -> None:
    assert answer_of(running.submit(choosing("llama-a"))).error is None
    network = running.network("llama-a")
    head = network.get_output_embeddings().weight
    kept = head.detach().clone()
    try:
        with torch.no_grad():
            head.fill_(float("nan"))
        broken = answer_of(running.submit(choosing("llama-a")))
    finally:
        with torch.no_grad():
            head.copy_(kept)
    assert broken.error_code == "broke-while-answering" and not broken.extras
    assert likelihoods(answer_of(running.submit(choosing("llama-a"))))


def test_what_cannot_be_chosen_is_refused(running: RunningEngine) -> None:
    with pytest.raises(BadRequest, match="at least one character"):
        choosing("neox-a", ("예", ""))
    too_long = answer_of(running.submit(choosing("neox-a", ("예", "가나다" * 5000))))
    assert too_long.cause is not None and too_long.cause.code == "prompt-too-long"


def test_a_request_with_choices_is_stored_and_one_without_stays_as_it_was() -> None:
    asked = choosing("neox-a")
    assert request_of(request_json(asked)) == asked
    assert "choices" not in request_json(replace(asked, choices=()))


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (Script(), "예"),
        (Script(likelihoods=lambda asked: {c: float(len(c)) for c in asked.choices}), CHOICES[-1]),
    ],
)
def test_the_scripted_engine_chooses_as_its_script_says(script: Script, text: str) -> None:
    engine, live = ScriptedEngine({"m": script}), LiveAnswer("m")
    engine.submit(choosing("m"), live)
    answer = answer_of(live)
    engine.close()
    assert (answer.text, list(likelihoods(answer))) == (text, list(CHOICES))
