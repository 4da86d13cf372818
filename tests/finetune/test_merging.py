"""Holds merging: what is merged says what its adapter said, or it is not there at all.

Run: python -m pytest tests/finetune/test_merging.py
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save_file

from engines.loading import load_model
from errors import BadRequest, LoadError, UnknownName, Unsafe
from finetune import merge_proof
from finetune.merge_proof import MergeDiffers, merge_questions
from finetune.merging import MergeReport, merge
from finetune.run_folder import RunFolder, TrainingState, TrainingStatus
from model_registry.registry import load_registry
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import Kind, make_tiny_adapter, make_tiny_model, tiny_spec

CPU = torch.device("cpu")
TARGETS: dict[Kind, list[str]] = {
    "gpt_neox": ["query_key_value", "dense"],
    "llama": ["q_proj", "v_proj", "down_proj"],
    "rwkv": ["key", "output"],
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def few_prompts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny networks show the same with six; the demo models are asked all 32."""
    monkeypatch.setattr(merge_proof, "merge_questions", lambda: merge_questions()[:6])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bases")
    for kind, targets in TARGETS.items():
        # float32, so that what is left of a difference is not rounding.
        base = make_tiny_model(root / kind, kind, dtype=torch.float32)
        make_tiny_adapter(root / f"{kind}-adapter", base, targets)
    return root


@pytest.fixture
def adapter(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "gpt_neox-adapter", tmp_path / "adapter"))


def merged(adapter: Path | str, home: Path, *more: Any) -> MergeReport:
    return merge(str(adapter), home / "out", *more, home=home, device="cpu")


def refused(adapter: Path | str, home: Path, *more: Any) -> str:
    """The sentence; nothing is left where the model would have been."""
    before = set(home.iterdir())
    with pytest.raises((BadRequest, LoadError, UnknownName, MergeDiffers)) as caught:
        merged(adapter, home, *more)
    assert set(home.iterdir()) == before
    sentence = str(caught.value)
    assert "\n" not in sentence and str(home) not in sentence, sentence
    return sentence


def test_the_demo_adapter_is_merged_and_proved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    report = merged("demo-kullm-banmal", tmp_path, "auto", ("nf4",))
    whole, quantized = report.proofs
    assert (report.base, report.dtype, whole.prompts) == ("demo-kullm", "float32", 32)
    assert whole.largest < 1e-3 and whole.agreement == 1.0 and whole.same_answers == 32
    assert whole.mean < report.changed / 1000, "the adapter's own change is no rounding"
    assert quantized.quantization == "nf4" and quantized.mean > whole.mean
    assert {path.name for path in tmp_path.iterdir()} == {"out"}
    held = {path.name for path in report.out.iterdir()}
    assert {"model.safetensors", "config.json", "tokenizer.json", "README.md"} <= held
    assert not [name for name in held if name.endswith(".bin") or "adapter" in name]
    card = (report.out / "README.md").read_text(encoding="utf-8")
    head = ModelCard(card).data.to_dict()
    assert (head["license"], head["library_name"]) == ("apache-2.0", "transformers")
    assert "apache-2.0" in card and "32/32" in card and str(tmp_path) not in card


def test_32_different_prompts_ship() -> None:
    assert len(set(merge_questions())) == 32


@pytest.mark.parametrize("kind", TARGETS)
def test_every_family_is_merged(root: Path, tmp_path: Path, kind: Kind) -> None:
    report = merged(root / f"{kind}-adapter", tmp_path)
    assert report.proofs[0].agreement == 1.0
    spec = tiny_spec(report.out, kind)
    again = load_model(spec, "none", CPU, RecordingWatch())
    base = load_file(root / kind / "model.safetensors")
    weights = load_file(report.out / "model.safetensors")
    changed = {name for name, value in weights.items() if not torch.equal(value, base[name])}
    assert changed and all(name.split(".")[-2] in TARGETS[kind] for name in changed)
    assert again.eos_token_ids


