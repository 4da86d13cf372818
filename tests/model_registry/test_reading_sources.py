"""What a folder alone tells of its model, and that whatever cannot be read is named with the reason.

Run: python -m pytest tests/model_registry/test_reading_sources.py
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from errors import BadRequest, wording
from model_registry.cli import main
from model_registry.drafting import draft
from model_registry.entry_values import values_of
from model_registry.reading.describing import describe
from model_registry.reading.description import Description
from model_registry.registry import Registry, load_registry

DEMO = Path(__file__).parents[2] / "model_registry/demo"
REGISTRY = load_registry()
CARD = "---\nlicense: cc-by-nc-4.0\nlanguage: [ko, en]\nbase_model: EleutherAI/polyglot-ko-5.8b\n---\n# 글\n"


def read(folder: Path, registry: Registry = REGISTRY, **how: Any) -> Description:
    return describe(str(folder), None, registry, folder.parent, **how)


def found(description: Description) -> dict[str, Any]:
    return {each.key: each.value for each in description.found}


def why(description: Description) -> dict[str, tuple[str, ...]]:
    return {each.why.code: each.files for each in description.unread}


def copied(folder: Path, name: str = "demo-koalpaca", card: str = CARD) -> Path:
    """A demo model as somebody's own, with a card of its own."""
    shutil.copytree(DEMO / name, folder)
    (folder / "README.md").write_text(card, encoding="utf-8")
    return folder


def test_a_chat_model_needs_nothing_typed_but_its_folder(tmp_path: Path) -> None:
    description = read(copied(tmp_path / "My Model", "demo-chat"))
    values = {**values_of({}), "source": description.source, "family": "own"}
    values |= {key: value for key, (value, _) in description.typed.items()}
    made = draft(values, tmp_path / "own", REGISTRY)
    assert made.faults == () and made.spec is not None
    spec = made.spec
    assert (spec.id, spec.title, spec.prompt_format) == ("my-model", "My Model", "chat")
    weights, license = spec.local, spec.license
    assert (weights.architecture, weights.parameters, weights.context_length) == ("llama", 1_248_384, 512)
    assert weights.embeddings is not None and not weights.embeddings.tied
    assert (license.name, license.commercial, weights.eos_token_ids) == ("cc-by-nc-4.0", "no", (1, 2))
    where = {each.key: each.where for each in description.found}
    assert (where["architecture"], where["parameters"], where["license.name"]) == (
        "config.json",
        "model.safetensors",
        "README.md",
    )
    assert description.facts == {
        "languages": "ko, en",
        "base_models": "EleutherAI/polyglot-ko-5.8b",
        "bytes": (DEMO / "demo-chat/model.safetensors").stat().st_size,
        "dtype": "BF16",
    }
    assert description.unread == ()


@pytest.mark.parametrize(
    ("named", "format", "family"),
    [
        ("beomi/KoAlpaca-Polyglot-12.8B-mine", "koalpaca", "koalpaca"),
        ("nlpai-lab/kullm-polyglot-99b", "kullm", "kullm"),
        ("yanolja/EEVE-Korean-Instruct-10.8B-v1.0", "eeve", "korean-community"),
        ("EleutherAI/polyglot-ko-5.8b", None, "polyglot"),
        ("somebody/beomi-koalpaca", None, None),
    ],
)
def test_a_format_is_proposed_of_what_is_known_and_else_asked_for(
    tmp_path: Path, named: str, format: str | None, family: str | None
) -> None:
    """A model tuned from one that was only pretrained has learned a format that nobody here can know."""
    description = read(copied(tmp_path / "mine", card=f"---\nbase_model: {named}\n---\n"))
    assert (found(description).get("prompt_format"), found(description).get("family")) == (format, family)
    assert ("reading-format-unknown" in why(description)) is (format is None)


def test_an_adapter_takes_over_what_its_listed_base_says(tmp_path: Path) -> None:
    description = read(copied(tmp_path / "lora", "demo-kullm-banmal"))
    values = found(description)
    assert (values["adapter.base"], values["architecture"], values["prompt_format"]) == (
        "demo-kullm",
        "gpt_neox",
        "kullm",
    )
    assert values["parameters"] == 131_072 and "embeddings.vocabulary" not in values
    assert description.facts["method"] == "LORA" and description.facts["rank"] == 16
    config = tmp_path / "lora/adapter_config.json"
    settings = {**json.loads(config.read_text("utf-8")), "base_model_name_or_path": "/somewhere/else/base"}
    config.write_text(json.dumps(settings), "utf-8")
    unknown = read(tmp_path / "lora")
    assert "adapter.base" not in found(unknown) and "reading-base-not-listed" in why(unknown)
    said = [wording(each.why, "ko") for each in unknown.unread]
    assert not any("/somewhere" in sentence for sentence in said)


BROKEN, PARAMS = "broken {", "parameters"


