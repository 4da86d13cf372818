"""Markdown of a stranger, written again so that nothing in it runs, fetches, or looks like ours.

Knows: how each kind of block and line is written in Markdown that Streamlit reads as exactly that.
Refuses to know: Streamlit itself, and models.

Nothing of an answer is passed on: what was read is written anew, its text through `safe_text`. HTML is
text. An image is its description and its address. So is a link, and it leads nowhere: models make addresses
up. A line's end is a line's end, as Korean answers mean it. Formulas come as `safe_formula` wrote them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import Literal

from markdown_it.tree import SyntaxTreeNode as Node

from dashboard.shared.code_language import known_language
from dashboard.shared.markdown_reading import TooTangled, read_markdown
from dashboard.shared.safe_text import SEAM, safe_text, whole_characters

MOST_SEAMS = 4_000
"""The most seams that are drawn: each is an element in the browser."""
LINE_END = "\\\n"
_SPACE = " \t\r\n"
_ICON = re.compile("(?<=:)(?=material/)")
"""Streamlit rewrites `:material/` wherever it stands, even in code."""
_MARKS = {"strong": "**", "em": "*", "s": "~~"}


@dataclass(frozen=True)
class CodeBlock:
    """A block of code outside of any list or quotation."""

    text: str
    language: str | None


@lru_cache(maxsize=64)
def safe_blocks(text: str) -> tuple[str | CodeBlock, ...]:
    """For st.markdown, with code apart for st.code; raises TooTangled where a text cannot be read as Markdown
    within reason. Cached, because a page with many answers is drawn again at every click."""
    blocks = list(_blocks(read_markdown(whole_characters(text)).children))
    if sum(block.count(SEAM) for block in blocks if isinstance(block, str)) > MOST_SEAMS:
        raise TooTangled
    return tuple(
        block
        for whole, group in groupby(blocks, key=lambda block: isinstance(block, str))
        for block in ([_joined(str(part) for part in group)] if whole else group)
    )


def _joined(blocks: Iterable[str]) -> str:
    return "\n\n".join(block for block in blocks if block)


def _blocks(nodes: Sequence[Node]) -> Iterator[str | CodeBlock]:
    before, marker = "", 0
    for node in nodes:
        marker = 1 - marker if node.type == before else 0  # or two lists in a row would become one
        before = node.type
        code = node.type in ("fence", "code_block")
        yield CodeBlock(node.content, _language(node)) if code else _block(node, marker)


def _inside(nodes: Sequence[Node]) -> list[str]:
    return [block if isinstance(block, str) else _fence(block) for block in _blocks(nodes)]


def _block(node: Node, marker: int) -> str:
    if node.type in ("bullet_list", "ordered_list"):
        return _list(node, marker)
    if node.type == "blockquote":
        lines = _joined(_inside(node.children)).split("\n")
        return "\n".join(f"> {line}" if line else ">" for line in lines)
    if node.type == "table":
        return _table(node)
    if node.type == "hr":
        return "___"
    if node.type == "html_block":
        return _text_of_html(node.content)
    if node.type == "displayed_formula":
        return f"$$\n{node.content}\n$$"
    line = written_line(node.children[0].children if node.children else ())
    return _heading(node, line) if node.type == "heading" else line


def _heading(node: Node, line: str) -> str:
    """Never as loud as a heading of the page."""
    return f"{'#####' if node.tag == 'h1' else '######'} {line.replace(LINE_END, ' ')}"


def _text_of_html(html: str) -> str:
    return LINE_END.join(safe_text(line.strip()) for line in html.split("\n") if line.strip())


def _list(node: Node, marker: int) -> str:
    ordered = node.type == "ordered_list"
    first = int(node.attrs.get("start", 1)) if ordered else 0
    inside = [block for item in node.children for block in item.children]
    loose = any(block.type == "paragraph" and not block.hidden for block in inside)
    items = []
    for number, item in enumerate(node.children, first):
        sign = f"{min(number, 999_999_999)}{'.)'[marker]} " if ordered else f"{'-*'[marker]} "
        lines = (_item(item) or SEAM).split("\n")
        indented = [f"{' ' * len(sign)}{line}" if line else "" for line in lines[1:]]
        items.append("\n".join([sign + lines[0], *indented]))
    return ("\n\n" if loose else "\n").join(items)


def _item(item: Node) -> str:
    """A list right under its line keeps the list tight, as long as it can be told from the line."""
    blocks = _inside(item.children)
    under = len(item.children) > 1 and item.children[0].hidden and _may_follow_a_line(item.children[1])
    return _joined(["\n".join(blocks[:2]), *blocks[2:]] if under else blocks)


def _may_follow_a_line(node: Node) -> bool:
    return node.type == "bullet_list" or (node.type == "ordered_list" and node.attrs.get("start", 1) == 1)


def _table(node: Node) -> str:
    rows = [row for part in node.children for row in part.children]
    head = [_alignment(cell) for cell in rows[0].children]
    lines = [[_cell(cell) for cell in row.children] for row in rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], head, *lines[1:]])


def _alignment(cell: Node) -> str:
    style = str(cell.attrs.get("style", ""))
    return {"left": ":---", "right": "---:", "center": ":---:"}.get(style.removeprefix("text-align:"), "---")


def _cell(cell: Node) -> str:
    written = written_line(cell.children[0].children if cell.children else (), in_table=True)
    return written.replace(LINE_END, " ")


def _language(node: Node) -> str | None:
    return known_language(node.info) if node.type == "fence" else None


def _fence(code: CodeBlock) -> str:
    ticks = "`" * max(3, longest_run(code.text) + 1)
    ending = "" if code.text.endswith("\n") else "\n"
    return f"{ticks}{code.language or ''}\n{code.text}{ending}{ticks}"


@dataclass(frozen=True)
class _TextRun:
    """A stretch of a line: text, code, a formula, a line's end, or where a mark opens or closes."""

    kind: Literal["text", "code", "formula", "end", "open", "close"]
    text: str


