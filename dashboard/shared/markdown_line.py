"""One line of a stranger's Markdown, written again: its text, code, marks and line ends.

Knows: how Markdown tells a mark from an asterisk, and how code is fenced in.
Refuses to know: blocks.

An image is its description and its address. So is a link, and it leads nowhere: models make addresses up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from markdown_it.tree import SyntaxTreeNode as Node

from dashboard.shared.safe_text import SEAM, safe_text

LINE_END = "\\\n"


@dataclass(frozen=True)
class _Run:
    """A stretch of a line: text, code, a line's end, or where a mark opens or closes."""

    kind: Literal["text", "code", "end", "open", "close"]
    text: str


_END = _Run("end", LINE_END)
_SPACE = " \t\r\n"
_ICON = re.compile("(?<=:)(?=material/)")
"""Streamlit rewrites `:material/` wherever it stands, even in code."""
_MARKS = {"strong": "**", "em": "*", "s": "~~"}


def written_line(nodes: Sequence[Node], in_table: bool = False) -> str:
    runs = list(_merged(_runs(nodes, ())))
    while runs and (runs[-1] is _END or not runs[-1].text.strip()):
        runs.pop()
    around = [_END, *runs, _END]
    written = [_written(*three, in_table) for three in zip(around, around[1:], around[2:], strict=False)]
    return "".join(written).strip(_SPACE)


def _runs(nodes: Sequence[Node], within: tuple[str, ...]) -> Iterator[_Run]:
    for node in nodes:
        if node.type in _MARKS:
            yield from _marked(node, within)
        elif node.type == "code_inline":
            yield _Run("code", node.content)
        elif node.type in ("softbreak", "hardbreak"):
            yield _END
        elif node.type == "link":
            yield from _link(node, within)
        elif node.type == "image":
            yield _Run("text", f"{_plain(node)} ({node.attrs.get('src', '')})".lstrip())
        else:
            yield _Run("text", node.content)


def _marked(node: Node, within: tuple[str, ...]) -> Iterator[_Run]:
    """Bold within bold is bold; what is within another mark is written with the other sign, so that none is
    taken for the end of the wrong one."""
    mark = _MARKS[node.type]
    if mark in within:
        yield from _runs(node.children, within)
        return
    sign = mark.replace("*", "_") if {"*", "**"} & {*within} else mark
    yield _Run("open", sign)
    yield from _runs(node.children, (*within, mark))
    yield _Run("close", sign)


def _link(node: Node, within: tuple[str, ...]) -> Iterator[_Run]:
    address = str(node.attrs.get("href", ""))
    yield from _runs(node.children, within)
    if _plain(node) != address:
        yield _Run("text", f" ({address})")


def _plain(node: Node) -> str:
    return "".join(_plain(child) or " " for child in node.children) if node.children else node.content


def _merged(runs: Iterable[_Run]) -> Iterator[_Run]:
    """A shortcode must not hide in two texts side by side."""
    for kind, group in groupby(runs, key=lambda run: run.kind):
        several = list(group)
        text = "".join(run.text for run in several)
        yield from several if kind != "text" else [_Run("text", text)] if text else []


def _written(before: _Run, run: _Run, after: _Run, in_table: bool) -> str:
    if run.kind == "text":
        return safe_text(run.text.lstrip(_SPACE) if before is _END else run.text)
    if run.kind == "code":
        return (SEAM if before.kind == "code" else "") + _code(run.text, in_table)
    if run.kind == "open":
        outer, inner = _edge(before, -1), _edge(after, 0)
        return _seam(outer, inner, run.text) + run.text + (SEAM if inner.isspace() else "")
    if run.kind == "close":
        outer, inner = _edge(after, 0), _edge(before, -1)
        return (SEAM if inner.isspace() else "") + run.text + _seam(outer, inner, run.text)
    return run.text


def _edge(run: _Run, place: int) -> str:
    return run.text[place] if run.kind == "text" else " " if run is _END else "`"


def _seam(outer: str, inner: str, sign: str) -> str:
    """A sign between a letter and anything but a letter would stay an asterisk; beside a seam it does not."""
    letters = outer.isalnum() and inner.isalnum() and "*" in sign
    return "" if outer == " " or letters else SEAM


def longest_run(text: str) -> int:
    """Of backticks; what fences them in must be longer."""
    return max(map(len, re.findall("`+", text)), default=0)


def _code(text: str, in_table: bool) -> str:
    if in_table and "|" in text:
        if "\\" in text:  # a backslash before a bar cannot be written in a table's code
            return safe_text(text)
        text = text.replace("|", "\\|")
    return SEAM.join(map(_fenced_in, _ICON.split(text)))


def _fenced_in(text: str) -> str:
    ticks = "`" * (longest_run(text) + 1)
    pad = " " if "`" in (text[0], text[-1]) or (text[0] == text[-1] == " " and text.strip(" ")) else ""
    return f"{ticks}{pad}{text}{pad}{ticks}"
