"""What the tests of this folder write into a person's own model folder.

Run: python -m pytest tests/model_registry
"""

from __future__ import annotations

import json
from pathlib import Path

GOOD: dict[str, str] = {
    "id": '"mine"',
    "title": '"내 모델"',
    "source": '"somebody/some-model"',
    "family": '"mine"',
    "architecture": '"llama"',
    "parameters": "1_000",
    "context_length": "128",
    "license": '{ name = "mit", commercial = "yes" }',
    "prompt_format": '"koalpaca"',
}
"""The keys an entry must have, with values that are fine."""

AROUND = """\
# mine, do not touch
[[model]]
id = "first"  # why
title = "T"
source = "a/b"
family = "x"
architecture = "llama"
parameters = 1_000
context_length = 128
license = { name = "mit", commercial = "yes" }
prompt_format = "plain"
references = [{ what = "all", where = "card" }]

"""
"""An entry with comments and a key that no form knows."""

TEMPLATE = {
    "description": "KULLM-style",
    "prompt_no_input": "물음: {instruction}\n답:",
    "prompt_input": "물음: {instruction}\n글: {input}\n답:",
    "response_split": "답:",
}


def entry(without: str = "", extra: str = "", **changed: str) -> str:
    """A [[model]] table: good, but for what is named."""
    keys = {**GOOD, **changed}
    lines = [f"{key} = {value}" for key, value in keys.items() if key != without]
    return "\n".join(["[[model]]", *lines, extra]) + "\n"


def adapter(id: str, base: str) -> str:
    return entry(id=f'"{id}"', extra=f'adapter = {{ base = "{base}" }}')


def write_template(path: Path, **changed: str) -> Path:
    path.write_text(json.dumps({**TEMPLATE, **changed}), encoding="utf-8")
    return path