@pytest.mark.parametrize(
    "settings",
    [{"use_dora": True}, {"modules_to_save": ["embed_out", "lm_head"]}, {"use_rslora": True, "r": 2}],
    ids=["dora", "whole modules", "rslora"],
)
def test_what_cannot_share_a_base_can_be_merged(root: Path, tmp_path: Path, settings: dict[str, Any]) -> None:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    base = AutoModelForCausalLM.from_pretrained(root / "gpt_neox")
    config = LoraConfig(target_modules=["query_key_value"], init_lora_weights=False, **settings)
    network = get_peft_model(base, config)
    for name, value in network.named_parameters():
        if "modules_to_save" in name:
            value.data += 0.1 * torch.randn(value.shape)
    network.save_pretrained(tmp_path / "made", save_embedding_layers=False)
    assert merged(tmp_path / "made", tmp_path).proofs[0].agreement == 1.0


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_16_bits_are_near_enough_and_stored_as_such(root: Path, tmp_path: Path, dtype: str) -> None:
    report = merged(root / "llama-adapter", tmp_path, dtype)
    assert report.dtype == dtype and 0 < report.proofs[0].mean < 0.03 * report.proofs[0].spread
    stored = load_file(report.out / "model.safetensors")
    assert {value.dtype for value in stored.values()} == {getattr(torch, dtype)}


def test_what_rounding_swallows_is_refused(adapter: Path, tmp_path: Path) -> None:
    rewrite(adapter, lambda name, value: value * 1e-2)
    assert "does not say what the adapter says" in refused(adapter, tmp_path, "bfloat16")
    assert merged(adapter, tmp_path, "float32").proofs[0].agreement == 1.0


def rewrite(adapter: Path, change: Any) -> None:
    file = adapter / "adapter_model.safetensors"
    save_file({name: change(name, value) for name, value in load_file(file).items()}, file)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda name, value: torch.zeros_like(value), "changes nothing of its base"),
        (lambda name, value: value * float("nan"), "not numbers"),
        (lambda name, value: value[:, :2].contiguous() if "lora_A" in name else value, "should be [4, 32]"),
    ],
    ids=["zeros", "not numbers", "another shape"],
)
def test_a_bad_file_is_refused_in_a_sentence(adapter: Path, tmp_path: Path, change: Any, says: str) -> None:
    rewrite(adapter, change)
    assert says in refused(adapter, tmp_path)


def test_an_adapter_of_another_base_is_refused(root: Path, adapter: Path, tmp_path: Path) -> None:
    config = json.loads((adapter / "adapter_config.json").read_text())
    for other, says in (("llama", "none of the modules"), ("rwkv", "none of the modules")):
        config["base_model_name_or_path"] = str(root / other)
        (adapter / "adapter_config.json").write_text(json.dumps(config))
        assert says in refused(adapter, tmp_path)
    config |= {"base_model_name_or_path": str(root / "gpt_neox"), "target_modules": ["query_key_value"]}
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert "no place for" in refused(adapter, tmp_path)
    config["target_modules"] = ["query_key_value", "dense", "dense_h_to_4h"]
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert "is incomplete" in refused(adapter, tmp_path)
    config["base_model_name_or_path"] = str(make_tiny_model(tmp_path / "larger", hidden=64, layers=3))
    (adapter / "adapter_config.json").write_text(json.dumps(config))
    assert "does not fit larger" in refused(adapter, tmp_path)


def test_a_pickled_adapter_is_refused_unread(adapter: Path, tmp_path: Path) -> None:
    (adapter / "adapter_model.safetensors").unlink()
    (adapter / "adapter_model.bin").write_bytes(b"cos\nsystem\n(S'touch canary'\ntR.")
    with pytest.raises(Unsafe, match="could run code"):
        merged(adapter, tmp_path)
    assert not (tmp_path / "canary").exists() and not (tmp_path / "out").exists()


def test_a_run_is_merged_by_its_name(root: Path, tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "runs" / "나의-첫-조율")
    run.path.mkdir(parents=True)
    run.write("manifest.json", {"settings": {}})
    run.set_status(TrainingStatus(TrainingState.TRAINING))
    assert "has no adapter yet (it is training)" in refused("나의-첫-조율", tmp_path)
    shutil.copytree(root / "gpt_neox-adapter", run.adapter)
    assert merged("나의-첫-조율", tmp_path).proofs[0].agreement == 1.0


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("demo-kullm", "whole model already"),
        ("demo-kullm-banmol", "demo-kullm-banmal"),
        (str(Path(__file__).parent), "holds no adapter"),
    ],
)
def test_what_is_no_adapter_is_said(tmp_path: Path, name: str, says: str) -> None:
    assert says in refused(name, tmp_path)


def test_what_is_there_already_is_not_touched(root: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert "is there already" in refused(root / "llama-adapter", tmp_path)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_form_the_base_is_not_offered_in_is_refused_before_anything_loads(tmp_path: Path) -> None:
    assert "demo-kullm-banmal" in load_registry().models
    assert "not offered as 'int4'" in refused("demo-kullm-banmal", tmp_path, "auto", ("int4",))