_END = _TextRun("end", LINE_END)


def written_line(nodes: Sequence[Node], in_table: bool = False) -> str:
    runs = list(_merged(_runs(nodes, ())))
    while runs and (runs[-1] is _END or not runs[-1].text.strip()):
        runs.pop()
    around = [_END, *runs, _END]
    written = [_written(*three, in_table) for three in zip(around, around[1:], around[2:], strict=False)]
    return "".join(written).strip(_SPACE)


def _runs(nodes: Sequence[Node], within: tuple[str, ...]) -> Iterator[_TextRun]:
    for node in nodes:
        if node.type in _MARKS:
            yield from _marked(node, within)
        elif node.type == "code_inline":
            yield _TextRun("code", node.content)
        elif node.type == "formula":
            yield _TextRun("formula", node.content)
        elif node.type in ("softbreak", "hardbreak"):
            yield _END
        elif node.type == "link":
            yield from _link(node, within)
        elif node.type == "image":
            yield _TextRun("text", f"{_plain(node)} ({node.attrs.get('src', '')})".lstrip())
        else:
            yield _TextRun("text", node.content)


def _marked(node: Node, within: tuple[str, ...]) -> Iterator[_TextRun]:
    """Bold within bold is bold; what is within another mark is written with the other sign, so that none is
    taken for the end of the wrong one."""
    mark = _MARKS[node.type]
    if mark in within:
        yield from _runs(node.children, within)
        return
    sign = mark.replace("*", "_") if {"*", "**"} & {*within} else mark
    yield _TextRun("open", sign)
    yield from _runs(node.children, (*within, mark))
    yield _TextRun("close", sign)


def _link(node: Node, within: tuple[str, ...]) -> Iterator[_TextRun]:
    address = str(node.attrs.get("href", ""))
    yield from _runs(node.children, within)
    if _plain(node) != address:
        yield _TextRun("text", f" ({address})")


def _plain(node: Node) -> str:
    return "".join(_plain(child) or " " for child in node.children) if node.children else node.content


def _merged(runs: Iterable[_TextRun]) -> Iterator[_TextRun]:
    """A shortcode must not hide in two texts side by side."""
    for kind, group in groupby(runs, key=lambda run: run.kind):
        several = list(group)
        text = "".join(run.text for run in several)
        yield from several if kind != "text" else [_TextRun("text", text)] if text else []


def _written(before: _TextRun, run: _TextRun, after: _TextRun, in_table: bool) -> str:
    if run.kind == "text":
        return safe_text(run.text.lstrip(_SPACE) if before is _END else run.text)
    if run.kind == "code":
        return (SEAM if before.kind == "code" else "") + _code(run.text, in_table)
    if run.kind == "formula":
        return _formula(run.text, in_table) + _after_formula(after)
    if run.kind == "open":
        outer, inner = _edge(before, -1), _edge(after, 0)
        return _seam(outer, inner, run.text) + run.text + (SEAM if inner.isspace() else "")
    if run.kind == "close":
        outer, inner = _edge(after, 0), _edge(before, -1)
        return (SEAM if inner.isspace() else "") + run.text + _seam(outer, inner, run.text)
    return run.text


def _formula(tex: str, in_table: bool) -> str:
    """The bars of a matrix cannot be told from those of the table that it stands in."""
    return _code(f"${tex}$", in_table) if in_table and "|" in tex else f"${tex}$"


def _after_formula(after: _TextRun) -> str:
    """Before a digit Streamlit takes the dollar sign for a price's; two in a row would be one sign."""
    return SEAM if after.kind == "formula" or _edge(after, 0).isdigit() else ""


def _edge(run: _TextRun, place: int) -> str:
    return run.text[place] if run.kind == "text" else " " if run is _END else "`"


def _seam(outer: str, inner: str, sign: str) -> str:
    """A sign between a letter and anything but a letter would stay an asterisk; beside a seam it does not."""
    letters = outer.isalnum() and inner.isalnum() and "*" in sign
    return "" if outer == " " or letters else SEAM


def longest_run(text: str) -> int:
    """The longest run of backticks in a text; a fence around it must be longer."""
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
