"""Tiny files of training data for tests, written as the published ones are.

Knows: how a file is written whole, in any encoding.
Refuses to know: how it is read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from finetune.data import DataRows, read_examples
from finetune.examples import Example
from prompts.conversation import Conversation, Turn


def written(folder: Path, name: str, content: str | bytes, encoding: str = "utf-8") -> str:
    """The path, as a person would name it."""
    path = folder / name
    path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
    return str(path)


def lines(*rows: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def array(*rows: object, indent: int | None = None) -> str:
    return json.dumps(rows, ensure_ascii=False, indent=indent)


def read(folder: Path, name: str, content: str | bytes, skip_bad: bool = False) -> DataRows[Example]:
    return read_examples([written(folder, name, content)], skip_bad=skip_bad)


def asked(question: str, answer: str, input: str = "", system: str = "") -> Conversation:
    return Conversation((Turn(question, input, answer),), system)


def talk(*said: str, system: str = "") -> Conversation:
    turns = [Turn(one, answer=other) for one, other in zip(said[::2], said[1::2], strict=True)]
    return Conversation(tuple(turns), system)


def alpaca(count: int) -> Sequence[dict[str, str]]:
    return [
        {"instruction": f"{number}번 질문?", "input": "", "output": f"답 {number}"} for number in range(count)
    ]
