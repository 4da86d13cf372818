"""check compares a template format with the chat template of a tokenizer that is on disk.

Run: python -m pytest tests/model_registry/test_template_check.py
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from model_registry.registry import load_registry
from model_registry.template_check import template_differences
from tests.model_registry.own_entries import entry

SAME = (
    "{% set kept = namespace(system='') %}{% for m in messages %}"
    "{% if m.role == 'system' %}{% set kept.system = m.content + '\n\n' %}"
    "{% elif m.role == 'user' %}### 질문: {{ kept.system + m.content }}\n\n### 답변:"
    "{% set kept.system = '' %}"
    "{% else %} {{ m.content }}\n\n{% endif %}{% endfor %}"
)
"""What the koalpaca format writes, as a chat template."""


def write_tokenizer(folder: Path, template: str | None) -> Path:
    """A tokenizer of single bytes, as save_pretrained leaves it."""
    folder.mkdir(parents=True)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: number for number, letter in enumerate(alphabet)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    if template is not None:
        config["chat_template"] = template
    (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def differences(tmp_path: Path, source: str, format: str = "koalpaca") -> list[str]:
    text = entry(source=f'"{source}"', prompt_format=f'"{format}"')
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")
    registry = load_registry(tmp_path)
    return list(template_differences(registry, [registry.get("mine")]))


def test_template_that_writes_the_same_is_silent(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "weights", SAME)

    assert differences(tmp_path, "./weights") == []


def test_template_that_writes_otherwise_is_said(tmp_path: Path) -> None:
    write_tokenizer(tmp_path / "weights", SAME.replace("질문: ", "질문:\n"))

    said = differences(tmp_path, "./weights")

    assert said and all(sentence.startswith("mine, format 'koalpaca'") for sentence in said)
    assert any("one question" in sentence for sentence in said)


@pytest.mark.parametrize("template", [None, SAME])
def test_nothing_to_compare_is_silent(tmp_path: Path, template: str | None) -> None:
    write_tokenizer(tmp_path / "weights", template)

    assert differences(tmp_path, "./weights", format="chat") == []
    if template is None:
        assert differences(tmp_path, "./weights") == []


def test_tokenizer_without_a_template_is_not_even_read(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path / "weights", None)
    (folder / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")

    assert differences(tmp_path, "./weights") == []


def test_tokenizer_in_the_hubs_cache_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    kept = tmp_path / "hub" / "models--somebody--some-model"
    write_tokenizer(kept / "snapshots" / ("a" * 40), SAME.replace("질문", "물음"))
    (kept / "refs").mkdir()
    (kept / "refs" / "main").write_text("a" * 40, encoding="utf-8")

    assert differences(tmp_path, "somebody/some-model")
    assert differences(tmp_path, "somebody/another-model") == []


def test_broken_tokenizer_is_said_and_not_raised(tmp_path: Path) -> None:
    folder = write_tokenizer(tmp_path / "weights", SAME)
    (folder / "tokenizer.json").write_text('{"model": 1}', encoding="utf-8")

    (said,) = differences(tmp_path, "./weights")

    assert said.startswith("mine: its tokenizer cannot be read") and "\n" not in said
