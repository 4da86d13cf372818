"""A reward model beside a policy in one network: its scores, what it leaves alone, and what it refuses.

Run: python -m pytest tests/finetune/preference/test_reward_model.py
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.loading.score_head import SCORE
from errors import NaraniError
from finetune.base import Base, UnwatchedLoad, base_for
from finetune.preference.reward_model import (
    REWARD,
    Standing,
    attach_reward_model,
    load_reward_model,
    refuse_unproven,
)
from finetune.preference.reward_network import set_scoring
from finetune.reward_settings import RewardSettings
from finetune.run_folder import RunFolder
from finetune.targets import lora_targets
from finetune.training.adapters import LEARNS
from finetune.training.checkpoint_files import whole_weights
from finetune.training.learner import Learner, load_base, set_learning
from finetune.training.saving import save_result
from model_registry.registry import Registry, load_registry
from model_registry.spec import ModelSpec
from model_registry.writing import entry_toml
from tests.engines.tiny_models import make_tiny_model, tiny_spec
from tests.finetune.training.training_house import add_base

ROWS = [[5, 6, 7, 8, 9, 2], [12, 13, 2], [12, 13]]
CPU, WATCH = torch.device("cpu"), UnwatchedLoad()


@dataclass(frozen=True)
class House:
    """A base, a reward model over it that learned something, and the scores it gave then."""

    home: Path
    scores: list[float]

    @property
    def registry(self) -> Registry:
        return load_registry(self.home / "models")

    @property
    def judge(self) -> ModelSpec:
        return self.registry.get("judge")

    def base(self, name: str = "tiny", format: str | None = None) -> Base:
        return base_for(name, self.registry, format)

    def policy(self, name: str = "tiny") -> Learner:
        settings = RewardSettings(base_model=name)
        loaded, compute = load_base(self.base(name).spec, settings, CPU, WATCH)
        return set_learning(loaded, compute, settings, ("query_key_value",))


def moved(learner: Learner) -> Learner:
    drawn = torch.Generator().manual_seed(3)
    for value in learner.network.parameters():
        if value.requires_grad:
            value.data += 0.2 * torch.randn(value.shape, generator=drawn)
    return learner


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    home = tmp_path_factory.mktemp("home")
    for name, seed in (("tiny", 0), ("another", 1)):
        folder = make_tiny_model(home / "bases" / name, seed=seed)
        add_base(home, folder, "gpt_neox", name, prompt_format="koalpaca")
    settings = RewardSettings(base_model="tiny")
    spec = load_registry(home / "models").get("tiny")
    loaded, compute = load_base(spec, settings, CPU, WATCH)
    targets = lora_targets(loaded.model, spec.local.architecture)
    learner = moved(set_scoring(loaded, compute, settings, targets))
    run = RunFolder(home / "runs" / "judge")
    folder = save_result(learner, whole_weights(learner.network), run, "# judge\n")
    entry = tiny_spec(
        folder, id="judge", prompt_format="koalpaca", adapter={"base": "tiny"}, task="reward"
    ).entry()
    (home / "models" / "judge.toml").write_text(entry_toml(entry), encoding="utf-8")
    learner.network.eval()
    with torch.no_grad():
        scores = [
            float(learner.network(torch.tensor([row]), torch.ones(1, len(row), dtype=torch.long)).logits)
            for row in ROWS
        ]
    return House(home, scores)


def test_over_a_policys_network_it_scores_as_it_did_when_it_learned(house: House) -> None:
    policy = moved(house.policy())
    network, ids = policy.network, torch.tensor([ROWS[0]])
    learning = {name for name, value in network.named_parameters() if value.requires_grad}
    with torch.no_grad():
        spoken = network.eval()(input_ids=ids).logits
    network.train()
    model = attach_reward_model(network, house.judge, house.base(), house.registry, WATCH)
    assert model.scores(ROWS) == pytest.approx(house.scores, abs=2e-6)
    assert model.scores(ROWS[::-1]) == pytest.approx(house.scores[::-1], abs=2e-6)
    assert replace(model, micro_batch=1).scores(ROWS) == pytest.approx(house.scores, abs=2e-6)
    assert network.training, "learning goes on as before"
    with torch.no_grad():
        assert torch.equal(network.eval()(input_ids=ids).logits, spoken), "the policy answers as before"
    assert {name for name, value in network.named_parameters() if value.requires_grad} == learning
    assert all(f".{LEARNS}." in name for name in learning)
    held = {name for name, _ in network.named_parameters() if f".{REWARD}." in name}
    assert held and not any("score" in name for name in held), "and no second copy of anything"


def test_loaded_alone_it_scores_the_same(house: House) -> None:
    model, loaded = load_reward_model(house.judge, house.registry, CPU, WATCH)
    assert model.scores(ROWS) == pytest.approx(house.scores, abs=2e-6)
    assert loaded.tokenizer.eos_token_id == 2


def test_scoring_is_stopped_between_batches(house: House) -> None:
    model, _ = load_reward_model(house.judge, house.registry, CPU, WATCH)
    asked = []
    replace(model, micro_batch=2).scores(ROWS, lambda: asked.append(1))
    assert len(asked) == 2


def test_another_base_or_another_format_is_refused(house: House) -> None:
    policy = house.policy("another")
    with pytest.raises(NaraniError, match="reward model over tiny, and the policy is tuned over another"):
        attach_reward_model(policy.network, house.judge, house.base("another"), house.registry, WATCH)
    with pytest.raises(NaraniError, match="in the format 'koalpaca', and the policy is asked in 'kullm'"):
        attach_reward_model(policy.network, house.judge, house.base(format="kullm"), house.registry, WATCH)
    with pytest.raises(NaraniError, match="another is no reward model"):
        attach_reward_model(policy.network, house.base("another").spec, house.base(), house.registry, WATCH)
    assert REWARD not in policy.network.peft_config


@pytest.mark.parametrize(("shape", "said"), [(None, "has no score head"), ((1, 7), "for another network")])
def test_a_head_that_is_missing_or_does_not_fit_is_refused(
    house: House, tmp_path: Path, shape: tuple[int, int] | None, said: str
) -> None:
    folder = tmp_path / "adapter"
    folder.mkdir()
    source = Path(house.judge.local.source)
    tensors = load_file(source / "adapter_model.safetensors")
    del tensors[SCORE]
    if shape is not None:
        tensors[SCORE] = torch.zeros(shape)
    save_file(tensors, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_bytes((source / "adapter_config.json").read_bytes())
    with pytest.raises(NaraniError, match=said):
        load_reward_model(house.judge.with_local(source=str(folder)), house.registry, CPU, WATCH)


@pytest.mark.parametrize(
    ("held_out", "refused"),
    [
        ({"accuracy": 0.98, "low": 0.9, "high": 0.99, "pairs": 54, "mean": 0.5, "spread": 2.0}, False),
        ({"accuracy": 0.6, "low": 0.46, "high": 0.72, "pairs": 54, "mean": 0.5, "spread": 2.0}, True),
        ({"accuracy": 0.6, "low": 0.46, "high": 0.72, "pairs": 54, "margin": 0.1}, True),
        ({"accuracy": 0.3, "low": 0.2, "high": 0.45, "pairs": 54, "margin": -1.0}, True),
    ],
)
def test_one_that_judges_no_better_than_a_coin_leads_no_policy(
    house: House, held_out: dict[str, float], refused: bool
) -> None:
    report = house.home / "runs" / "judge" / "report.json"
    report.write_text(json.dumps({"held_out": held_out}), encoding="utf-8")
    if refused:
        with pytest.raises(NaraniError, match="does not judge better than a coin"):
            refuse_unproven(house.judge)
    else:
        assert refuse_unproven(house.judge) == Standing(0.5, 2.0)
        older = {name: value for name, value in held_out.items() if name not in ("mean", "spread")}
        report.write_text(json.dumps({"held_out": older}), encoding="utf-8")
        assert refuse_unproven(house.judge) is None
    report.unlink()
    assert refuse_unproven(house.judge) is None


def test_a_score_counts_by_where_it_stands_among_those_of_held_out_answers() -> None:
    """A number that is none stays none."""
    found = Standing(3.0, 2.0)
    shares = {3.0: 0.5, 4.0: 0.75, 5.0: 1.0, 1.0: 0.0, 1e9: 1.0, -math.inf: 0.0}
    assert {score: found.of(score) for score in shares} == shares
    assert math.isnan(found.of(math.nan)) and Standing(3.0, 0.0).of(3.0) == 0.5
