"""What entries, formats and recipes that ship say of themselves is said in Korean on Korean pages.

Run: python -m pytest tests/dashboard/test_said_in_korean.py
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dashboard.texts import read_texts
from tests.test_architecture import ROOT

NAMES_ALONE = re.compile(r"[\w\s.,+#:/()-]*", re.ASCII)
SAID = ("title", "reproduces", "notes", "note", "what", "where")


def said_by(path: Path) -> Iterator[tuple[str, str]]:
    """Every sentence that a page shows of it; a title of a model is its name."""
    written = tomllib.loads(path.read_text(encoding="utf-8"))
    for entry in written.get("model", [written]):
        tables: list[dict[str, Any]] = [entry, entry.get("license", {})]
        if path.parent.name != "recipes":  # of a recipe no page shows the references
            tables += entry.get("references", [])
        for table in tables:
            for key in SAID:
                if isinstance(text := table.get(key), str) and not ("model" in written and key == "title"):
                    yield key, text


def test_no_english_sentence_of_what_ships_is_left() -> None:
    korean, wrong = read_texts("ko"), []
    for folder in ("prompts/formats", "model_registry/families", "finetune/recipes"):
        for path in ROOT.glob(f"{folder}/*.toml"):
            for key, text in said_by(path):
                shown = korean.said(text)
                a_name = key in ("title", "what", "where") and NAMES_ALONE.fullmatch(text)
                if not re.search("[가-힣]", shown) and (not a_name or " of " in text or " the " in text):
                    wrong.append(f"{path.name} {key}: {shown}")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_said_of_what_no_longer_ships() -> None:
    """An English sentence that was changed leaves its Korean behind."""
    paths = [
        path
        for room in ("prompts/formats", "model_registry/families", "finetune/recipes")
        for path in ROOT.glob(f"{room}/*.toml")
    ]
    there = {" ".join(text.split()) for path in paths for _, text in said_by(path)}
    for path in ROOT.glob("dashboard/texts/said/ko/*.toml"):
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= there, path.name


def test_a_persons_own_words_stay() -> None:
    assert read_texts("ko").said("My own note.") == "My own note."
    assert read_texts("en").said("No license was read.") == "No license was read."