@pytest.mark.parametrize(
    ("name", "text", "code", "lost"),
    [
        ("config.json", None, "reading-no-file", "architecture"),
        ("config.json", BROKEN, "file-not-json", "architecture"),
        ("config.json", "[" * 100_000, "file-not-json", "architecture"),
        ("config.json", "7", "file-no-json-object", "architecture"),
        ("config.json", f'{{"model_type": "{"x" * 2**20}"}}', "reading-file-too-big", "architecture"),
        ("config.json", '{"model_type": "bert9"}', "reading-architecture-other", "context_length"),
        (
            "config.json",
            '{"quantization_config": {"quant_method": "awq"}}',
            "reading-packed-weights",
            "parameters",
        ),
        ("config.json", '{"auto_map": {"AutoModel": "x.Y"}}', "reading-own-code", "architecture"),
        ("generation_config.json", '{"temperature": 1e9}', "reading-value-odd", "generation.temperature"),
        ("generation_config.json", '{"top_k": "<b>"}', "reading-value-odd", "generation.top_k"),
        ("tokenizer_config.json", BROKEN, "file-not-json", ""),
        ("README.md", "---\n: [\n---\n", "reading-card-broken", "license.name"),
        (
            "README.md",
            "---\na: !!python/name:os.x\n---\n",
            "reading-card-broken",
            "license.name",
        ),
        ("README.md", "---\n" + "# x\n" * 100_000, "reading-card-too-long", "license.name"),
        ("model.safetensors", None, "reading-no-weights", "parameters"),
        ("model.safetensors", "\0" * 64, "weights-file-damaged", "parameters"),
        ("model.safetensors", "version https://git-lfs.github.com/spec/v1\n", "source-pointer", "parameters"),
    ],
)
def test_what_cannot_be_read_is_named_and_the_rest_is_filled(
    tmp_path: Path, name: str, text: str | None, code: str, lost: str
) -> None:
    folder = copied(tmp_path / "mine")
    (folder / name).unlink(missing_ok=True)
    if text is not None:
        (folder / name).write_text(text, "utf-8")
    description = read(folder)
    values = found(description)
    assert code in why(description), why(description)
    assert lost not in values and values["id"] == "mine"
    assert {"parameters", "context_length", "license.name"} - {lost} & values.keys()
    for language in ("ko", "en"):
        sentences = [wording(each.why, language) for each in description.unread]
        assert all(sentence and str(tmp_path) not in sentence for sentence in sentences)


def test_pickles_are_named_and_not_opened(tmp_path: Path) -> None:
    folder = copied(tmp_path / "mine")
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    description = read(folder)
    assert "reading-only-pickle" in why(description) and "parameters" not in found(description)
    assert "loading.allow_pickle" not in found(description)


@pytest.mark.parametrize("name", ["config.json", "README.md", "model.safetensors", "chat_template.jinja"])
def test_a_link_out_of_the_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    folder = copied(tmp_path / "mine")
    outside = tmp_path / "outside"
    outside.write_text("{{ secret }}" if name.endswith("jinja") else CARD)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(outside)
    description = read(folder)
    assert "file-points-outside" in why(description)
    assert found(description).get("prompt_format") != "chat"


def test_a_pipe_or_a_loop_in_the_folder_keeps_nobody_waiting(tmp_path: Path) -> None:
    folder = copied(tmp_path / "mine")
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")
    (folder / "README.md").unlink()
    (folder / "README.md").symlink_to("README.md")
    description = read(folder)
    assert "reading-no-file" in why(description) and found(description)["parameters"] == 1_254_144


def test_a_source_that_is_none_and_a_folder_of_another_s_machine_are_refused(tmp_path: Path) -> None:
    for source in ("", "  ", "no slash", "a/b/c", "http://x/y", "x\0/y", "-/-"):
        with pytest.raises(BadRequest):
            describe(source, None, REGISTRY, tmp_path)
    hidden = read(copied(tmp_path / "mine"), may_read_folders=False)
    assert why(hidden) == {"reading-folder-not-yours": ()} and hidden.found == ()
    gone = read(tmp_path / "nowhere")
    assert why(gone) == {"source-nowhere": ()} and gone.found == ()
    assert "source-no-model" in why(read(tmp_path)) or "source-one-above" in why(read(tmp_path))


def test_a_listed_model_gives_its_own_terms_and_a_free_id(tmp_path: Path) -> None:
    description = read(DEMO / "demo-koalpaca")
    values = found(description)
    assert values["id"] == "demo-koalpaca-2" and values["prompt_format"] == "koalpaca"
    assert why(description) == {"reading-listed": ()}


def test_the_terminal_tells_the_same_and_what_was_not_read_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NARANI_LANGUAGE", "ko")
    copied(tmp_path / "mine")
    monkeypatch.chdir(tmp_path)
    assert main(["read", "./mine"]) == 0
    said = capsys.readouterr()
    assert "parameters              1254144  (model.safetensors)" in said.out and "2.5 MB" in said.out
    assert "프롬프트 형식을 알 수 없습니다" in said.err
    assert main(["read", "./mine", "--toml"]) == 0
    table = tomllib.loads(capsys.readouterr().out)["model"][0]
    assert (table["id"], table["license"]["commercial"]) == ("mine", "no")
    assert main(["read", "./mine", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["found"]["architecture"] == {"value": "gpt_neox", "where": "config.json"}
    assert len(shown["unread"]) == 1
    assert main(["read", "./nowhere"]) == 1 and "폴더가 없습니다" in capsys.readouterr().err
    assert main(["read", "no source"]) != 0
