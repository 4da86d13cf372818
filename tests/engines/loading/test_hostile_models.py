"""Holds that nothing of a model runs as code (T11): named modules, kernels, pipelines and pickles.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from engines.loading import load_model
from engines.loading.safety import may_run_its_own_code
from errors import Unsafe
from tests.engines.load_watch import RecordingWatch
from tests.engines.loading.broken_folders import CPU, WEIGHTS, change_json, refused
from tests.engines.tiny_models import make_tiny_model, tiny_spec


def canary_module(folder: Path) -> Path:
    """Code beside the model that would leave a mark."""
    canary = folder.parent / "canary"
    (folder / "modeling_own.py").write_text(
        f"open({str(canary)!r}, 'w').close()\n"
        "from transformers import LlamaConfig, LlamaForCausalLM\n"
        "class OwnConfig(LlamaConfig): pass\n"
        "class Own(LlamaForCausalLM): config_class = OwnConfig\n"
    )
    return canary


CODE: list[tuple[str, dict[str, Any]]] = [
    (
        "config.json",
        {"auto_map": {"AutoConfig": "modeling_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.Own"}},
    ),
    ("config.json", {"auto_map": {"AutoModelForCausalLM": "modeling_own.Own"}, "model_type": "own"}),
    ("config.json", {"_attn_implementation_internal": "modeling_own"}),
    ("config.json", {"text_config": {"_attn_implementation_internal": "people/kernel"}}),
    ("config.json", {"_attn_implementation": "people/kernel"}),
    ("config.json", {"custom_pipelines": {"text-generation": {"impl": "modeling_own.Own"}}}),
    ("tokenizer_config.json", {"auto_map": {"AutoTokenizer": ["modeling_own.Own", None]}}),
    ("generation_config.json", {"auto_map": {"x": "modeling_own.Own"}}),
]


@pytest.mark.parametrize(("name", "changes"), CODE)
def test_code_in_the_folder_is_refused_and_not_run(folder: Path, name: str, changes: dict[str, Any]) -> None:
    canary = canary_module(folder)
    change_json(folder, name, **changes)
    error = refused(folder)
    assert isinstance(error, Unsafe) and name in str(error)
    assert not canary.exists()


def test_remote_code_needs_both_the_entry_and_a_commit(folder: Path) -> None:
    allowed = tiny_spec(folder, revision="a" * 40, loading={"trust_remote_code": True})
    assert may_run_its_own_code(allowed)
    assert not may_run_its_own_code(tiny_spec(folder, revision="a" * 40))
    sneaked_in = allowed.with_local(revision="main")
    assert not may_run_its_own_code(sneaked_in)
    canary = canary_module(folder)
    change_json(folder, "config.json", **CODE[0][1])
    with pytest.raises(Unsafe):
        load_model(sneaked_in, "none", CPU, RecordingWatch())
    assert not canary.exists()


def test_allowed_code_of_a_pinned_commit_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_tiny_model(tmp_path / "model", "llama")
    monkeypatch.setattr("transformers.dynamic_module_utils.HF_MODULES_CACHE", str(folder.parent / "modules"))
    monkeypatch.syspath_prepend(str(folder.parent / "modules"))
    canary = canary_module(folder)
    change_json(folder, "config.json", **CODE[0][1])
    allowed = tiny_spec(folder, "llama", revision="a" * 40, loading={"trust_remote_code": True})
    loaded = load_model(allowed, "none", CPU, RecordingWatch())
    assert canary.exists() and type(loaded.model).__module__.startswith("transformers_modules")


class Canary:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.touch, (self.path,))


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickle_that_runs_code_leaves_no_canary(folder: Path, allowed: bool, how: str) -> None:
    canary = folder.parent / "canary"
    (folder / WEIGHTS).unlink()
    path = folder / "pytorch_model.bin"
    if how == "torch":
        torch.save({"x": Canary(canary)}, path)
    else:
        path.write_bytes(pickle.dumps(Canary(canary)))
    error = refused(folder, loading={"allow_pickle": allowed})
    assert isinstance(error, Unsafe) and "pytorch_model.bin" in str(error)
    assert not canary.exists()


@pytest.mark.parametrize("name", ["optimizer.pt", "rng_state.pth", "training_args.bin", "value_head.bin"])
def test_pickles_beside_the_weights_are_never_opened(folder: Path, name: str) -> None:
    canary = folder.parent / "canary"
    (folder / name).write_bytes(pickle.dumps(Canary(canary)))
    load_model(tiny_spec(folder), "none", CPU, RecordingWatch())
    assert not canary.exists()


def test_allowed_pickle_of_plain_tensors_loads(folder: Path) -> None:
    wanted = load_model(tiny_spec(folder), "none", CPU, RecordingWatch()).model.state_dict()
    torch.save(load_file(folder / WEIGHTS), folder / "pytorch_model.bin")
    (folder / WEIGHTS).unlink()
    assert "comes as pytorch_model.bin only" in str(refused(folder))
    watch = RecordingWatch()
    loaded = load_model(tiny_spec(folder, loading={"allow_pickle": True}), "none", CPU, watch)
    assert all(torch.equal(value, wanted[name]) for name, value in loaded.model.state_dict().items())
    assert watch.fractions("weights")[-1] == 1.0
