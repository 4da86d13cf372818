"""What the hub tells of a model that was never fetched: its small files and the header of its weights alone.

Run: python -m pytest tests/hub/test_reading_at_the_hub.py
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engines.loading import files_of
from model_registry.reading.describing import describe
from model_registry.reading.description import Description
from model_registry.reading.headers import read_header
from model_registry.registry import load_registry
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import tiny_spec
from tests.hub.loopback_hub import COMMIT, Faults, LoopbackHub, serving

MODEL = "people/Tiny-Chat"
DEMO = Path(__file__).parents[2] / "model_registry/demo"
REGISTRY = load_registry()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    folder = shutil.copytree(DEMO / "demo-chat", tmp_path / "served")
    (folder / "README.md").write_text("---\nlicense: mit\n---\n" + "말 " * 200_000, encoding="utf-8")
    with serving({MODEL: folder}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        yield hub


def read(source: str = MODEL, revision: str | None = None) -> Description:
    return describe(source, revision, REGISTRY, Path())


def found(description: Description) -> dict[str, object]:
    return {each.key: each.value for each in description.found}


def why(description: Description) -> set[str]:
    return {each.why.code for each in description.unread}


def test_a_model_is_described_without_a_byte_of_its_weights(hub: LoopbackHub, tmp_path: Path) -> None:
    description = read()
    values = found(description)
    assert (values["id"], values["architecture"], values["parameters"]) == ("tiny-chat", "llama", 1_248_384)
    assert (values["prompt_format"], values["license.name"], values["license.commercial"]) == (
        "chat",
        "mit",
        "yes",
    )
    assert description.unread == ()
    weights = hub.models[MODEL] / "model.safetensors"
    header = 8 + int.from_bytes(weights.read_bytes()[:8], "little")
    asked = [range for _, path, range in hub.requests if path.endswith("model.safetensors")]
    assert asked and all(int(range.split("-")[1]) < header for range in asked), (
        "the header and nothing behind it"
    )
    assert hub.bytes_sent < 600_000 and read_header(weights)
    assert not (tmp_path / "cache").exists(), "nothing is kept"


def test_what_the_hub_counted_itself_is_not_counted_again(hub: LoopbackHub) -> None:
    hub.said = {"safetensors": {"parameters": {"BF16": 5_885_059_072, "U8": 9}, "total": 5_885_059_081}}
    values = found(read(revision=COMMIT))
    assert values["parameters"] == 5_885_059_072 and values["embeddings.vocabulary"] == 1800
    assert not any(path.endswith(".safetensors") for _, path, _ in hub.requests)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        (Faults(status=401, error_code="RepoNotFound"), "hub-unknown"),
        (Faults(status=403, error_code="GatedRepo"), "hub-gated"),
        (Faults(status=500), "hub-out-of-order"),
        (Faults(status=429), "hub-wait"),
    ],
)
def test_a_hub_that_gives_nothing_says_why(hub: LoopbackHub, faults: Faults, code: str) -> None:
    hub.faults = faults
    description = read()
    assert why(description) == {code} and description.found == ()


def test_of_a_gated_model_the_listing_still_tells_what_it_may(hub: LoopbackHub) -> None:
    hub.faults = Faults(gated_files=403)
    hub.said = {
        "config": {"model_type": "llama", "tokenizer_config": {"chat_template": "{{ messages }}"}},
        "safetensors": {"parameters": {"BF16": 1_000_000}, "total": 1_000_000},
    }
    description = read()
    values = found(description)
    assert (values["architecture"], values["prompt_format"], values["parameters"]) == (
        "llama",
        "chat",
        1_000_000,
    )
    assert why(description) == {"hub-gated"}
    (gated,) = description.unread
    assert {"config.json", "README.md"} <= set(gated.files), "one reason, said once"


def test_what_is_not_there_is_told_apart(hub: LoopbackHub) -> None:
    assert why(read("people/nobody")) == {"hub-unknown"}
    assert why(read(revision="no-such-branch")) == {"hub-no-revision"}


def test_a_silent_hub_leaves_what_was_fetched_before(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    files_of(tiny_spec(MODEL, revision=None), RecordingWatch())
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    description = read()
    assert why(description) == {"hub-unreachable"}
    assert found(description)["parameters"] == 1_248_384 and found(description)["prompt_format"] == "chat"
    assert why(read("people/never-fetched")) == {"hub-unreachable"}


def test_shards_are_read_by_the_index_and_one_that_is_gone_is_named(hub: LoopbackHub) -> None:
    folder = hub.models[MODEL]
    names = [tensor.name for tensor in read_header(folder / "model.safetensors")]
    first = "model-00001-of-00001.safetensors"
    (folder / "model.safetensors").rename(folder / first)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": dict.fromkeys(names, first)}))
    assert found(read())["parameters"] == 1_248_384
    index.write_text(json.dumps({"weight_map": {**dict.fromkeys(names, first), "x": "../../etc/passwd"}}))
    assert "reading-no-file" in why(read()) and "parameters" not in found(read())
