"""A source that is no model is named for what it is, with what to name instead, and without a path.

Run: python -m pytest tests/model_registry/test_own_sources.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from engines.loading import files_of, load_model
from errors import LoadError
from model_registry.cli import main
from model_registry.own_sources import doubts_of, wrong_source
from tests.engines.load_watch import RecordingWatch
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n"


MLX = b'{"quantization": {"group_size": 64, "bits": 4}, "quantization_config": {"bits": 4}}'


def laid(*files: str, config: bytes = b"{}", weights: bytes = b"{}") -> Callable[[Path], Path]:
    def lay(place: Path) -> Path:
        for name in files:
            path = place / "것" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(weights if name.endswith("tensors") else config)
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
    "gguf file": (one("q4.gguf"), False, ("'q4.gguf' is in the format GGUF", "safetensors model")),
    "gguf folder": (laid("q4.gguf", "README.md"), False, ("'것' is in the format GGUF",)),
    "gguf with a config": (laid("q4.gguf", "config.json"), False, ("'것' is in the format GGUF",)),
    "safetensors file": (one("model.safetensors"), False, ("single file of weights", "folder")),
    "bin file": (one("pytorch_model.bin"), False, ("single file of weights",)),
    "zip": (one("model.zip"), False, ("packed file. Unpack it",)),
    "folder of a zip": (laid("model.zip"), False, ("'model.zip'", "Unpack")),
    "another file": (one("notes.txt"), False, ("is a file. Name the folder",)),
    "repository of the cache": (repository(), False, ("hub's cache", "beomi/KoAlpaca")),
    "its snapshots": (repository("snapshots"), False, ("hub's cache", "beomi/KoAlpaca")),
    "cache": (cache, False, ("is the hub's cache", "beomi/KoAlpaca")),
    "cache's parent": (lambda place: cache(place).parent, False, ("is the hub's cache", "beomi/KoAlpaca")),
    "no config": (laid("model.safetensors", "README.md"), False, ("no config.json. Copy that file",)),
    "adapter as model": (laid("adapter_config.json"), False, ("adapter without its base", "adapter.base")),
    "model as adapter": (laid("config.json"), True, ("whole model and no adapter",)),
    "one level above": (laid("안/config.json", "README.md"), False, ("one level above", "'안'")),
    "several below": (laid("a/config.json", "b/config.json"), False, ("several models", "'a', 'b'")),
    "adapter below": (laid("checkpoint-5/adapter_config.json"), True, ("'checkpoint-5'",)),
    "onnx": (laid("config.json", "model.onnx"), False, ("the format ONNX",)),
    "tensorflow": (laid("config.json", "tf_model.h5"), False, ("the format TensorFlow",)),
    "flax": (laid("config.json", "flax_model.msgpack"), False, ("the format Flax",)),
    "mlx": (laid("weights.npz"), False, ("the format MLX",)),
    "pointer": (
        laid("config.json", "model.safetensors", weights=POINTER),
        False,
        ("'model.safetensors'", "git lfs pull"),
    ),
    "mlx that looks right": (laid("config.json", "model.safetensors", config=MLX), False, ("format MLX",)),
    "nowhere": (lambda place: place / "없음", False, ("no '없음'", "Correct its source")),
    "a name that cannot be shown": (laid("a\nb\udcff/config.json"), False, ("the folder 'a�b�' in it",)),
    "empty": (laid("notes/x.txt"), False, ("holds no model",)),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_source_that_is_no_model_is_named_for_what_it_is(tmp_path: Path, case: str) -> None:
    """The same when it is loaded and when its entry is checked."""
    lay, is_adapter, words = WRONG[case]
    source = lay(tmp_path)
    said = str(wrong_source(source, is_adapter))
    assert all(word in said for word in words), said
    assert str(tmp_path) not in said and said.endswith((".", "KoAlpaca")) and said.isprintable()
    spec = tiny_spec(source, id="own", adapter={"base": "base"} if is_adapter else None)
    with pytest.raises(LoadError) as caught:
        files_of(spec, RecordingWatch())
    assert said in str(caught.value)


def test_a_model_and_an_adapter_are_right(tmp_path: Path) -> None:
    base = make_tiny_model(tmp_path / "base", "llama")
    adapter = make_tiny_adapter(tmp_path / "adapter", base, ["q_proj"])
    assert wrong_source(base, False) is None and wrong_source(adapter, True) is None


@pytest.mark.parametrize(
    "config",
    [
        b'{"quantization_config": {"quant_method": "gptq", "bits": 4, "group_size": 128}}',
        b'{"quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128, "version": "gemm"}}',
        b'{"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true}}',
        b'{"quantization": {"group_size": 64, "bits": 4}, "quantization_config": {"quant_method": "awq"}}',
        *(b'{"quantization": "awq"}', b'{"quantization": null}', b"[]", b"{", b"\xff", b"[" * 100_000),
    ],
)
def test_what_transformers_packed_and_what_cannot_be_read_is_not_taken_for_mlx(
    tmp_path: Path, config: bytes
) -> None:
    assert wrong_source(laid("config.json", "model.safetensors", config=config)(tmp_path), False) is None


def test_of_an_entry_only_what_is_a_path_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub id is none, even where a folder of that name lies beside."""
    (tmp_path / "owner" / "name").mkdir(parents=True)
    (tmp_path / "tokenizer.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME")
    for source in ("owner/name", "", "gpt2", "./a\0b", 7, None):
        assert doubts_of({"source": source, "tokenizer": {"source": source}}, tmp_path) == {}
    for source in ("./gone", "../gone", str(tmp_path / "gone")):
        assert "no 'gone'" in str(doubts_of({"source": source}, tmp_path)["source"])
        assert "no 'gone'" in str(doubts_of({"tokenizer": {"source": source}}, tmp_path)["tokenizer.source"])
    assert "is a file" in str(
        doubts_of({"tokenizer": {"source": "./tokenizer.json"}}, tmp_path)["tokenizer.source"]
    )
    over = {"source": "./owner", "adapter": {"base": "b", "subfolder": "name"}}
    assert "'name' holds no model: there is no adapter_config" in str(doubts_of(over, tmp_path)["source"])


