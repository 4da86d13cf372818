"""Holds loading by recipe: families, types, quantizations, tokenizers, eos ids, progress, silence.

Run: python -m pytest tests/engines/loading
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from engines.loading import LoadedModel, load_model
from engines.steps.int8_linear import Int8Linear, quantized
from errors import BadRequest, LoadError
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import Kind, make_tiny_model, make_tokenizer, tiny_spec
from tests.every_family import tiny_network

CPU = torch.device("cpu")
KINDS: list[Kind] = ["gpt_neox", "llama", "qwen3", "exaone4", "rwkv"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        make_tiny_model(root / kind, kind, hidden=64)
    return root


@pytest.fixture
def folder(models: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(models / "gpt_neox", tmp_path / "model"))


def load(folder: Path, kind: Kind = "gpt_neox", quantization: str = "none", **entry: Any) -> LoadedModel:
    return load_model(tiny_spec(folder, kind, **entry), quantization, CPU, RecordingWatch())


def logits(loaded: LoadedModel) -> torch.Tensor:
    ids = loaded.tokenizer("서울은 대한민국의 수도이며, 한강이", return_tensors="pt").input_ids
    with torch.no_grad():
        return loaded.model(ids).logits.float()


@pytest.mark.parametrize("kind", KINDS)
def test_weights_are_those_of_the_file(models: Path, kind: Kind) -> None:
    loaded = load(models / kind, kind)
    stored = load_file(models / kind / "model.safetensors")
    ours = {name.replace("lm_head", "embed_out") if kind == "gpt_neox" else name: value
            for name, value in loaded.model.state_dict().items()}  # fmt: skip
    assert set(stored) == set(ours)
    assert all(torch.equal(stored[name], ours[name]) for name in stored)
    assert not loaded.model.training and not any(value.requires_grad for value in loaded.model.parameters())
    assert (
        loaded.tokenizer.decode(loaded.tokenizer("안녕 😀").input_ids, skip_special_tokens=True) == "안녕 😀"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_linear_but_the_head_is_read_as_int8_and_everything_else_as_it_is(
    models: Path, kind: Kind
) -> None:
    plain, ours, again = (load(models / kind, kind, form).model for form in ("none", "int8", "int8"))
    assert ours.dtype == plain.dtype and not any(value.requires_grad for value in ours.parameters())
    assert all(torch.equal(ours.state_dict()[name], value) for name, value in again.state_dict().items())
    head = plain.get_output_embeddings()
    for path, module in plain.named_modules():
        own = ours.get_submodule(path)
        if type(module) is torch.nn.Linear and module is not head:
            assert isinstance(own, Int8Linear)
            rows, scale = quantized(module.weight)
            assert torch.equal(own.weight, rows) and torch.equal(own.scale, scale)
            assert module.bias is None or torch.equal(own.bias, module.bias)
        else:
            assert type(own) is type(module)
            for name, value in module.named_parameters(recurse=False):
                assert torch.equal(getattr(own, name), value)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("quantization", "likeness"), [("int8", 0.99), ("nf4", 0.85)])
def test_layers_that_are_stored_turned_round_are_quantized_as_they_multiply(
    tmp_path: Path, quantization: str, likeness: float
) -> None:
    """GPT-2's linear layers are transformers' Conv1D."""
    tokenizer = make_tokenizer()
    shape = {"n_embd": 64, "n_layer": 2, "n_head": 4}
    tiny_network("gpt2", vocab_size=len(tokenizer), **shape).save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    entry = {"architecture": "other", "loading": {"dtype": "float32"}}
    plain, ours = (load(tmp_path, "gpt_neox", form, **entry) for form in ("none", quantization))
    alike = torch.nn.functional.cosine_similarity(logits(plain), logits(ours), dim=-1)
    assert likeness < float(alike.min()) < 1.0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("quantization", "likeness", "of_bytes"), [("int8", 0.99, 0.8), ("nf4", 0.85, 0.7)])
def test_quantized_on_the_processor_answers_nearly_alike(
    models: Path, kind: Kind, quantization: str, likeness: float, of_bytes: float
) -> None:
    plain, quantized = load(models / kind, kind), load(models / kind, kind, quantization)
    alike = torch.nn.functional.cosine_similarity(logits(plain), logits(quantized), dim=-1).mean()
    assert likeness < float(alike) < 1.0
    sizes = [sum(value.nbytes for value in loaded.model.parameters()) for loaded in (plain, quantized)]
    assert sizes[1] < of_bytes * sizes[0]
    assert torch.equal(logits(quantized), logits(quantized))


def test_quantization_the_entry_does_not_offer(models: Path) -> None:
    with pytest.raises(BadRequest, match="Choose one of: none"):
        load(models / "rwkv", "rwkv", "nf4", loading={"quantizations": ["none"]})


def test_quantization_the_device_cannot_run_is_said(tmp_path: Path) -> None:
    narrow = make_tiny_model(tmp_path / "narrow", hidden=24)
    try:
        load(narrow, quantization="nf4")
    except LoadError as error:
        assert "cannot run as nf4 on this device" in str(error)


@pytest.mark.parametrize(
    ("stored", "recipe", "expected", "said"),
    [
        (torch.bfloat16, "auto", torch.bfloat16, ""),
        (torch.float32, "auto", torch.float32, ""),
        (torch.float32, "bfloat16", torch.bfloat16, ""),
        (torch.float16, "auto", torch.bfloat16, "instead of float16"),
        (torch.bfloat16, "float16", torch.bfloat16, "instead of float16"),
    ],
)
def test_type_by_recipe(
    tmp_path: Path, stored: torch.dtype, recipe: str, expected: torch.dtype, said: str
) -> None:
    loaded = load(make_tiny_model(tmp_path, dtype=stored), loading={"dtype": recipe})
    assert {value.dtype for value in loaded.model.parameters()} == {expected}
    assert any(said in note for note in loaded.notes) if said else loaded.notes == ()


def test_tied_head_is_not_missing(tmp_path: Path) -> None:
    loaded = load(make_tiny_model(tmp_path, "llama", tie_word_embeddings=True), "llama")
    assert loaded.model.lm_head.weight is loaded.model.model.embed_tokens.weight


def test_buffers_of_old_checkpoints_are_left_aside(folder: Path) -> None:
    wanted = logits(load(folder))
    tensors = load_file(folder / "model.safetensors")
    for layer in range(2):
        prefix = f"gpt_neox.layers.{layer}.attention"
        tensors[f"{prefix}.bias"] = torch.ones(1, 1, 512, 512, dtype=torch.bool)
        tensors[f"{prefix}.masked_bias"] = torch.tensor(-1e9, dtype=torch.bfloat16)
        tensors[f"{prefix}.rotary_emb.inv_freq"] = torch.ones(4)
    save_file(tensors, folder / "model.safetensors")
    assert torch.equal(logits(load(folder)), wanted)


def test_rwkv_keeps_its_weights_and_asks_for_no_kernel(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from transformers.models.rwkv import modeling_rwkv

    asked: list[int] = []
    monkeypatch.setattr(modeling_rwkv, "is_ninja_available", lambda: True)
    monkeypatch.setattr(modeling_rwkv, "is_torch_cuda_available", lambda: True)
    monkeypatch.setattr(modeling_rwkv, "load_wkv_cuda_kernel", asked.append)
    loaded = load(models / "rwkv", "rwkv")
    before = loaded.model.rwkv.blocks[1].attention.output.weight.clone()
    ours = logits(loaded)
    assert asked == []
    assert torch.equal(loaded.model.rwkv.blocks[1].attention.output.weight, before)
    plain = modeling_rwkv.RwkvForCausalLM.from_pretrained(models / "rwkv", dtype=torch.float32).eval()
    ids = loaded.tokenizer("서울은 대한민국의 수도이며, 한강이", return_tensors="pt").input_ids
    with torch.no_grad():
        theirs = plain(ids).logits
    assert torch.nn.functional.cosine_similarity(ours, theirs, dim=-1).min() > 0.99


def test_no_answer_settings_are_taken_from_the_model(folder: Path) -> None:
    (folder / "generation_config.json").write_text(
        json.dumps({"temperature": 0.1, "do_sample": True, "num_beams": 5})
    )
    assert load(folder).model.generation_config.num_beams in (None, 1)


class TestTokenizer:
    def test_missing(self, folder: Path) -> None:
        (folder / "tokenizer.json").unlink()
        with pytest.raises(LoadError, match="no tokenizer.json"):
            load(folder)

    def test_broken(self, folder: Path) -> None:
        (folder / "tokenizer.json").write_text('{"version": "1.0"}')
        with pytest.raises(LoadError, match="tokenizer of tiny cannot be read"):
            load(folder)

    def test_from_elsewhere(self, folder: Path, models: Path) -> None:
        (folder / "tokenizer.json").unlink()
        assert len(load(folder, tokenizer={"source": str(models / "gpt_neox")}).tokenizer) == 512

    def test_larger_than_the_model(self, tmp_path: Path, models: Path) -> None:
        small = make_tiny_model(tmp_path / "small", vocab_size=300)
        with pytest.raises(LoadError, match="has 512 tokens, but the model knows only 300"):
            load(small)

    def test_token_type_ids_only_by_recipe(self, folder: Path) -> None:
        path = folder / "tokenizer_config.json"
        names = ["input_ids", "token_type_ids", "attention_mask"]
        path.write_text(json.dumps({**json.loads(path.read_text()), "model_input_names": names}))
        assert "token_type_ids" not in load(folder).tokenizer("가")
        assert "token_type_ids" in load(folder, tokenizer={"return_token_type_ids": True}).tokenizer("가")

    def test_user_text_is_not_changed_by_the_named_class(self, folder: Path, models: Path) -> None:
        config = json.loads((folder / "tokenizer_config.json").read_text())
        (folder / "tokenizer_config.json").write_text(
            json.dumps({**config, "tokenizer_class": "LlamaTokenizer"})
        )
        text = "  두 칸  띄고 ▁ 밑줄"
        assert load(folder).tokenizer(text).input_ids == load(models / "gpt_neox").tokenizer(text).input_ids


class TestEosIds:
    def test_the_entry_decides(self, models: Path) -> None:
        loaded = load(models / "gpt_neox", eos_token_ids=[2, 3])
        assert loaded.eos_token_ids == {2, 3} and loaded.notes == ()

    def test_else_the_files_and_it_is_said(self, folder: Path) -> None:
        (folder / "generation_config.json").write_text('{"eos_token_id": [0, 3, 99999]}')
        loaded = load(folder, eos_token_ids=[])
        assert loaded.eos_token_ids == {0, 2, 3}
        assert "no eos ids; 0, 2, 3 taken from" in loaded.notes[0]

    def test_tokenizer_without_eos_and_silent_entry(self, folder: Path) -> None:
        (folder / "tokenizer_config.json").write_text("{}")
        (folder / "special_tokens_map.json").unlink(missing_ok=True)
        with pytest.raises(LoadError, match="no eos token, so its answers would never end"):
            load(folder, eos_token_ids=[])
        assert load(folder, eos_token_ids=[2]).eos_token_ids == {2}

    def test_id_beyond_the_vocabulary(self, models: Path) -> None:
        with pytest.raises(LoadError, match="eos id 70000"):
            load(models / "gpt_neox", eos_token_ids=[70000])


@pytest.mark.parametrize("quantization", ["none", "int8"])
def test_progress_grows_to_one(models: Path, quantization: str) -> None:
    watch = RecordingWatch()
    load_model(tiny_spec(models / "llama", "llama"), quantization, CPU, watch)
    told = watch.fractions("weights")
    assert told == sorted(told) and told[-1] == 1.0 and len(told) > 20 and told[0] < 0.5


def test_transformers_too_old_is_said(models: Path) -> None:
    with pytest.raises(LoadError, match=r"needs transformers 99\.0 or newer"):
        load(models / "gpt_neox", loading={"lowest_transformers": "99.0"})


def test_an_adapter_is_no_base(models: Path) -> None:
    with pytest.raises(BadRequest, match="is an adapter; load its base 'other'"):
        load(models / "gpt_neox", adapter={"base": "other"})


def test_nothing_is_printed_and_no_slow_library_is_imported(models: Path) -> None:
    """In a fresh process, as a command line would: the usual path needs neither peft nor bitsandbytes."""
    script = (
        "import sys, torch\n"
        "from engines.loading import load_model\n"
        "from tests.engines.tiny_models import tiny_spec\n"
        "from tests.engines.load_watch import RecordingWatch\n"
        f"spec = tiny_spec({str(models / 'llama')!r}, 'llama')\n"
        "load_model(spec, 'none', torch.device('cpu'), RecordingWatch())\n"
        "assert not {'peft', 'bitsandbytes'} & set(sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, cwd=Path(__file__).parents[3]
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
