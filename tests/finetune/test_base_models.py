"""What a base's name means: an entry, a folder or a hub id; what cannot be a base is refused in one sentence.

Run: python -m pytest tests/finetune/test_base_models.py
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from engines.loading.tokenizing import load_tokenizer
from errors import NaraniError
from finetune.base import Base, base_for, empty_network, learned_end
from model_registry.registry import load_registry
from model_registry.spec import Architecture
from scripts.demo_models.question_set import DEMO_FOLDER
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model

REGISTRY = load_registry()


def end_of(base: Base) -> str:
    assert base.folder is not None
    return learned_end(base, load_tokenizer(base.folder, base.spec))


@pytest.mark.parametrize(
    ("name", "format", "end"),
    [
        ("demo-koalpaca", "koalpaca", "<|endoftext|>"),
        ("demo-kullm", "kullm", "<|endoftext|>"),
        ("demo-chat", "chat", "<|end|>"),
        ("demo-korwkv", "koalpaca", "<|endoftext|>"),
    ],
)
def test_an_entry_brings_its_format_and_its_end_token(name: str, format: str, end: str) -> None:
    base = base_for(name, REGISTRY)
    assert base.registered
    assert (base.spec.id, base.format.id, end_of(base)) == (name, format, end)


def test_the_source_of_an_entry_means_the_entry() -> None:
    assert base_for("EleutherAI/polyglot-ko-5.8b", REGISTRY, "koalpaca").spec.id == "polyglot-ko-5.8b"
    assert base_for(str(DEMO_FOLDER / "demo-chat"), REGISTRY).spec.id == "demo-chat"


def test_another_format_is_learned_where_it_is_named_and_said() -> None:
    base = base_for("demo-koalpaca", REGISTRY, "kullm")
    assert base.format.id == "kullm"
    assert base.notes == (
        "Demo: KoAlpaca format (toy) was taught in the format 'koalpaca' and now learns 'kullm'.",
    )


@pytest.mark.parametrize(
    ("name", "format", "said"),
    [
        ("", None, "No base model is named"),
        ("demo-koalpca", None, "Did you mean demo-koalpaca"),
        (
            "demo-kullm-banmal",
            None,
            "is an adapter and cannot be a base. Tune the model under it, 'demo-kullm'",
        ),
        ("polyglot-ko-5.8b", None, "has no format of its own. Name the one to learn"),
        ("demo-koalpaca", "koalpacka", "no prompt format named 'koalpacka'. Did you mean koalpaca"),
        ("./not/here/at-all", None, "There is no folder './not/here/at-all'"),
        ("some-one/some-model", None, "is not in the registry, so its prompt format is not known"),
    ],
)
def test_what_cannot_be_a_base_is_refused(name: str, format: str | None, said: str) -> None:
    with pytest.raises(NaraniError, match=said):
        base_for(name, REGISTRY, format)


@pytest.mark.parametrize("kind", ["gpt_neox", "llama", "rwkv"])
def test_a_folder_is_described_by_its_files(tmp_path: Path, kind: Any) -> None:
    folder = make_tiny_model(tmp_path / "My Model", kind)
    base = base_for(str(folder), REGISTRY, "koalpaca")
    assert not base.registered
    assert (base.spec.id, base.spec.title) == ("my-model", "My Model")
    assert base.spec.local.architecture is Architecture(kind)
    assert base.spec.local.context_length == 512
    network = empty_network(base)
    assert network is not None
    assert base.spec.local.parameters == sum(value.numel() for value in network.parameters())
    assert base.spec.local.embeddings is not None and base.spec.local.embeddings.hidden_size == 32
    assert end_of(base) == ("</s>" if kind == "llama" else "<|endoftext|>")
    assert "taken from its own files" in base.notes[0]


def change(folder: Path, name: str, **values: Any) -> None:
    held = json.loads((folder / name).read_text(encoding="utf-8"))
    (folder / name).write_text(json.dumps({**held, **values}), encoding="utf-8")


def test_a_folder_with_no_end_token_is_refused(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "endless")
    change(folder, "tokenizer_config.json", eos_token=None)
    with pytest.raises(NaraniError, match="endless has no end token, so it could never learn to stop"):
        base_for(str(folder), REGISTRY, "koalpaca")


def test_a_folder_of_an_adapter_and_an_empty_one_are_refused(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base")
    adapter = make_tiny_adapter(tmp_path / "adapter", base, ["query_key_value"])
    with pytest.raises(NaraniError, match="is an adapter and cannot be a base"):
        base_for(str(adapter), REGISTRY, "koalpaca")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NaraniError, match=r"'empty' holds no model: there is no config.json"):
        base_for(str(tmp_path / "empty"), REGISTRY, "koalpaca")


@pytest.mark.parametrize("weights", [True, False])
def test_code_in_a_folder_is_never_run(tmp_path: Path, weights: bool) -> None:
    folder = make_tiny_model(tmp_path / "coded")
    if not weights:
        (folder / "model.safetensors").unlink()
    canary = tmp_path / "canary"
    (folder / "modeling.py").write_text(f"open({str(canary)!r}, 'w')", encoding="utf-8")
    code = {"AutoConfig": "modeling.X", "AutoModelForCausalLM": "modeling.Y"}
    change(folder, "config.json", auto_map=code, model_type="of-their-own")
    with pytest.raises(NaraniError, match="run its own code"):
        base_for(str(folder), REGISTRY, "koalpaca")
    assert not canary.exists()


def test_of_several_end_tokens_the_one_that_the_template_writes_is_learned(tmp_path: Path) -> None:
    folder = shutil.copytree(DEMO_FOLDER / "demo-chat", tmp_path / "chat")
    template = "{% for message in messages %}{{ message['content'] }}<|endoftext|>{% endfor %}"
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    base = base_for(str(folder), REGISTRY, "chat")
    assert base.spec.local.eos_token_ids == (1, 2)
    assert end_of(base) == "<|endoftext|>"
    assert end_of(base_for("demo-chat", REGISTRY)) == "<|end|>"
