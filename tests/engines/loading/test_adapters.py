"""Holds PEFT adapters over a shared base: exact when off, right when on, gone without trace, else refused.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.loading import AdapterSwitch, AttachedAdapter, LoadedModel, attach_adapter, load_model
from errors import BadRequest, LoadError, Stopped, Unsafe
from model_registry.spec import Adapter
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import Kind, make_tiny_adapter, make_tiny_model, tiny_spec
from tests.processor_time import least_seconds

CPU = torch.device("cpu")
TARGETS: dict[Kind, list[str]] = {
    "gpt_neox": ["query_key_value", "dense"],
    "llama": ["q_proj", "v_proj", "down_proj"],
    "rwkv": ["key", "output"],
}
QUANTIZED = ["none", "int8", "nf4"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("adapters")
    for kind, targets in TARGETS.items():
        base = make_tiny_model(root / kind, kind, hidden=64)
        make_tiny_adapter(root / f"{kind}-one", base, targets, seed=1)
        make_tiny_adapter(root / f"{kind}-two", base, targets[:1], seed=2)
    return root


@pytest.fixture
def adapter(root: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(root / "gpt_neox-one", tmp_path / "adapter"))


def load(root: Path, kind: Kind = "gpt_neox", quantization: str = "none") -> LoadedModel:
    return load_model(tiny_spec(root / kind, kind, id="base"), quantization, CPU, RecordingWatch())


def attach(loaded: LoadedModel, folder: Path, id: str = "adapter-1.5", **entry: Any) -> AttachedAdapter:
    spec = tiny_spec(folder, id=id, adapter={"base": "base"}, **entry)
    return attach_adapter(loaded, spec, RecordingWatch())


def attach_and_stop(loaded: LoadedModel, fresh: LoadedModel, folder: Path) -> None:
    """Attach it whole, and be stopped at the last report; `fresh` is where the reports are counted."""
    spec, watch = tiny_spec(folder, id="stopped", adapter={"base": "base"}), RecordingWatch()
    attach_adapter(fresh, spec, watch)
    with pytest.raises(Stopped):
        attach_adapter(loaded, spec, RecordingWatch(stop_at=len(watch.reports)))


def logits(loaded: LoadedModel) -> torch.Tensor:
    ids = loaded.tokenizer("서울은 대한민국의 수도이며, 한강이", return_tensors="pt").input_ids
    with torch.no_grad():
        return loaded.model(ids).logits.float()


def structure(loaded: LoadedModel) -> list[tuple[str, type]]:
    return [(name, type(module)) for name, module in loaded.model.named_modules()]


def merged(root: Path, kind: Kind, folder: Path, tmp_path: Path) -> LoadedModel:
    """The base with the adapter worked into its weights by hand."""
    copy = Path(shutil.copytree(root / kind, tmp_path / "merged"))
    tensors, added = load_file(copy / "model.safetensors"), load_file(folder / "adapter_model.safetensors")
    for key in [key for key in added if key.endswith("lora_A.weight")]:
        name = key.removeprefix("base_model.model.").replace("lora_A.", "")
        delta = added[key.replace("lora_A", "lora_B")] @ added[key] * 2.0
        tensors[name] = (tensors[name].float() + delta).to(tensors[name].dtype)
    save_file(tensors, copy / "model.safetensors")
    return load_model(tiny_spec(copy, kind), "none", CPU, RecordingWatch())


@pytest.mark.parametrize("quantization", QUANTIZED)
@pytest.mark.parametrize("kind", list(TARGETS))
def test_base_is_bit_identical_while_off_and_after_a_stop(root: Path, kind: Kind, quantization: str) -> None:
    loaded = load(root, kind, quantization)
    before, shape = logits(loaded), structure(loaded)
    attach_and_stop(loaded, load(root, kind, quantization), root / f"{kind}-two")
    assert torch.equal(logits(loaded), before)
    assert structure(loaded) == shape and loaded.adapters == {} and loaded.adapter_layers == []
    assert not hasattr(loaded.model, "peft_config")
    attached = attach(loaded, root / f"{kind}-one")
    switch = AdapterSwitch(loaded)
    assert torch.equal(logits(loaded), before)
    switch.use(attached.name)
    assert not torch.allclose(logits(loaded), before, atol=0.5)
    switch.use(None)
    assert torch.equal(logits(loaded), before)


@pytest.mark.parametrize("kind", list(TARGETS))
def test_adapter_answers_as_if_merged(root: Path, kind: Kind, tmp_path: Path) -> None:
    loaded = load(root, kind)
    AdapterSwitch(loaded).use(attach(loaded, root / f"{kind}-one").name)
    theirs = logits(merged(root, kind, root / f"{kind}-one", tmp_path))
    assert torch.nn.functional.cosine_similarity(logits(loaded), theirs, dim=-1).min() > 0.995


@pytest.mark.parametrize("quantization", QUANTIZED)
def test_two_adapters_share_one_base(root: Path, quantization: str) -> None:
    loaded = load(root, "llama", quantization)
    weights = {id(value) for value in loaded.model.parameters()}
    switch = AdapterSwitch(loaded)
    one = attach(loaded, root / "llama-one", "one")
    switch.use(one.name)
    alone = logits(loaded)
    two = attach(loaded, root / "llama-two", "two")
    assert torch.equal(logits(loaded), alone), "attaching another adapter changed the one in use"
    switch.use(two.name)
    other = logits(loaded)
    switch.use(one.name)
    assert torch.equal(logits(loaded), alone) and not torch.allclose(alone, other, atol=0.5)
    assert weights <= {id(value) for value in loaded.model.parameters()}
    attach_and_stop(loaded, load(root, "llama", quantization), root / "llama-one")
    assert torch.equal(logits(loaded), alone)
    switch.use(two.name)
    assert torch.equal(logits(loaded), other)


def test_adapter_lies_where_and_as_the_base_computes(root: Path) -> None:
    loaded = load(root)
    attach(loaded, root / "gpt_neox-one")
    added = [value for name, value in loaded.model.named_parameters() if "lora_" in name]
    assert {(value.dtype, value.device) for value in added} == {(torch.bfloat16, CPU)}
    assert not any(value.requires_grad for value in loaded.model.parameters())
    assert not any(module.training for module in loaded.model.modules())


def test_attaching_twice_is_attaching_once(root: Path) -> None:
    loaded = load(root)
    assert attach(loaded, root / "gpt_neox-one") is attach(loaded, root / "gpt_neox-one")


def test_switching_is_cheap_and_knows_its_adapters(root: Path) -> None:
    loaded = load(root)
    name = attach(loaded, root / "gpt_neox-one").name
    switch = AdapterSwitch(loaded)
    with pytest.raises(BadRequest, match="is not attached"):
        switch.use("nobody")

    def there_and_back() -> None:
        for _ in range(1000):
            switch.use(name)
            switch.use(None)

    assert least_seconds(there_and_back, 0.5) < 0.5


def test_other_base_is_noted(root: Path) -> None:
    loaded = load(root)
    told = attach(
        loaded,
        make_tiny_adapter(root / "foreign", root / "gpt_neox", ["dense"], base_model_name_or_path="a/b"),
    )
    assert "says it was trained over a/b" in told.notes[0]
    assert attach(loaded, root / "gpt_neox-one", "known").notes == ()


def _wider(adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    save_file({key: torch.ones(4, 32) if "lora_A" in key else value for key, value in tensors.items()},
              adapter / "adapter_model.safetensors")  # fmt: skip


def _drop_one(adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors.pop(min(tensors))
    save_file(tensors, adapter / "adapter_model.safetensors")


def _stranger(adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    save_file({**tensors, "base_model.model.elsewhere.lora_A.weight": torch.ones(4, 64)},
              adapter / "adapter_model.safetensors")  # fmt: skip


def _not_a_number(adapter: Path) -> None:
    tensors = load_file(adapter / "adapter_model.safetensors")
    tensors[min(tensors)][0, 0] = float("nan")
    save_file(tensors, adapter / "adapter_model.safetensors")


def _settings(**changes: Any) -> Any:
    def change(adapter: Path) -> None:
        path = adapter / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


UNFIT: list[tuple[Any, str]] = [
    (_wider, "should be [4, 64], but [4, 32] is stored"),
    (_drop_one, "is incomplete: it lacks"),
    (_stranger, "has no place for 'base_model.model.elsewhere.lora_A.weight'"),
    (_not_a_number, "not numbers"),
    (_settings(r=8), "should be"),
    (_settings(target_modules=["no_such_layer"]), "could not be loaded"),
    (_settings(target_modules=["dense"]), "has no place for"),
    (_settings(peft_type="IA3"), "only LoRA adapters"),
    (_settings(modules_to_save=["embed_in"]), "retrains whole layers"),
    (_settings(bias="all"), "retrains biases"),
    (_settings(layer_replication=[[0, 2], [0, 2]]), "repeats layers"),
    (_settings(auto_map={"x": "code.Own"}), "wants to run its own code"),
    (lambda adapter: (adapter / "adapter_config.json").write_text("{"), "not valid JSON"),
    (
        lambda adapter: (adapter / "adapter_model.safetensors").write_bytes(b"1"),
        "adapter_model.safetensors is damaged",
    ),
]


@pytest.mark.parametrize(("damage", "words"), UNFIT, ids=[words for _, words in UNFIT])
def test_unfit_adapter_is_refused_and_leaves_the_base_alone(
    root: Path, adapter: Path, damage: Any, words: str
) -> None:
    loaded = load(root)
    before, shape = logits(loaded), structure(loaded)
    damage(adapter)
    with pytest.raises(LoadError) as caught:
        attach(loaded, adapter)
    assert words in str(caught.value) and str(adapter) not in str(caught.value)
    assert structure(loaded) == shape and torch.equal(logits(loaded), before)
    assert loaded.adapters == {} and loaded.adapter_layers == []


def test_pickled_adapter_is_refused(root: Path, adapter: Path) -> None:
    torch.save(load_file(adapter / "adapter_model.safetensors"), adapter / "adapter_model.bin")
    (adapter / "adapter_model.safetensors").unlink()
    with pytest.raises(Unsafe, match="could run code; store it as safetensors"):
        attach(load(root), adapter)


def test_cancelling_at_any_report_leaves_the_base_alone(root: Path) -> None:
    loaded = load(root)
    before, shape = logits(loaded), structure(loaded)
    spec = tiny_spec(root / "gpt_neox-one", id="a", adapter={"base": "base"})
    watch = RecordingWatch()
    attach_adapter(load(root), spec, watch)
    assert watch.fractions("adapter")[-1] == 1.0
    for number in range(1, len(watch.reports) + 1):
        with pytest.raises(Stopped):
            attach_adapter(loaded, spec, RecordingWatch(stop_at=number))
        assert structure(loaded) == shape
    assert torch.equal(logits(loaded), before)


def test_a_failed_second_adapter_leaves_the_first_in_use(root: Path, adapter: Path) -> None:
    loaded = load(root)
    switch = AdapterSwitch(loaded)
    switch.use(attach(loaded, root / "gpt_neox-two", "two").name)
    before = logits(loaded)
    _wider(adapter)
    with pytest.raises(LoadError):
        attach(loaded, adapter)
    assert torch.equal(logits(loaded), before)


def test_adapter_in_a_subfolder_of_its_own_folder(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "gpt_neox-one", tmp_path / "run" / "inner")
    (tmp_path / "run" / "link").symlink_to(root / "gpt_neox-one")
    loaded = load(root)
    spec = tiny_spec(tmp_path / "run", id="a", adapter={"base": "base", "subfolder": "link"})
    with pytest.raises(LoadError, match="leads out of its folder"):
        attach_adapter(loaded, spec, RecordingWatch())
    inner = spec.with_local(adapter=Adapter(base="base", subfolder="inner"))
    assert attach_adapter(loaded, inner, RecordingWatch()).name in loaded.adapters
