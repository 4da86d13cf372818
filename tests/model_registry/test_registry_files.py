"""Own files: what is wrong with a whole file, paths in it, and how files become one registry.

Run: python -m pytest tests/model_registry/test_registry_files.py
"""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from errors import UnknownName
from model_registry.registry import load_registry
from tests.model_registry.own_entries import adapter, entry, write_template
from tests.processor_time import least_seconds

Make = Callable[[Path], object]


def _text(text: str) -> Make:
    return lambda path: path.write_text(text, encoding="utf-8")


BAD_FILES: list[tuple[Make, str, str]] = [
    (_text(entry() + "oops"), "", "the end, line 12"),
    (_text("a = 1\nb = = 2\nc = 3"), "", "line 2"),
    (_text('[[model]]\nid = "never closed\n'), "", "line 2"),
    (_text(""), "", "holds no entry"),
    (_text("# only a comment\n"), "", "holds no entry"),
    (_text("x = " + "[" * 5000 + "]" * 5000), "", "nested too deeply"),
    (_text("[[models]]\nid = 'x'\n"), "models", "did you mean model"),
    (_text("[model]\nid = 'x'\n"), "model", "[[model]]"),
    (_text("model = [1, 2]\n"), "model", "[[model]]"),
    (_text("x = " + "9" * 5000), "", "not valid TOML"),
    (lambda path: path.write_bytes(entry().encode("cp949")), "", "UTF-8"),
    (lambda path: path.mkdir(), "", "is not a file"),
    (os.mkfifo, "", "is not a file"),
    (lambda path: path.symlink_to("/proc/self/mem"), "", "cannot be read"),
    (lambda path: path.symlink_to(path.parent / "gone"), "", "does not exist"),
]


@pytest.mark.parametrize(("make", "key", "words"), BAD_FILES)
def test_bad_file_is_one_fault_and_the_others_load(tmp_path: Path, make: Make, key: str, words: str) -> None:
    make(tmp_path / "bad.toml")
    (tmp_path / "good.toml").write_text(entry(), encoding="utf-8")

    registry = load_registry(tmp_path)

    (fault,) = registry.faults
    assert (fault.file, fault.entry, fault.key) == ("bad.toml", "", key)
    assert fault.message.startswith("bad.toml") and words in fault.message
    assert "\n" not in fault.message and str(tmp_path) not in fault.message
    assert registry.origin("mine") == "good.toml"


