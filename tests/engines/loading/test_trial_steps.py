"""A load is tried with the very steps that answers take; what cannot take them is refused and forgotten.

Run: python -m pytest tests/engines/loading/test_trial_steps.py
"""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import Any

import pytest
import torch

from engines import families
from engines.families import REFUSED, stepper_for
from engines.loading import load, load_model
from engines.loading.reading import WeightReader
from engines.stepping import Stepper
from errors import LoadError
from model_registry.spec import ModelSpec
from tests.engines.load_watch import RecordingWatch
from tests.engines.running_engine import answer_of, open_engine
from tests.engines.tiny_models import make_tokenizer, tiny_spec
from tests.every_family import tiny_network

CPU = torch.device("cpu")
OF_ALL_SORTS = ["bloom", "falcon, alibi", "mamba", "gpt_neo", "llama, dynamic rope"]
"""Two that no batch can run, one without attention, and two that hear of company in one."""


def entry_of(folder: Path, name: str, **config: Any) -> ModelSpec:
    tokenizer = make_tokenizer()
    tiny_network(name, vocab_size=len(tokenizer), **config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return tiny_spec(folder, architecture="other", loading={"dtype": "float32"})


@pytest.mark.parametrize("name", OF_ALL_SORTS)
def test_networks_of_all_sorts_load_and_answer_in_company_as_alone(tmp_path: Path, name: str) -> None:
    questions = [
        "서울은?",
        "부산은 두 번째로 큰 도시이고 한강은 서울을 가로지른다. " * 3,
        "김치찌개는 어떻게 끓이나요?",
    ]
    with open_engine({"m": entry_of(tmp_path / "m", name).model_copy(update={"id": "m"})}) as running:
        alone = [answer_of(running.ask("m", question, temperature=0.0)) for question in questions]
        together = [running.ask("m", question, temperature=0.0) for question in questions]
        assert [answer_of(live).text for live in together] == [answer.text for answer in alone]
        assert all(answer.error is None for answer in alone)


def test_a_network_that_cannot_be_stepped_is_refused_with_the_reason_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = entry_of(tmp_path / "m", "gpt2", n_positions=2)
    tried = list[weakref.ref[torch.nn.Module]]()

    def remembered(model: torch.nn.Module, device: torch.device) -> bool:
        tried.append(weakref.ref(model))
        return families.try_stepping(model, device)

    monkeypatch.setattr(load, "try_stepping", remembered)
    with pytest.raises(LoadError, match="type gpt2, which cannot answer token by token here") as caught:
        load_model(spec, "none", CPU, RecordingWatch())
    assert "IndexError" in str(caught.value)
    gc.collect()
    assert [network() for network in tried] == [None]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_family_that_cannot_answer_is_refused_before_its_weights_are_read(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = entry_of(tmp_path / "m", name)
    monkeypatch.delattr(WeightReader, "__enter__")
    with pytest.raises(LoadError, match=f"type {name} .* cannot be loaded; pick another model"):
        load_model(spec, "none", CPU, RecordingWatch())


@pytest.mark.parametrize("name", ["llama", "rwkv"])
def test_a_trial_gives_back_what_it_reserved(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network, made = tiny_network(name), list[Stepper]()

    def remembered(*asked: Any) -> Stepper:
        made.append(stepper_for(*asked))
        return made[-1]

    monkeypatch.setattr(families, "stepper_for", remembered)
    with torch.no_grad():
        assert families.try_stepping(network, CPU)
    assert [stepper.cache_bytes() for stepper in made] == [0]
