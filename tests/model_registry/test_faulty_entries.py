"""T15: a bad entry is listed by file, entry and key in one message, and the good ones still load.

Run: python -m pytest tests/model_registry/test_faulty_entries.py
"""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from model_registry.registry import load_registry
from tests.model_registry.own_entries import adapter, entry, write_template

COMMIT = "0123456789abcdef0123456789abcdef01234567"
REMOTE = "loading = { trust_remote_code = true }"

BAD_ENTRIES = [
    # what is written, the key that is named, words that must stand in the message
    (entry(extra="promt_format = 'x'"), "promt_format", "did you mean prompt_format"),
    (entry(license='{ name = "a", commercial = "yes", nam = 1 }'), "license.nam", "did you mean name"),
    (entry(extra="loading = { dtyp = 'auto' }"), "loading.dtyp", "did you mean dtype"),
    (entry(extra="adapter = { base = 'kullm3', folder = '' }"), "adapter.folder", "did you mean subfolder"),
    (entry(extra="references = [{ what = 'a', where = 'b', sur = true }]"), "references.0.sur", "sure"),
    (entry(extra="zzz = 1"), "zzz", "known: adapter, architecture"),
    (entry(without="parameters"), "parameters", "is missing"),
    (entry(license='{ name = "mit" }'), "license.commercial", "is missing"),
    (entry(parameters='"many"'), "parameters", "whole number"),
    (entry(parameters="1.5"), "parameters", "whole number"),
    (entry(parameters="true"), "parameters", "whole number"),
    (entry(parameters="0"), "parameters", "greater than 0"),
    (entry(parameters="1" + "0" * 400), "parameters", "less than or equal"),
    (entry(context_length="-1"), "context_length", "greater than 0"),
    (entry(title="7"), "title", "text in quotes"),
    (entry(title='""'), "title", "must not be empty"),
    (entry(title="2024-01-01"), "title", "text in quotes"),
    (entry(extra="eos_token_ids = 2"), "eos_token_ids", "a list"),
    (entry(extra="eos_token_ids = [2, '3']"), "eos_token_ids.1", "whole number"),
    (entry(extra="eos_token_ids = [-1]"), "eos_token_ids.0", "greater than or equal"),
    (entry(extra="stop_strings = ['']"), "stop_strings.0", "must not be empty"),
    (entry(license='"mit"'), "license", "a table"),
    (entry(license='{ name = "mit", commercial = true }'), "license.commercial", "'unclear'"),
    (entry(architecture='"lama"'), "architecture", "not 'lama'"),
    (entry(extra="loading = { dtype = 'fp16' }"), "loading.dtype", "'float16', not 'fp16'"),
    (entry(extra="loading = { quantizations = ['int4'] }"), "loading.quantizations.0", "'nf4'"),
    (entry(extra="loading = { quantizations = ['nf4'] }"), "loading.default_quantization", "not one of"),
    (entry(extra="generation = { temperature = 6 }"), "generation.temperature", "less than or equal"),
    (entry(extra="generation = { top_p = nan }"), "generation.top_p", "nan"),
    (entry(extra="tokenizer = { use_fast = 'yes' }"), "tokenizer.use_fast", "true or false"),
    (entry(extra="task = 'judge'"), "task", "'reward', not 'judge'"),
    (entry(extra="task = 'reward'"), "task", "an adapter over a base"),
    (entry(extra="unsure = ['licens']"), "unsure", "licens"),
    (entry(extra="embeddings = { vocabulary = 100, hidden_size = 100 }"), "embeddings", "larger than"),
    (entry(extra=REMOTE), "loading.trust_remote_code", "40-digit commit"),
    (entry(extra=f"revision = 'main'\n{REMOTE}"), "loading.trust_remote_code", "40-digit commit"),
    (entry(extra=f"revision = '{COMMIT[:39]}'\n{REMOTE}"), "loading.trust_remote_code", "40-digit commit"),
    (entry(extra=f"revision = '{COMMIT.upper()}'\n{REMOTE}"), "loading.trust_remote_code", "40-digit commit"),
    (entry(prompt_format='"kulm"'), "prompt_format", "did you mean kullm"),
    (entry(prompt_format='"./gone.json"'), "prompt_format", "gone.json cannot be read"),
    (entry(prompt_format='"broken.json"'), "prompt_format", "broken.json is broken"),
    (entry(prompt_format='"code.json"'), "prompt_format", "may stand here"),
    (entry(prompt_format='"no\\u0000such.json"'), "prompt_format", "cannot be"),
    (entry(source='"gpt2"'), "source", "owner/name"),
    (entry(source='"owner/name/more"'), "source", "owner/name"),
    (entry(source='"owner/../name"'), "source", "owner/name"),
    (entry(source='"owner/na..me"'), "source", "owner/name"),
    (entry(source='"owner/na--me"'), "source", "owner/name"),
    (entry(source='"-x/name"'), "source", "owner/name"),
    (entry(source='"./a\\u0000b"'), "source", "owner/name"),
    (entry(source='"owner/' + "a" * 300 + '"'), "source", "owner/name"),
    (entry(extra="tokenizer = { source = 'gpt2' }"), "tokenizer.source", "owner/name"),
    (adapter("mine", "kulm3"), "adapter.base", "did you mean kullm3"),
    (adapter("mine", "mine"), "adapter.base", "mine → mine"),
    (entry(extra="adapter = { base = '../kullm3' }"), "adapter.base", "1 to 80"),
    (entry(extra="adapter = { base = 'kullm3', subfolder = '../x' }"), "adapter.subfolder", "inside"),
    (entry(extra="adapter = { base = 'kullm3', subfolder = '/etc' }"), "adapter.subfolder", "inside"),
]


