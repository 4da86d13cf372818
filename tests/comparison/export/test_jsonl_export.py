"""JSONL holds every character as it was, and enough to ask again.

Run: python -m pytest tests/comparison/export
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from comparison.export.making import write_jsonl
from history.records import FLAT_COLUMNS
from tests.comparison.export.flat_house import HOSTILE, SETTINGS, batch, in_pieces, row
from tests.comparison.export.reading_back import read_jsonl


def parsed(made: dict[str, Any]) -> dict[str, Any]:
    return made | {name: json.loads(made[name]) for name in ("settings", "request")}


def test_every_text_is_the_same_to_the_byte(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [row(question=text, text=text, prompt=text) for text in (*HOSTILE, "반쪽 \ud83d", '{"a": 1}')]
    assert write_jsonl(in_pieces(rows, 5), path) == len(rows)
    lines = path.read_bytes().removesuffix(b"\n").split(b"\n")
    assert [json.loads(line) for line in lines] == list(read_jsonl(path)) == list(map(parsed, rows))


def test_hangul_is_not_escaped_and_nothing_is_composed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    apart = "\u1112\u1161\u11ab"
    write_jsonl([batch([row(text=f"한{apart}👍")])], path)
    assert f'"text":"한{apart}👍"'.encode() in path.read_bytes()


def test_a_line_names_every_column_in_order(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl([batch([row(extras='{"search":{"sources":["하늘"]}}')])], path)
    line = json.loads(path.read_bytes())
    assert tuple(line) == FLAT_COLUMNS
    assert line["settings"] == json.loads(SETTINGS)
    assert line["request"]["model"] == "demo-chat"
    assert line["extras"] == {"search": {"sources": ["하늘"]}}
    assert line["revision"] == "0" * 40 and line["load_seconds"] is None


@pytest.mark.parametrize("settings", [None, "", "broken {", "[1]", "7"])
def test_what_is_no_json_object_stays_text(tmp_path: Path, settings: str | None) -> None:
    path = tmp_path / "a.jsonl"
    write_jsonl([batch([row(settings=settings)])], path)
    assert next(read_jsonl(path))["settings"] == settings
