"""A real model learns by rewards, says how it goes, and goes on after any death as if it had not died.

Run: python -m pytest tests/finetune/rl/test_learning_by_rewards.py
"""

from __future__ import annotations

import json
import signal
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from errors import BadRequest, Stopped
from finetune.kinds import settings_of
from finetune.rl.training import train
from finetune.rl.updates import Updater
from finetune.run_folder import RunFolder, TrainingState
from finetune.stopping import StopWish
from model_registry.registry import load_registry
from tests.finetune.rl.rl_house import demo_settings, small_rl_settings, told, train_by_rewards_until
from tests.finetune.training.training_house import ADAPTER, processes, terminate_at


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module", params=["ppo", pytest.param("grpo", marks=pytest.mark.slow)])
def learned(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of ten updates with the demo recipe, at a rate with which ten are enough to be seen."""
    changes = {"max_steps": 10, "learning_rate": 4e-3, "max_new_tokens": 32, "seed": 7}
    settings = demo_settings(request.param, name="learned", **changes)
    return train(settings, tmp_path_factory.mktemp("home"), device="cpu")


def test_ten_updates_raise_the_reward(learned: Path) -> None:
    rewards = [line["reward"] for line in told(learned)]

    assert sum(rewards[:2]) / 2 <= 0.12 and sum(rewards[-3:]) / 3 >= 0.35
    report = json.loads((learned / "report.json").read_text(encoding="utf-8"))
    held_out = report["held_out"]
    assert report["learned"] is True and "why" not in report
    assert held_out["reward_before"] <= 0 < held_out["reward_after"]
    assert held_out["exact_after"] > held_out["exact_before"] and held_out["ended_after"] >= 0.9
    assert 0 < report["kl"] <= 12


def test_a_run_tells_every_figure_of_the_panel(learned: Path) -> None:
    first, *_, last = told(learned)
    named = {"reward", "reward_se", "reward_level", "reward_level_se", "kl", "kl_coefficient", "policy_loss"}
    named |= {"clip_share", "approx_kl", "entropy", "length", "ended", "loss", "learning_rate", "grad_norm"}
    kind = json.loads((learned / "manifest.json").read_text(encoding="utf-8"))["kind"]
    named |= {"value_loss", "explained_variance"} if kind == "ppo" else {"equal_groups"}

    assert ("value_loss" in last) is (kind == "ppo"), "without a value head there is no loss of one"
    assert named <= last.keys() and {"held_out_reward", "held_out_exact", "held_out_ended"} <= last.keys()
    assert first["kl"] == 0 and "held_out_reward" not in first
    samples = RunFolder(learned).samples()
    assert [each.step for each in samples] == [0, 4, 8, 10]
    assert len({tuple(one["question"] for one in each.answers) for each in samples}) == 1
    assert len(samples[0].answers) == 4 and samples[0].answers != samples[-1].answers


def test_what_was_learned_is_an_adapter_that_the_registry_lists(learned: Path) -> None:
    home = learned.parents[1]
    spec = load_registry(home / "models").get("learned")

    assert spec.adapter is not None and spec.adapter.base == "demo-koalpaca"
    card = (learned / "adapter" / "README.md").read_text(encoding="utf-8")
    assert "reward of 32 held-out questions" in card
    assert "# learned" in (learned / "report.md").read_text(encoding="utf-8")


SMALL = {
    "ppo": small_rl_settings("ppo", kl_target=0.01),
    "grpo": small_rl_settings("grpo", schedule="linear", weight_decay=0.01),
}


@pytest.fixture(scope="module", params=list(SMALL))
def undisturbed(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Settings and run of a training that nobody stopped."""
    settings = SMALL[request.param]
    home = tmp_path_factory.mktemp("undisturbed")
    return settings, train(replace(settings, name="whole"), home, device="cpu")


def same_in_everything(one: Path, other: Path) -> None:
    assert (one / ADAPTER).read_bytes() == (other / ADAPTER).read_bytes()
    for name in ("weights.safetensors", "optimizer.safetensors", "state.json"):
        first, second = (run / "checkpoints" / "checkpoint-6" / name for run in (one, other))
        assert first.read_bytes() == second.read_bytes(), name
    assert told(one) == told(other)
    assert RunFolder(one).samples() == RunFolder(other).samples()


def test_killed_at_any_update_it_ends_as_the_one_that_nobody_disturbed(
    undisturbed: Any, tmp_path: Path
) -> None:
    settings, whole = undisturbed
    settings = replace(settings, name="killed", resume=True)
    for steps in (*(((1,), (4,)) if settings.kind == "ppo" else ((3,),)), ()):
        process = processes().Process(target=train_by_rewards_until, args=(settings, tmp_path, steps))
        process.start()
        process.join(120)
        assert process.exitcode == (-signal.SIGKILL if steps else 0)

    same_in_everything(tmp_path / "runs" / "killed", whole)


def test_stopped_while_it_samples_and_within_an_update_it_goes_on_from_the_last_whole_one(
    undisturbed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, whole = undisturbed
    settings = replace(settings, name="stopped")
    with pytest.raises(Stopped, match="after step 2"):
        train(settings, tmp_path, device="cpu", show=terminate_at(3))

    settings, step, norms = replace(settings, resume=True), Updater._step, list[float]()

    def counted(updater: Updater) -> float:
        norms.append(step(updater))
        return norms[-1]

    with monkeypatch.context() as patched:
        # After the first of two passes over the answers of an update.
        patched.setattr(StopWish, "asked", property(lambda self: len(norms) == 1))
        patched.setattr(Updater, "_step", counted)
        with pytest.raises(Stopped, match=r"after step \d"):
            train(settings, tmp_path, device="cpu")
    status = RunFolder(tmp_path / "runs" / "stopped").status()
    assert status is not None and status.state is TrainingState.STOPPED
    train(settings, tmp_path, device="cpu")

    same_in_everything(tmp_path / "runs" / "stopped", whole)


def test_the_coefficient_of_the_kl_is_steered_by_a_fifth_at_most(undisturbed: Any) -> None:
    settings, whole = undisturbed
    lines = told(whole)
    for before, after in zip(lines, lines[1:], strict=False):
        error = max(-0.2, min(0.2, before["kl"] / settings.kl_target - 1)) if settings.kl_target else 0
        assert after["kl_coefficient"] == pytest.approx(before["kl_coefficient"] * (1 + error), abs=1e-7)


def test_a_policy_that_runs_away_is_stopped(tmp_path: Path) -> None:
    settings = small_rl_settings("ppo", name="away", kl_target=1e-6, learning_rate=1e-2)
    with pytest.raises(Exception, match="more than four times kl_target"):
        train(settings, tmp_path, device="cpu")


def test_an_adapter_goes_on_learning_and_is_what_it_is_held_against(undisturbed: Any) -> None:
    _, whole = undisturbed
    home = whole.parents[1]
    settings = small_rl_settings("grpo", base_model="whole", name="further", max_steps=2, lora_r=4)
    further = train(settings, home, device="cpu")

    assert told(further)[0]["kl"] == 0 < told(further)[1]["kl"]
    spec = load_registry(home / "models").get("further")
    assert spec.adapter is not None and spec.adapter.base == "demo-koalpaca"
    config = json.loads((further / "adapter" / "adapter_config.json").read_text(encoding="utf-8"))
    assert config["r"] == 16
    assert (further / ADAPTER).read_bytes() != (whole / ADAPTER).read_bytes()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rewards": ()}, "reward"),
        ({"rewards": ("model=demo-kullm",)}, "is no reward model"),
        ({"max_tokens": 12}, "No question is left"),
        ({"distributed": "ddp"}, "uses one GPU"),
        ({"kl": 0.0, "kl_target": 1.0}, "kl is 0"),
        ({"optimizer": "adafactor"}, "adamw only"),
    ],
)
def test_what_cannot_be_learned_is_said_before_anything_is(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        train(small_rl_settings("ppo", name="bad", **changes), tmp_path, device="cpu")


def test_settings_of_a_run_are_found_again(undisturbed: Any) -> None:
    settings, whole = undisturbed
    manifest = json.loads((whole / "manifest.json").read_text(encoding="utf-8"))
    assert settings_of(manifest) == replace(settings, name="whole")
