"""Holds fetching from a hub: cache, resuming, cancelling, and a plain sentence for each way it can fail.

Run: python -m pytest tests/hub
"""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import huggingface_hub.constants
import huggingface_hub.file_download
import pytest
import torch

from engines.loading import estimate, files_of, load_model
from engines.loading.hub import cached_files_of, commit_of
from errors import LoadError, Stopped, Unreachable, Unsafe
from model_registry.memory import bytes_needed
from tests.engines.load_watch import RecordingWatch as Watch
from tests.engines.tiny_models import make_tiny_model, tiny_spec
from tests.hub.loopback_hub import COMMIT, LoopbackHub, serving

MODEL = "people/tiny"
CPU = torch.device("cpu")
CHUNK = 8192


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_tiny_model(tmp_path_factory.mktemp("served") / "tiny", hidden=256)
    (folder / "README.md").write_text("not wanted")
    (folder / "modeling_own.py").write_text("raise SystemExit")
    (folder / "original").mkdir()
    (folder / "original" / "model.safetensors").write_bytes(b"not wanted either")
    return folder


@pytest.fixture
def hub(model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    with serving({MODEL: model_folder}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", CHUNK)
        monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda seconds: None)
        yield hub


SPEC = tiny_spec(MODEL, revision=None)


def blobs(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and path.parent.name == "blobs"]


def test_first_load_downloads_only_what_is_wanted_and_reports_bytes(hub: LoopbackHub) -> None:
    watch = Watch()
    loaded = load_model(SPEC, "none", CPU, watch)
    fetched = watch.fractions("download")
    assert fetched == sorted(fetched) and fetched[-1] == 1.0 and len(fetched) > 20
    asked = {path.rsplit("/", 1)[-1] for _, path, _ in hub.requests}
    assert not asked & {"README.md", "modeling_own.py"}
    assert not any("original" in path for _, path, _ in hub.requests)
    assert loaded.revision == COMMIT


def test_second_load_needs_no_server(
    model_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    with serving({MODEL: model_folder}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        first = load_model(SPEC, "none", CPU, Watch())
        again = Watch()
        load_model(SPEC, "none", CPU, again)
        assert not again.fractions("download")
    watch = Watch()
    second = load_model(SPEC, "none", CPU, watch)
    assert not watch.fractions("download")
    for ours, theirs in zip(first.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_pinned_commit_is_used_from_the_cache_without_asking(hub: LoopbackHub) -> None:
    pinned = tiny_spec(MODEL, revision=COMMIT)
    folder = files_of(pinned, Watch())
    assert commit_of(folder) == COMMIT
    hub.requests.clear()
    assert files_of(pinned, Watch()) == folder
    assert hub.requests == []


def test_cut_connection_resumes_where_it_broke(hub: LoopbackHub, model_folder: Path) -> None:
    hub.faults.cut_after = 100_000
    watch = Watch()
    folder = files_of(SPEC, watch)
    size = (model_folder / "model.safetensors").stat().st_size
    assert (folder / "model.safetensors").read_bytes() == (model_folder / "model.safetensors").read_bytes()
    resumed_at = [int(asked.removeprefix("bytes=").split("-")[0]) for asked in hub.ranges()]
    assert len(resumed_at) == 1 and 100_000 - CHUNK < resumed_at[0] <= 100_000
    others = sum(path.stat().st_size for path in folder.iterdir()) - size
    assert hub.bytes_sent < size + others + 20_000
    fetched = watch.fractions("download")
    assert fetched == sorted(fetched) and fetched[-1] == 1.0


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        ({"status": 404, "error_code": "RepoNotFound"}, ["no model people/tiny", "private"]),
        ({"status": 401, "error_code": "RepoNotFound"}, ["no model people/tiny", "HF_TOKEN"]),
        ({"status": 401, "error_code": "GatedRepo"}, ["gated", "accept its conditions at", "/people/tiny"]),
        ({"gated_files": 401}, ["gated", "accept its conditions at", "/people/tiny", "hf auth login"]),
        ({"gated_files": 403}, ["gated", "accept its conditions at", "/people/tiny"]),
        ({"status": 403}, ["does not let you fetch", "/people/tiny"]),
        ({"status": 429}, ["asks to wait"]),
        ({"status": 500}, ["out of order", "500"]),
    ],
)
def test_refusals_say_what_to_do_and_where(
    hub: LoopbackHub, faults: dict[str, Any], words: list[str]
) -> None:
    for name, value in faults.items():
        setattr(hub.faults, name, value)
    with pytest.raises(Unreachable) as caught:
        files_of(SPEC, Watch())
    for word in words:
        assert word in str(caught.value)
    if "gated" in str(caught.value):
        assert hub.address in str(caught.value)
    assert "Traceback" not in str(caught.value) and "cache" not in str(caught.value)


def test_unknown_revision_is_named(hub: LoopbackHub) -> None:
    with pytest.raises(Unreachable, match="no revision 'v9'"):
        files_of(tiny_spec(MODEL, revision="v9"), Watch())


def test_server_that_is_gone_and_nothing_cached(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="cannot be reached"):
        files_of(SPEC, Watch())


def test_stalled_server_times_out(hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.faults.stall = True
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.1)
    with pytest.raises(Unreachable, match="does not answer in time"):
        files_of(SPEC, Watch())


def test_wrong_hash_is_refused_and_deleted(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.faults.corrupt = "model.safetensors"
    with pytest.raises(Unreachable, match="model.safetensors of tiny arrived damaged"):
        files_of(SPEC, Watch())
    assert not [path for path in blobs(tmp_path / "cache") if path.stat().st_size > 500_000]
    assert cached_files_of(SPEC) is None
    hub.faults.corrupt = ""
    assert (files_of(SPEC, Watch()) / "model.safetensors").exists()


def test_disk_with_too_little_space_is_refused_before_a_byte(
    hub: LoopbackHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("engines.on_disk.shutil.disk_usage", lambda path: Usage)
    with pytest.raises(Unreachable, match="on disk, but only 1.0 KB are free"):
        files_of(SPEC, Watch())
    assert not any("cdn" in path for _, path, _ in hub.requests)


def test_disk_that_fills_up_midway(hub: LoopbackHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = huggingface_hub.file_download.http_get

    class FullFile:
        def __init__(self, file: BinaryIO) -> None:
            self._file, self._room = file, 100_000

        def write(self, data: bytes) -> int:
            self._room -= len(data)
            if self._room < 0:
                raise OSError(errno.ENOSPC, "No space left on device")
            return self._file.write(data)

    def full(url: str, temp_file: BinaryIO, **options: Any) -> None:
        real(url, FullFile(temp_file), **options)  # type: ignore[arg-type]

    monkeypatch.setattr(huggingface_hub.file_download, "http_get", full)
    with pytest.raises(Unreachable, match="disk is full"):
        files_of(SPEC, Watch())
    assert not [path for path in blobs(tmp_path / "cache") if "incomplete" in path.name]
    monkeypatch.setattr(huggingface_hub.file_download, "http_get", real)
    assert (files_of(SPEC, Watch()) / "model.safetensors").exists()


def test_cancelling_midway_stops_every_thread(hub: LoopbackHub, tmp_path: Path) -> None:
    hub.faults.chunk_seconds = 0.002
    watch = Watch(stop_at=12)
    with pytest.raises(Stopped):
        load_model(SPEC, "none", CPU, watch)
    assert watch.fractions("download")[-1] < 1.0
    assert not [path for path in blobs(tmp_path / "cache") if path.stat().st_size > 500_000]
    assert len(watch.reports) == 12
    assert not [thread for thread in watch.threads - {threading.current_thread()} if thread.is_alive()]
    hub.faults.chunk_seconds = 0.0
    assert load_model(SPEC, "none", CPU, Watch()).revision == COMMIT


def test_pickles_are_only_fetched_when_the_entry_allows_them(
    hub: LoopbackHub, model_folder: Path, tmp_path: Path
) -> None:
    from safetensors.torch import load_file

    folder = tmp_path / "old"
    folder.mkdir()
    for path in model_folder.glob("*.json"):
        (folder / path.name).write_bytes(path.read_bytes())
    torch.save(load_file(model_folder / "model.safetensors"), folder / "pytorch_model.bin")
    hub.models["people/old"] = folder
    with pytest.raises(LoadError, match="no weights"):
        load_model(tiny_spec("people/old"), "none", CPU, Watch())
    assert not any("pytorch_model.bin" in path for _, path, _ in hub.requests)
    loaded = load_model(tiny_spec("people/old", loading={"allow_pickle": True}), "none", CPU, Watch())
    assert loaded.model.lm_head.weight.shape[0] == 512


def test_code_named_by_a_hub_model_is_neither_fetched_nor_run(
    hub: LoopbackHub, model_folder: Path, tmp_path: Path
) -> None:
    import json

    folder = tmp_path / "coded"
    folder.mkdir()
    for path in model_folder.glob("*.*"):
        (folder / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "modeling_own.Own", "AutoConfig": "modeling_own.OwnConfig"}
    (folder / "config.json").write_text(json.dumps(config))
    hub.models["people/coded"] = folder
    assert load_model(tiny_spec("people/coded"), "none", CPU, Watch()).revision == COMMIT
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own"}))
    hub.models["people/own"] = folder
    with pytest.raises(Unsafe, match="auto_map"):
        load_model(tiny_spec("people/own"), "none", CPU, Watch())
    assert not any("modeling_own.py" in path for _, path, _ in hub.requests)


def test_estimate_reads_headers_once_cached_and_never_asks_the_hub(hub: LoopbackHub) -> None:
    before = estimate(SPEC, "none", CPU)
    assert before.weight_bytes == bytes_needed(SPEC, "none") and hub.requests == []
    loaded = load_model(SPEC, "none", CPU, Watch())
    hub.requests.clear()
    after = estimate(SPEC, "none", CPU)
    assert hub.requests == [] and after != before
    assert after.weight_bytes == sum(value.nbytes for value in loaded.model.parameters())
