"""An adapter that goes on learning: what it begins with, what it is held against, and who speaks when.

Run: python -m pytest tests/finetune/training/test_adapters_over_one_base.py
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from errors import BadRequest
from finetune.base import UnwatchedLoad, base_for
from finetune.preference import dpo
from finetune.preference_settings import DpoSettings
from finetune.run_settings import RunSettings
from finetune.training import sft
from finetune.training.adapters import LEARNS, REFERENCE, read_adapter, speaking_with
from finetune.training.learner import Learner, load_base, set_learning
from model_registry.registry import load_registry
from tests.finetune.training.training_house import small_settings


@pytest.fixture
def tuned(home: Path, data: Path, few_questions: None) -> Learner:
    """The network of a base with the adapter of a finished training, which is to learn further."""
    sft.train(small_settings(data, base_model="tiny", name="first", learning_rate=0.05), home, device="cpu")
    base = base_for("first", load_registry(home / "models"), tuned=True)
    assert (base.spec.id, base.format.id, base.title) == ("tiny", "koalpaca", "first (tiny)")
    assert base.tuned is not None
    settings = RunSettings(base_model="first")
    loaded, compute = load_base(base.spec, settings, torch.device("cpu"), UnwatchedLoad())
    return set_learning(loaded, compute, settings, (), read_adapter(base.tuned, UnwatchedLoad()))


def test_it_begins_where_the_adapter_ended_and_stays_held_against_it(tuned: Learner) -> None:
    network, ids = tuned.network.eval(), torch.tensor([[5, 6, 7, 8]])
    with torch.no_grad():
        begun = network(input_ids=ids).logits
        with speaking_with(network, None):
            bare = network(input_ids=ids).logits
        with speaking_with(network, REFERENCE):
            assert torch.equal(network(input_ids=ids).logits, begun)
    assert not torch.allclose(begun, bare)
    learning = {path for path, value in network.named_parameters() if value.requires_grad}
    assert learning and all(f".{LEARNS}." in path for path in learning)

    for path, value in network.named_parameters():
        if path in learning:
            value.data.zero_()
    with torch.no_grad():
        assert torch.equal(network(input_ids=ids).logits, bare)
        with speaking_with(network, REFERENCE):
            assert torch.equal(network(input_ids=ids).logits, begun)
    assert learning == {path for path, value in network.named_parameters() if value.requires_grad}


def test_an_adapter_is_no_base_where_nobody_goes_on_with_it(tuned: Learner, home: Path) -> None:
    with pytest.raises(BadRequest, match="is an adapter and cannot be a base"):
        base_for("first", load_registry(home / "models"))


def test_an_adapter_that_retrained_layers_is_not_gone_on_with(tuned: Learner, home: Path) -> None:
    spec = load_registry(home / "models").get("first")
    config = Path(spec.local.source) / "adapter_config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "modules_to_save": ["embed_in"]}))
    with pytest.raises(BadRequest, match="learned whole layers beside its LoRA layers"):
        read_adapter(spec, UnwatchedLoad())


def test_a_tuning_does_not_begin_with_a_reward_model(tuned: Learner, home: Path, data: Path) -> None:
    entry = home / "models" / "first.toml"
    entry.write_text(entry.read_text().replace('id = "first"', 'id = "first"\ntask = "reward"'))
    pairs = data.with_name("pairs.jsonl")
    rows = [{"prompt": f"{number}?", "chosen": "네.", "rejected": "응."} for number in range(20)]
    pairs.write_text("\n".join(map(json.dumps, rows)))
    settings = DpoSettings(base_model="first", data=(str(pairs),), name="no")
    with pytest.raises(BadRequest, match="is a reward model: it scores answers and writes none"):
        dpo.train(settings, home, device="cpu")


def test_an_adapter_of_another_base_is_refused(tuned: Learner, home: Path) -> None:
    registry = load_registry(home / "models")
    stored = read_adapter(registry.get("first"), UnwatchedLoad())
    wrong = replace(stored, weights={key: value[:1] for key, value in stored.weights.items()})
    settings = RunSettings(base_model="tiny")
    loaded, compute = load_base(registry.get("tiny"), settings, torch.device("cpu"), UnwatchedLoad())
    with pytest.raises(BadRequest, match="does not fit its base"):
        set_learning(loaded, compute, settings, (), wrong)