def test_unknown_key_at_the_top_leaves_the_entries_standing(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text("version = 2\n" + entry(), encoding="utf-8")

    registry = load_registry(tmp_path)

    assert [fault.key for fault in registry.faults] == ["version"] and "mine" in registry.models


def test_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_bytes(b"\xef\xbb\xbf" + entry().replace("\n", "\r\n").encode())

    assert "mine" in load_registry(tmp_path).models


def test_missing_folder_is_fine_and_a_file_in_its_place_is_said(tmp_path: Path) -> None:
    assert load_registry(tmp_path / "gone").faults == ()
    (tmp_path / "models").write_text("", encoding="utf-8")
    (fault,) = load_registry(tmp_path / "models").faults
    assert "cannot be listed" in fault.message


def test_hidden_files_and_other_kinds_are_not_entries(tmp_path: Path) -> None:
    for name in (".my.toml", "my.toml~", "notes.txt"):
        (tmp_path / name).write_text("not an entry", encoding="utf-8")

    assert load_registry(tmp_path).faults == ()


def test_files_are_read_by_name_and_shipped_ones_first(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        (tmp_path / f"{name}.toml").write_text(entry(id=f'"own-{name}"'), encoding="utf-8")

    models = list(load_registry(tmp_path).models)

    assert models[-3:] == ["own-a", "own-b", "own-c"] and len(models) > 3


def test_twins_of_a_file_name_are_two_files(tmp_path: Path) -> None:
    """T22: a name composed and decomposed is two names; neither hides the other."""
    composed = "내모델.toml"
    for number, name in enumerate((composed, unicodedata.normalize("NFD", composed))):
        (tmp_path / name).write_text(entry(id=f'"own-{number}"'), encoding="utf-8")

    assert {"own-0", "own-1"} <= load_registry(tmp_path).models.keys()


def test_file_name_that_is_no_text_can_still_be_said(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"bad-\xff.toml")).write_text("", encoding="utf-8")

    (fault,) = load_registry(tmp_path).faults

    assert fault.file.encode("utf-8").startswith(b"bad-") and fault.message.isprintable()


SOURCES = [
    ("./weights", "{folder}/weights"),
    ("../weights", "{parent}/weights"),
    ("./a/../b", "{folder}/b"),
    (".", "{folder}"),
    ("~/weights", "{home}/weights"),
    ("/opt/weights", "/opt/weights"),
    ("beomi/KoAlpaca-Polyglot-5.8B", "beomi/KoAlpaca-Polyglot-5.8B"),
]


@pytest.mark.parametrize(("written", "meant"), SOURCES)
def test_folder_sources_become_absolute(tmp_path: Path, written: str, meant: str) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    text = entry(source=f'"{written}"', extra=f'tokenizer = {{ source = "{written}" }}')
    (folder / "my.toml").write_text(text, encoding="utf-8")

    spec = load_registry(folder).get("mine")

    expected = meant.format(folder=folder, parent=tmp_path, home=Path.home())
    assert (spec.local.source, spec.local.tokenizer.source) == (expected, expected)


def test_relative_folder_still_gives_absolute_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("my.toml").write_text(entry(source='"./weights"'), encoding="utf-8")

    assert load_registry(Path(".")).get("mine").local.source == str(tmp_path / "weights")


@pytest.mark.parametrize("written", ["mine.json", "./mine.json", "deep/mine.json", "{folder}/mine.json"])
def test_template_file_becomes_the_format(tmp_path: Path, written: str) -> None:
    (tmp_path / "deep").mkdir()
    write_template(tmp_path / "mine.json")
    write_template(tmp_path / "deep" / "mine.json")
    text = entry(prompt_format=f'"{written.format(folder=tmp_path)}"')
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")

    registry = load_registry(tmp_path)

    spec = registry.get("mine")
    assert registry.faults == () and spec.prompt_format == "mine.json"
    assert [part.text or part.field for part in registry.format_of(spec).question] == [
        "물음: ",
        "question",
        "\n답:",
    ]
    assert "mine.json" in registry.formats and "kullm" in registry.formats


def test_two_template_files_of_one_name_do_not_overwrite_each_other(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    write_template(tmp_path / "mine.json")
    write_template(tmp_path / "other" / "mine.json", prompt_no_input="{instruction}!")
    one = entry(id='"one"', prompt_format='"mine.json"')
    two = entry(id='"two"', prompt_format='"other/mine.json"')
    (tmp_path / "my.toml").write_text(one + two, encoding="utf-8")

    registry = load_registry(tmp_path)

    assert [(fault.entry, fault.key) for fault in registry.faults] == [("two", "prompt_format")]
    assert registry.format_of(registry.get("one")).question[-1].text == "\n답:"


def test_thousand_lines_are_fast(tmp_path: Path) -> None:
    """T15's long file: a hundred entries, a few of them bad."""
    entries = [entry(id=f'"own-{number}"', extra='notes = "…"') for number in range(100)]
    entries[50] = entry(id='"own-50"', parameters="0")
    text = "".join(entries)
    assert text.count("\n") >= 1000
    (tmp_path / "my.toml").write_text(text, encoding="utf-8")

    assert least_seconds(lambda: load_registry(tmp_path), 1) < 1
    registry = load_registry(tmp_path)
    assert len(registry.faults) == 1 and len([i for i in registry.models if i.startswith("own-")]) == 99


def test_unknown_model_lists_the_near_names() -> None:
    with pytest.raises(UnknownName, match="kullm-polyglot-5.8b-v2"):
        load_registry().get("kullm-polyglot-5.8b")


def test_an_adapter_over_an_adapter_is_told_to_name_the_model_under_it(tmp_path: Path) -> None:
    (tmp_path / "my.toml").write_text(adapter("one", "kullm3") + adapter("two", "one"), encoding="utf-8")
    registry = load_registry(tmp_path)
    assert registry.base_of(registry.get("one")).id == "kullm3"
    assert [(fault.entry, fault.key) for fault in registry.faults] == [("two", "adapter.base")]
    message = registry.faults[0].message
    assert "'one' is an adapter itself" in message and "'kullm3'" in message


def test_registry_cannot_be_changed() -> None:
    registry = load_registry()

    with pytest.raises(TypeError):
        registry.models["x"] = registry.get("kullm3")  # type: ignore[index]
    with pytest.raises(FrozenInstanceError):
        registry.faults = ()  # type: ignore[misc]


def test_file_named_twice_is_read_once(tmp_path: Path) -> None:
    path = tmp_path / "my.toml"
    path.write_text(entry(), encoding="utf-8")

    assert load_registry(tmp_path, more=[path, tmp_path / "." / "my.toml"]).faults == ()
