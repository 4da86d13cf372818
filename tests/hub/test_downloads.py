"""Downloads ahead of a question: progress, pause, going on where they stopped, deleting, and who may not.

Run: python -m pytest tests/hub/test_downloads.py
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import huggingface_hub.constants
import pytest
from streamlit.testing.v1 import AppTest

from dashboard.session import models as session
from dashboard.texts import read_texts
from engines.downloads import Downloads
from engines.memory import PoolView, ResidentView
from engines.on_disk import on_disk
from errors import BadRequest
from model_registry.registry import Registry, load_registry
from tests.engines.tiny_models import make_tiny_adapter, make_tiny_model, tiny_spec
from tests.hub.loopback_hub import LoopbackHub, serving

BASE, ADAPTER, TWIN = "people/base", "people/tuned", "twin"
KO = read_texts("ko").downloads


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("served")
    base = make_tiny_model(root / "base", hidden=256)
    return {BASE: base, ADAPTER: make_tiny_adapter(root / "tuned", base, ["query_key_value"])}


@pytest.fixture
def hub(folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackHub]:
    with serving(folders) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 8192)
        yield hub


def registry() -> Registry:
    made = load_registry()
    base = tiny_spec(BASE, id="base", revision=None)
    specs = (
        base,
        tiny_spec(ADAPTER, id="tuned", revision=None, adapter={"base": "base"}),
        base.model_copy(update={"id": TWIN, "title": "Twin"}),
    )
    return replace(made, models={spec.id: spec for spec in specs})


@dataclass
class Held:
    """What is in memory."""

    residents: tuple[ResidentView, ...] = ()
    parked: tuple[ResidentView, ...] = ()

    def view(self) -> PoolView | None:
        return PoolView("cpu", 10, 0, 0, 10, self.residents, 0, (), parked=self.parked)


@pytest.fixture
def downloads(hub: LoopbackHub) -> Iterator[Downloads]:
    made = Downloads(registry(), Held().view)
    yield made
    for live in made.all():
        live.ask_to_stop()


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.005)


def fetched(downloads: Downloads, model: str) -> None:
    downloads.begin(model)
    (live,) = [each for each in downloads.all() if each.model_id == model]
    assert live.wait(20) and live.error is None, live.error


def test_a_download_brings_what_a_load_needs_and_counts_it_once(downloads: Downloads, tmp_path: Path) -> None:
    assert downloads.stored() == ()
    fetched(downloads, "base")
    own, twin = downloads.stored()
    assert {own.model_id, twin.model_id} == {"base", TWIN} and own.whole and own.bytes == twin.bytes
    assert own.shared_with == (twin.model_id,)
    assert on_disk(registry().get("base"))
    sizes = [path.stat().st_size for path in (tmp_path / "cache").rglob("*") if path.parent.name == "blobs"]
    assert own.bytes == pytest.approx(sum(sizes), rel=0.01)


def test_an_adapter_brings_its_base(downloads: Downloads) -> None:
    fetched(downloads, "tuned")
    assert {one.model_id for one in downloads.stored() if one.whole} == {"base", "tuned", TWIN}


def test_a_paused_download_stands_still_and_goes_on_at_its_byte(
    hub: LoopbackHub, downloads: Downloads
) -> None:
    hub.faults.chunk_seconds, hub.faults.cut_after = 0.01, 600_000
    downloads.begin("base")
    (live,) = downloads.all()
    until(lambda: (live.progress or 0) > 0.2)
    downloads.pause("base")
    until(lambda: any(thread.name == "download" for thread in threading.enumerate()))
    stood = live.progress
    hub.faults.chunk_seconds = 0.0
    downloads.begin("base")
    assert downloads.is_paused("base") and live.progress == stood and not live.ended
    downloads.pause("base", False)
    assert live.wait(20) and live.error is None
    assert any(int(asked.removeprefix("bytes=").split("-")[0]) > 0 for asked in hub.ranges())


def test_a_stopped_download_says_so_and_can_be_begun_again(hub: LoopbackHub, downloads: Downloads) -> None:
    hub.faults.chunk_seconds = 0.01
    downloads.begin("base")
    (live,) = downloads.all()
    until(lambda: (live.progress or 0) > 0.1)
    downloads.pause("base")
    live.ask_to_stop()
    assert live.wait(20) and live.error is not None and live.error.category == "stopped"
    part = next(one for one in downloads.stored() if one.model_id == "base")
    assert not part.whole and part.bytes > 0
    hub.faults.chunk_seconds = 0.0
    fetched(downloads, "base")


def test_a_hub_that_refuses_is_told_and_the_next_download_has_its_turn(
    hub: LoopbackHub, downloads: Downloads
) -> None:
    hub.faults.status, hub.faults.error_code = 404, "RepoNotFound"
    downloads.begin("base")
    (live,) = downloads.all()
    assert live.wait(20) and live.error is not None and live.error.category != "stopped"
    hub.faults.status, hub.faults.error_code = 200, ""
    fetched(downloads, "tuned")


def test_deleting_gives_the_bytes_back_and_spares_the_base_of_an_adapter(downloads: Downloads) -> None:
    fetched(downloads, "tuned")
    downloads.remove("tuned")
    assert {one.model_id for one in downloads.stored()} == {"base", TWIN}
    downloads.remove("base")
    assert downloads.stored() == () and not on_disk(registry().get("base"))


@pytest.mark.parametrize("place", ["residents", "parked"])
@pytest.mark.parametrize("resident", ["base", TWIN])
def test_files_of_a_model_in_memory_stay(hub: LoopbackHub, resident: str, place: str) -> None:
    held = Held(**{place: (ResidentView(resident, "none", (), 1, 0, 0, 1.0, 0.1),)})
    downloads = Downloads(registry(), held.view)
    fetched(downloads, "base")
    with pytest.raises(BadRequest, match="nothing was deleted"):
        downloads.remove("base")
    assert on_disk(registry().get("base"))


def test_files_that_cannot_be_deleted_are_told(downloads: Downloads, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise PermissionError(13, "Permission denied")

    fetched(downloads, "base")
    monkeypatch.setattr("engines.downloads.shutil.rmtree", refuse)
    with pytest.raises(BadRequest, match="Permission denied"):
        downloads.remove("base")


def script(downloads: object, registry: object, may_remove: bool) -> None:
    """Run without the names of this file."""
    from dashboard.models.downloads_panel import downloads_panel
    from dashboard.texts import read_texts

    downloads_panel(downloads, registry, may_remove=may_remove, texts=read_texts("ko"))  # type: ignore[arg-type]


def test_the_page_fetches_shows_and_deletes(downloads: Downloads) -> None:
    page = AppTest.from_function(script, default_timeout=20, args=(downloads, registry(), True)).run()
    assert KO["nothing"] in [info.value for info in page.info]
    page.selectbox(key=session.DOWNLOAD).set_value("base").run()
    assert any("남은 디스크" in caption.value for caption in page.caption)
    page.button(key=session.FETCH).click().run()
    until(lambda: all(live.ended for live in downloads.all()))
    page.run()
    assert any(KO["whole"] in each.value for each in page.markdown)
    assert "base" not in page.selectbox(key=session.DOWNLOAD).options
    page.session_state[session.remove_files_key("base")] = True
    page.run()
    page.button(key=f"{session.remove_files_key('base')}_now").click().run()
    assert not page.exception and downloads.stored() == ()


def test_only_who_sits_at_the_machine_may_delete(downloads: Downloads) -> None:
    fetched(downloads, "base")
    page = AppTest.from_function(script, default_timeout=20, args=(downloads, registry(), False)).run()
    page.session_state[session.remove_files_key("base")] = True
    assert not page.exception
    assert not [button for button in page.run().button if str(button.key).endswith("_now")]