def test_a_tokenizer_s_folder_needs_no_config(tmp_path: Path) -> None:
    folder = make_tiny_model(tmp_path / "model", "llama")
    tokenizer = tmp_path / "tokenizer"
    tokenizer.mkdir()
    for file in folder.glob("tokenizer*"):
        file.rename(tokenizer / file.name)
    watch = RecordingWatch()
    own = {"source": str(tokenizer)}
    loaded = load_model(tiny_spec(folder, tokenizer=own), "none", torch.device("cpu"), watch)
    assert len(loaded.tokenizer) and doubts_of({"source": str(folder), "tokenizer": own}, tmp_path) == {}
    with pytest.raises(LoadError, match="no 'gone'"):
        gone = {"source": str(tmp_path / "gone")}
        load_model(tiny_spec(folder, tokenizer=gone), "none", torch.device("cpu"), watch)


def test_checking_entries_says_it_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NARANI_HOME", str(tmp_path / "home"))
    (tmp_path / "q4.gguf").write_bytes(b"GGUF")
    own = tmp_path / "own.toml"
    own.write_text(
        '[[model]]\nid = "mine"\ntitle = "내 모델"\nsource = "./q4.gguf"\nfamily = "-"\n'
        'architecture = "llama"\nparameters = 1000\ncontext_length = 512\nprompt_format = "plain"\n'
        'license = { name = "-", commercial = "unclear" }\n',
        encoding="utf-8",
    )
    assert main(["check", str(own)]) == 1
    out = capsys.readouterr().out
    assert "mine: 'q4.gguf' is in the format GGUF" in out and "Good entries: 0. Faults: 1." in out
