"""A source that is no model is named for what it is, with what to name instead, and without a path.

Run: python -m pytest tests/model_registry/test_own_sources.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from engines.loading import files_of
from errors import LoadError
from model_registry.cli import main
from model_registry.own_sources import wrong_source
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


def laid(*files: str, **contents: bytes) -> Callable[[Path], Path]:
    def lay(place: Path) -> Path:
        for name in files:
            path = place / "것" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(POINTER if "pointer" in contents and name.endswith("tensors") else b"{}")
        return place / "것"

    return lay


def one(name: str) -> Callable[[Path], Path]:
    def lay(place: Path) -> Path:
        (place / name).write_bytes(b"GGUF")
        return place / name

    return lay


def repository(inner: str = "") -> Callable[[Path], Path]:
    def lay(place: Path) -> Path:
        made = place / "models--beomi--KoAlpaca" / "snapshots" / ("a" * 40)
        made.mkdir(parents=True)
        (made / "config.json").write_text("{}")
        return place / "models--beomi--KoAlpaca" / inner

    return lay


def cache(place: Path) -> Path:
    repository()(place / "hub")
    return place / "hub"


WRONG: dict[str, tuple[Callable[[Path], Path], bool, tuple[str, ...]]] = {
    "gguf file": (one("q4.gguf"), False, ("'q4.gguf' is a GGUF", "safetensors model")),
    "gguf folder": (laid("q4.gguf", "README.md"), False, ("'것' is a GGUF",)),
    "gguf with a config": (laid("q4.gguf", "config.json"), False, ("'것' is a GGUF",)),
    "safetensors file": (one("model.safetensors"), False, ("single file of weights", "folder")),
    "bin file": (one("pytorch_model.bin"), False, ("single file of weights",)),
    "zip": (one("model.zip"), False, ("packed file. Unpack it",)),
    "folder of a zip": (laid("model.zip"), False, ("'model.zip'", "Unpack")),
    "another file": (one("notes.txt"), False, ("is a file. Name the folder",)),
    "repository of the cache": (repository(), False, ("hub's cache", "beomi/KoAlpaca")),
    "its snapshots": (repository("snapshots"), False, ("hub's cache", "beomi/KoAlpaca")),
    "cache": (cache, False, ("is the hub's cache", "beomi/KoAlpaca")),
    "cache's parent": (lambda place: cache(place).parent, False, ("is the hub's cache", "beomi/KoAlpaca")),
    "no config": (laid("model.safetensors", "README.md"), False, ("no config.json. Copy config.json",)),
    "adapter as model": (laid("adapter_config.json"), False, ("adapter without its base", "adapter.base")),
    "model as adapter": (laid("config.json"), True, ("whole model and no adapter",)),
    "one level above": (laid("안/config.json", "README.md"), False, ("one level above", "'안'")),
    "several below": (laid("a/config.json", "b/config.json"), False, ("several models", "'a', 'b'")),
    "adapter below": (laid("checkpoint-5/adapter_config.json"), True, ("'checkpoint-5'",)),
    "onnx": (laid("config.json", "model.onnx"), False, ("an ONNX model",)),
    "tensorflow": (laid("config.json", "tf_model.h5"), False, ("a TensorFlow model",)),
    "flax": (laid("config.json", "flax_model.msgpack"), False, ("a Flax model",)),
    "mlx": (laid("weights.npz"), False, ("an MLX model",)),
    "pointer": (
        laid("config.json", "model.safetensors", pointer=b"1"),
        False,
        ("'model.safetensors'", "git lfs pull"),
    ),
    "empty": (laid("notes/x.txt"), False, ("holds no model",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_source_that_is_no_model_is_named_for_what_it_is(tmp_path: Path, case: str) -> None:
    """The same when it is loaded and when its entry is checked."""
    lay, is_adapter, words = WRONG[case]
    source = lay(tmp_path)
    said = wrong_source(source, is_adapter)
    assert said is not None and all(word in said for word in words), said
    assert str(tmp_path) not in said and said.endswith((".", "KoAlpaca"))
    spec = tiny_spec(source, id="own", adapter={"base": "base"} if is_adapter else None)
    with pytest.raises(LoadError) as caught:
        files_of(spec, RecordingWatch())
    assert said in str(caught.value)


def test_a_model_and_an_adapter_are_right_and_what_is_not_there_is_not_judged(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", "llama")
    adapter = make_tiny_adapter(tmp_path / "adapter", base, ["q_proj"])
    assert wrong_source(base, False) is None and wrong_source(adapter, True) is None
    assert wrong_source(tmp_path / "nowhere", False) is None


def test_checking_entries_says_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    own = tmp_path / "own.toml"
    own.write_text(
        '[[model]]\nid = "mine"\ntitle = "내 모델"\nsource = "./q4.gguf"\nfamily = "-"\n'
        'architecture = "llama"\nparameters = 1000\ncontext_length = 512\nprompt_format = "plain"\n'
        'licence = { name = "-", commercial = "unclear" }\n',
        encoding="utf-8",
    )
    assert main(["check", str(own)]) == 1
    out = capsys.readouterr().out
    assert "mine: 'q4.gguf' is a GGUF" in out and "Good entries: 0. Faults: 1." in out
