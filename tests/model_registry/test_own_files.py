"""Own entries on disk: saved whole or not at all, under the folder, never over another; read again at once.

Run: python -m pytest tests/model_registry/test_own_files.py
"""

from __future__ import annotations

import threading
import unicodedata
from pathlib import Path

import pytest

from errors import BadRequest
from model_registry.drafting import Removed, bring_back, remove_entry, write_entry
from model_registry.live import LiveRegistry
from model_registry.own_files import file_name, free_path, save_text
from model_registry.registry import load_registry
from tests.model_registry.drafts import changed, drafted, put
from tests.model_registry.own_entries import AROUND, entry


def test_a_file_changed_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    file = put(tmp_path, "a.toml", entry())
    made = changed(tmp_path, file, title="mine")
    put(tmp_path, "a.toml", entry(title='"theirs"'))

    with pytest.raises(BadRequest, match="meanwhile"):
        write_entry(made)
    with pytest.raises(BadRequest, match="meanwhile"):
        remove_entry(file, file.entries[0])
    assert load_registry(tmp_path).get("mine").title == "theirs"


def test_a_new_entry_never_takes_a_file_that_is_there(tmp_path: Path) -> None:
    put(tmp_path, "mine.toml", entry(id='"other"'))
    made = drafted(tmp_path)
    assert made.path.name == "mine-2.toml"
    put(tmp_path, "mine-2.toml", entry(id='"third"'))

    with pytest.raises(BadRequest, match="meanwhile"):
        write_entry(made)
    write_entry(drafted(tmp_path))
    assert {"other", "third", "mine"} <= load_registry(tmp_path).models.keys()


@pytest.mark.parametrize("number", [0, 1])
def test_a_removed_entry_comes_back_to_the_byte(tmp_path: Path, number: int) -> None:
    file = put(tmp_path, "two.toml", AROUND + entry(id='"second"'))
    removed = remove_entry(file, file.entries[number])
    left = load_registry(tmp_path)
    assert (("first" in left.models), ("second" in left.models)) == (number == 1, number == 0)

    bring_back(removed)

    assert (tmp_path / "two.toml").read_bytes() == file.text.encode()  # type: ignore[union-attr]


def test_the_last_entry_takes_its_file_along_and_comes_back(tmp_path: Path) -> None:
    file = put(tmp_path, "a.toml", entry())
    removed = remove_entry(file, file.entries[0])
    assert list(tmp_path.iterdir()) == []
    bring_back(removed)
    assert load_registry(tmp_path).get("mine").title == "내 모델"
    with pytest.raises(BadRequest):
        bring_back(Removed(removed.path, "x", None))


NAMES = [
    "../up", "/etc/passwd", "a/b", "a\\b", "..", ".", "", ".hidden", "nul", "con.x", "com1", "a\0b", "a\nb",
    "CON", "한글", unicodedata.normalize("NFD", "한글"), "x" * 300, "가" * 200, "\udcff",
    "Mine", "mine", "mine ", "-dash",
]  # fmt: skip


def test_every_name_stays_under_the_folder_and_no_two_meet(tmp_path: Path) -> None:
    """T22."""
    names = [file_name(name) for name in NAMES]

    assert len({unicodedata.normalize("NFC", name).lower() for name in names}) == len(NAMES)
    for name in names:
        assert len(name.encode()) <= 130 and "/" not in name and not name.startswith(".")
        assert name.split(".")[0] not in ("nul", "con", "com1")
        save_text(free_path(tmp_path, name), "x", None)
    assert len(list(tmp_path.iterdir())) == len(NAMES)
    assert list(tmp_path.parent.glob("up*")) == []


def test_a_save_that_fails_leaves_what_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(tmp_path, "a.toml", entry())

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(BadRequest, match="No space left"):
        write_entry(changed(tmp_path, file, title="new"))
    with pytest.raises(BadRequest, match="No space left"):
        write_entry(drafted(tmp_path, id="brand-new"))
    assert [path.name for path in tmp_path.iterdir()] == ["a.toml"]
    assert (tmp_path / "a.toml").read_text(encoding="utf-8") == file.text


def test_half_a_character_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="half a character"):
        save_text(tmp_path / "a.toml", "\ud800", None)
    assert list(tmp_path.iterdir()) == []


def test_a_registry_read_again_shows_the_entry_to_everyone_at_once(tmp_path: Path) -> None:
    live = LiveRegistry(tmp_path)
    before = live.now()
    write_entry(drafted(tmp_path))
    assert "mine" not in live.models

    live.reload()

    assert live.get("mine").title == "내 모델" and live.origin("mine") == "mine.toml"
    assert "mine" not in before.models


def test_readers_see_whole_pictures_while_it_is_read_again(tmp_path: Path) -> None:
    live, stop = LiveRegistry(tmp_path), threading.Event()
    torn: list[str] = []

    def read() -> None:
        while not stop.wait(0.001):
            now = live.now()
            torn.extend(id for id in now.files if id not in now.models)

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(4):
        made = drafted(tmp_path, id=f"mine-{number}")
        write_entry(made)
        live.reload()
        assert live.get(f"mine-{number}") == made.spec
    stop.set()
    for reader in readers:
        reader.join(10)
    assert torn == []
