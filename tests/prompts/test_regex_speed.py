"""Holds that no regular expression of the project slows down on hostile text, nor does a prompt.

Run: python -m pytest tests/prompts/test_regex_speed.py
Covers patterns written in place (`re.compile("…")` and its like); one put together at run time is not seen.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from prompts.catalog import load_formats
from prompts.conversation import Conversation
from prompts.encoding import encode
from prompts.rendering import render
from tests.processor_time import least_seconds
from tests.prompts.small_tokenizers import small

ROOT = Path(__file__).parents[2]
CALLS = {"match", "fullmatch", "search", "sub", "subn", "split", "findall", "finditer"}
HOSTILE = {"a": "a", "[": "[", "space": " ", "가": "가"}
PRODUCT = [
    path
    for path in sorted(ROOT.glob("**/*.py"))
    if not {"tests", "benchmarks", "venv", ".venv"} & set(path.relative_to(ROOT).parts)
]


def uses(tree: ast.Module) -> Iterator[tuple[str, int, str]]:
    """Pattern, flags and method of every use of a regular expression in a file."""
    named: dict[str, tuple[str, int]] = {}
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
    ]
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.value in calls:
            found = literal(node.value)
            if found:
                named[node.targets[0].id] = found
    for call in calls:
        owner, method = call.func.value.id, call.func.attr  # type: ignore[attr-defined]
        found = literal(call) if owner == "re" else named.get(owner)
        if found and method in CALLS:
            yield (*found, method)


def literal(call: ast.expr) -> tuple[str, int] | None:
    is_pattern = isinstance(call, ast.Call) and getattr(call.func, "value", None) is not None
    if not is_pattern or call.func.value.id != "re" or not call.args:  # type: ignore[attr-defined]
        return None
    first = call.args[0]  # type: ignore[attr-defined]
    if not isinstance(first, ast.Constant) or not isinstance(first.value, str):
        return None
    return first.value, re.IGNORECASE if "IGNORECASE" in ast.dump(call) else 0


def seconds(pattern: re.Pattern[str], method: str, text: str) -> float:
    arguments = ("", text) if method in ("sub", "subn") else (text,)

    def use() -> None:
        result = getattr(pattern, method)(*arguments)
        if method == "finditer":
            list(result)

    return least_seconds(use, 0.1)


@pytest.mark.parametrize("name", HOSTILE)
def test_every_pattern_is_quick_on_hostile_text(name: str) -> None:
    found = {use for path in PRODUCT for use in uses(ast.parse(path.read_text(encoding="utf-8")))}
    assert found
    for pattern, flags, method in sorted(found):
        # Growing, because a slow pattern cannot be interrupted and shows itself early.
        for length in (1_000, 10_000, 100_000):
            for text in (HOSTILE[name] * length, f"{HOSTILE[name] * length}\n!"):
                assert seconds(re.compile(pattern, flags), method, text) < 0.1, (pattern, method, length)


@pytest.mark.parametrize("name", HOSTILE)
def test_rendering_hostile_text_is_quick(name: str) -> None:
    text = f"{HOSTILE[name] * 100_000}<|im_end|>"
    for format_id in ("chat", "koalpaca"):
        rendering = partial(
            render, load_formats().get(format_id), Conversation.ask(text, text, text), small("chatml")
        )
        assert least_seconds(rendering, 0.5) < 0.5
        rendered = rendering()
    ids = encode(rendered, small("chatml"))
    assert small("chatml").eos_token_id not in ids