@pytest.mark.parametrize(("text", "key", "words"), BAD_ENTRIES)
def test_bad_entry_is_named_by_file_entry_and_key(tmp_path: Path, text: str, key: str, words: str) -> None:
    (tmp_path / "broken.json").write_text("{", encoding="utf-8")
    write_template(tmp_path / "code.json", prompt_no_input="{instruction.__class__}")
    (tmp_path / "my.toml").write_text(text + entry(id='"good"'), encoding="utf-8")

    registry = load_registry(tmp_path)

    assert [(fault.file, fault.entry, fault.key) for fault in registry.faults] == [("my.toml", "mine", key)]
    message = registry.faults[0].message
    assert message.startswith(f"my.toml, entry 'mine', key '{key}': ")
    assert words in message and "\n" not in message and str(tmp_path) not in message
    assert "good" in registry.models and "mine" not in registry.models


BAD_IDS = [
    "../x", "/etc/passwd", "..%2f", "a\\\\b", "a\\u0000b", "CON", "x" * 300, "Mine", "내 모델",
    "가" * 81, "名", "🎉", ".hidden", "-dash", "a b", "a\\nb", "",
]  # fmt: skip


@pytest.mark.parametrize("name", BAD_IDS)
def test_id_that_could_leave_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    """T22: ids become names of folders and files, so only plain ones exist."""
    (tmp_path / "my.toml").write_text(entry(id=f'"{name}"') + entry(id='"good"'), encoding="utf-8")

    registry = load_registry(tmp_path)

    assert [fault.key for fault in registry.faults] == ["id"]
    assert registry.faults[0].message.isprintable()
    assert registry.origin("good") == "my.toml"


def test_one_entry_with_three_faults_names_all_three(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(entry(without="title", parameters="0", extra="x = 1"), encoding="utf-8")

    assert {fault.key for fault in load_registry(tmp_path).faults} == {"title", "parameters", "x"}


def test_entry_without_id_is_named_by_its_position_and_line(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(entry() + "\n" + entry(without="id"), encoding="utf-8")

    (fault,) = load_registry(tmp_path).faults

    assert (fault.entry, fault.key) == ("entry 2 (line 13)", "id")
    assert fault.message == "my.toml, entry 2 (line 13), key 'id': is missing."


DUPLICATES = [
    ({"a.toml": entry() + entry(title='"again"')}, "a.toml", "already taken earlier in this file"),
    ({"a.toml": entry(), "b.toml": entry(title='"again"')}, "b.toml", "already taken by a.toml"),
    ({"a.toml": entry(), "z.toml": entry(id='"kullm3"')}, "z.toml", "already taken by korean_community.toml"),
]


@pytest.mark.parametrize(("files", "file", "words"), DUPLICATES)
def test_second_entry_of_an_id_is_left_out(
    tmp_path: Path, files: dict[str, str], file: str, words: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")

    registry = load_registry(tmp_path)

    (fault,) = registry.faults
    assert (fault.file, fault.key) == (file, "id") and words in fault.message
    assert registry.get("mine").title == "내 모델"
    assert registry.get("kullm3").local.source == "nlpai-lab/KULLM3"


def test_an_id_is_the_same_however_its_hangul_is_typed(tmp_path: Path) -> None:
    for name, typed in (("a", "반말.v2"), ("b", unicodedata.normalize("NFD", "반말.v2"))):
        text = entry(id=f'"{typed}"')
        (tmp_path / f"{name}.toml").write_text(text, encoding="utf-8")
        text = adapter(f"{name}-over", typed)
        (tmp_path / f"{name}-over.toml").write_text(text, encoding="utf-8")

    registry = load_registry(tmp_path)

    assert [(fault.file, fault.kind) for fault in registry.faults] == [("b.toml", "taken")]
    assert registry.get(unicodedata.normalize("NFD", "반말.v2")).id == "반말.v2"
    assert registry.base_of(registry.get("b-over")).id == "반말.v2"


def test_adapters_in_a_circle_are_all_left_out(tmp_path: Path) -> None:
    text = adapter("one", "two") + adapter("two", "three") + adapter("three", "one") + adapter("far", "one")
    (tmp_path / "my.toml").write_text(text + adapter("fine", "kullm3"), encoding="utf-8")

    registry = load_registry(tmp_path)

    assert {fault.entry for fault in registry.faults} == {"one", "two", "three", "far"}
    assert registry.faults[0].message.endswith("leads back to itself: one → two → three → one.")
    assert registry.get("fine").adapter is not None


def test_adapter_over_a_faulty_base_is_left_out_too(tmp_path: Path) -> None:
    text = entry(id='"base"', parameters="0") + adapter("over", "base")
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")

    assert {(f.entry, f.key) for f in load_registry(tmp_path).faults} == {
        ("base", "parameters"),
        ("over", "adapter.base"),
    }
