"""Scores of a reward model are those of PEFT and transformers, whoever answers beside them.

Run: python -m pytest tests/engines/test_scoring.py
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoTokenizer

from engines.base import SCORES, Answer, AnswerRequest, FinishReason, State
from finetune.preference.reward_model import load_reward_model
from history.rows import request_json, request_of
from model_registry.spec import ModelSpec
from tests.engines.load_watch import RecordingWatch
from tests.engines.reward_adapters import by_transformers, make_reward_adapter, reward_spec
from tests.engines.running_engine import (
    RunningEngine,
    answer_of,
    open_engine,
    registry_of,
    request,
    wait_until,
)
from tests.engines.tiny_models import Kind

KINDS: dict[str, Kind] = {"neox-a": "gpt_neox", "llama-a": "llama", "rwkv-a": "rwkv"}
ANSWERS = ("한강이 도시를 가로지릅니다.", "몰라", "몰라요" * 70)


@pytest.fixture(scope="module")
def judges(specs: dict[str, ModelSpec], tmp_path_factory: pytest.TempPathFactory) -> dict[str, ModelSpec]:
    home = tmp_path_factory.mktemp("judges")
    made = [
        reward_spec(make_reward_adapter(home / id, Path(spec.local.source), KINDS[id]), spec, KINDS[id])
        for id, spec in specs.items()
    ]
    return {spec.id: spec.with_local(context_length=1024) for spec in made}


@pytest.fixture(scope="module")
def running(specs: dict[str, ModelSpec], judges: dict[str, ModelSpec]) -> Iterator[RunningEngine]:
    with open_engine({**specs, **judges}) as opened:
        yield opened


def scoring(model_id: str, answers: tuple[str, ...] = ANSWERS, **changes: Any) -> AnswerRequest:
    return replace(request(f"{model_id}-judge", "서울에 강이 있나요?"), choices=answers, **changes)


def scores(answer: Answer) -> dict[str, float]:
    found = answer.extras[SCORES]
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("model", KINDS)
@pytest.mark.parametrize("cut", [False, True])
def test_scores_are_those_of_peft_and_transformers_also_beside_answers(
    running: RunningEngine,
    specs: dict[str, ModelSpec],
    judges: dict[str, ModelSpec],
    model: str,
    cut: bool,
) -> None:
    base, adapter = Path(specs[model].local.source), Path(judges[f"{model}-judge"].local.source)
    tokenizer = AutoTokenizer.from_pretrained(base)
    streamed = request(model, "하늘은 왜 파란가요?", max_new_tokens=40)
    alone = answer_of(running.submit(streamed))
    company = running.submit(streamed)
    judged = answer_of(running.submit(scoring(model, cut=cut)))
    assert answer_of(company).text == alone.text and judged.error is None
    ids = {
        text: tokenizer(judged.prompt + text, add_special_tokens=False).input_ids
        + ([] if cut else [tokenizer.eos_token_id])
        for text in ANSWERS
    }
    assert max(map(len, ids.values())) > 512, "one is read in two chunks"
    wanted = {text: by_transformers(base, adapter, KINDS[model], row) for text, row in ids.items()}
    assert scores(judged) == pytest.approx(wanted, abs=1e-4) and list(scores(judged)) == list(ANSWERS)
    alone_model, _ = load_reward_model(
        judges[f"{model}-judge"], registry_of({**specs, **judges}), torch.device("cpu"), RecordingWatch()
    )
    assert scores(judged) == pytest.approx(
        dict(zip(ids, alone_model.scores(list(ids.values())), strict=True)), abs=1e-4
    )
    assert len({round(score, 3) for score in wanted.values()}) == len(ANSWERS)
    assert judged.text == max(wanted, key=wanted.__getitem__)
    assert (judged.finish_reason, judged.measures.tokens_out) == (FinishReason.EOS, 0)


def test_a_cut_answer_has_another_score_than_a_whole_one(running: RunningEngine) -> None:
    whole, cut = (scores(answer_of(running.submit(scoring("neox-a", cut=cut)))) for cut in (False, True))
    assert all(abs(whole[text] - cut[text]) > 1e-3 for text in ANSWERS)


def test_a_reward_model_shares_the_weights_of_its_base_and_all_of_it_is_in_the_books(
    specs: dict[str, ModelSpec], judges: dict[str, ModelSpec]
) -> None:
    judge = judges["neox-a-judge"]
    with open_engine({"neox-a": specs["neox-a"], judge.id: judge}) as engine:
        answer_of(engine.ask("neox-a"))
        before = engine.view().residents[0].weight_bytes
        first = scores(answer_of(engine.submit(scoring("neox-a"))))
        answer_of(engine.ask("neox-a"))
        assert scores(answer_of(engine.submit(scoring("neox-a")))) == first
        assert engine.loads == ["neox-a"]
        stored = load_file(Path(judge.local.source) / "adapter_model.safetensors")
        (resident,) = engine.view().residents
        assert resident.weight_bytes - before == sum(tensor.nbytes for tensor in stored.values())
        held = resident.weight_bytes
        wait_until(lambda: engine.release("neox-a"))
        gc.collect()
        assert engine.view().used == 0
        (released,) = [event.bytes for event in engine.view().events if event.what == "release"]
        assert held - released == stored["base_model.model.score.weight"].nbytes


def test_a_reward_model_that_is_asked_to_answer_names_what_it_is_for(running: RunningEngine) -> None:
    answer = answer_of(running.ask("neox-a-judge"))
    assert answer.cause is not None and answer.cause.code == "reward-model-answers-nothing"
    assert "finetune score" in str(answer.error)


def test_what_cannot_be_scored_is_said_and_a_stop_is_heard(running: RunningEngine) -> None:
    long = answer_of(running.submit(scoring("neox-a", ("가나다" * 2000,))))
    assert long.cause is not None and long.cause.code == "answer-too-long-to-score"
    live = running.submit(scoring("neox-a", tuple(f"{count}번째" for count in range(2000))))
    wait_until(lambda: live.view().state is State.READING)
    live.ask_to_stop()
    assert answer_of(live).finish_reason is FinishReason.STOPPED
    assert scores(answer_of(running.submit(scoring("neox-a"))))
    wait_until(lambda: running.release("neox-a"))


@pytest.mark.parametrize(
    ("head", "code"),
    [(torch.full((1, 32), float("nan")), None), (None, "score-head-missing"), (torch.ones(1, 31), None)],
)
def test_a_broken_head_is_one_sentence_and_the_base_answers_on(
    specs: dict[str, ModelSpec],
    judges: dict[str, ModelSpec],
    tmp_path: Path,
    head: torch.Tensor | None,
    code: str | None,
) -> None:
    judge = judges["neox-a-judge"]
    folder = Path(judge.local.source)
    tensors = load_file(folder / "adapter_model.safetensors")
    tensors.pop("base_model.model.score.weight")
    if head is not None:
        tensors["base_model.model.score.weight"] = head
    save_file(tensors, tmp_path / "adapter_model.safetensors")
    (tmp_path / "adapter_config.json").write_bytes((folder / "adapter_config.json").read_bytes())
    with open_engine({"neox-a": specs["neox-a"], judge.id: judge.with_local(source=str(tmp_path))}) as engine:
        plain = answer_of(engine.ask("neox-a")).text
        broken = answer_of(engine.submit(scoring("neox-a")))
        assert broken.error is not None and SCORES not in broken.extras
        assert code is None or code in (broken.cause.code if broken.cause else "", broken.error)
        assert answer_of(engine.ask("neox-a")).text == plain


def test_a_request_to_score_is_stored_as_it_was() -> None:
    asked = scoring("neox-a", cut=True)
    assert request_of(request_json(asked)) == asked and '"cut":true' in request_json(asked)
    assert "cut" not in request_json(replace(asked, cut=False))
