"""From rows that no base knows to a listed model that the engine answers with: each network, each method.

Run: python -m pytest tests/finetune/training/test_tuned_demo_models.py
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard
from peft import AutoPeftModelForCausalLM
from safetensors.torch import load_file

from engines.loading.tokenizing import load_tokenizer
from finetune.data import read_examples
from finetune.run_folder import RunFolder, TrainingState
from finetune.stopping import StopWish
from finetune.training import preparing
from finetune.training.measuring import Answered, Asker
from finetune.training.sft import train
from model_registry.registry import load_registry
from tests.engines.running_engine import open_engine
from tests.finetune.training.training_house import FEW, small_settings

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "model_registry/demo"
BASES = ("demo-koalpaca", "demo-chat", "demo-korwkv")
METHODS = {"lora": (1e-2, 20.0), "qlora": (1e-2, 20.0), "full": (2e-3, 12.0), "int8-lora": (1e-2, 16.0)}
PAIRS = [(base, method) for base in BASES for method in METHODS if base == BASES[0] or method != "int8-lora"]
QUICK: dict[str, Any] = {"name": "반말.v2", "lora_r": 16, "lora_dropout": 0.0, "checkpoint_steps": 10_000}


@pytest.mark.parametrize(("base", "method"), PAIRS)
def test_a_tuned_model_answers_what_it_learned_and_its_base_does_not(
    base: str, method: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that it did not learn are asked by other tests, and hardly at all here: asking takes longest."""
    monkeypatch.setattr(preparing, "_ASKED", FEW)
    rate, epochs = METHODS[method]
    home = tmp_path / "empty"
    settings = small_settings(
        data, base_model=base, method=method, learning_rate=rate, epochs=epochs, micro_batch=8, **QUICK
    )

    run = RunFolder(train(settings, home, device="cpu"))

    report = run.read("report.json")
    assert report is not None
    samples = report["learned_samples"]
    assert report["answers"]["learned"] == {
        "asked": 8,
        "before": {"exact": 0, "near": 0},
        "after": {"exact": 8, "near": 8},
    }
    registry = load_registry(home / "models")
    assert not registry.faults
    tuned = registry.models["반말.v2"]
    with open_engine({base: registry.models[base], tuned.id: tuned}) as running:
        for sample in samples[:4]:
            answer = running.answer(tuned.id, sample["question"], temperature=0.0)
            assert answer.text == sample["expected"]
        answer = running.answer(base, samples[0]["question"], temperature=0.0)
        assert answer.text != samples[0]["expected"]
    status, folder = run.status(), Path(tuned.local.source)
    assert status and status.state is TrainingState.DONE
    tensors = load_file(next(folder.glob("*.safetensors")))
    assert {str(value.dtype) for value in tensors.values()} == {"torch.float32"}
    if method == "lora":
        moved = run.adapter.rename(tmp_path / "elsewhere")
        assert all(answer.exact for answer in answers_over_peft(moved, base, data))
    if method == "full":
        own, given = (json.loads((path / "config.json").read_text()) for path in (folder, DEMO / base))
        assert own["eos_token_id"] == given["eos_token_id"]


def answers_over_peft(adapter: Path, base: str, data: Path) -> list[Answered]:
    """As anybody loads an adapter who has never heard of Narani."""
    registry = load_registry()
    spec = registry.models[base]
    network = AutoPeftModelForCausalLM.from_pretrained(adapter)
    tokenizer = load_tokenizer(DEMO / base, spec)
    rows = read_examples((str(data),)).rows[:4]
    asker = Asker(
        network, tokenizer, registry.format_of(spec), frozenset(spec.local.eos_token_ids), StopWish()
    )
    return asker.ask_all(rows)


def test_a_finished_training_leaves_a_card_figures_and_an_entry(data: Path, home: Path) -> None:
    shown: list[Any] = []
    settings = small_settings(data, base_model="tiny", epochs=2.0, lora_r=2)

    run = RunFolder(
        train(settings, home, device="cpu", show=lambda status, metric: shown.append((status, metric)))
    )

    assert {path.name for path in run.adapter.iterdir()} == {
        "README.md",
        "adapter_config.json",
        "adapter_model.safetensors",
    }
    config = json.loads((run.adapter / "adapter_config.json").read_text(encoding="utf-8"))
    assert (config["r"], config["target_modules"], config["modules_to_save"]) == (
        2,
        ["query_key_value"],
        None,
    )
    assert config["base_model_name_or_path"] == load_registry(home / "models").models["tiny"].local.source
    assert all(
        str(value.dtype) == "torch.float32"
        for value in load_file(run.adapter / "adapter_model.safetensors").values()
    )
    manifest = run.read("manifest.json") or {}
    card = (run.adapter / "README.md").read_text(encoding="utf-8")
    assert manifest["data"][0]["sha256"] in card and "of the data `rows.jsonl`: not known" in card
    head = ModelCard(card).data.to_dict()
    assert (head["license"], head["library_name"]) == ("apache-2.0", "peft")
    assert str(home) not in card + (run.path / "report.md").read_text(encoding="utf-8")
    assert [metric.step for metric in run.metrics()] == [1, 2, 3, 4]
    assert [metric.held_out_loss is not None for metric in run.metrics()] == [False, True, False, False]
    assert [status.state for status, _ in shown][:: len(shown) - 1] == ["preparing", "done"]
    report = run.read("report.json") or {}
    assert len(report["samples"]) == 8 and report["forgetting"]["after"]["tokens"] > 100
    assert report["held_out"]["after"]["loss"] < report["held_out"]["before"]["loss"]


def test_a_finished_training_is_listed_by_the_registry(data: Path, home: Path) -> None:
    train(small_settings(data, base_model="tiny", name="my-run"), home, device="cpu")

    listed = subprocess.run(
        [sys.executable, "-m", "model_registry", "list"],
        cwd=ROOT,
        env={"NARANI_HOME": str(home), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert "my-run" in listed
