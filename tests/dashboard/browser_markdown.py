"""Markdown read as the browser will read it: HTML, formulas and Streamlit's empty spans included."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from dashboard.shared.safe_text import SEAM

NEVER_IN_A_FORMULA = re.compile(
    r"""\\(href|url|includegraphics|html|[egx]?def|let|(re)?newcommand|providecommand|verb|char|mathchoice|[vh]?phantom
      |color|textcolor|f?colorbox|rule|raisebox|kern|h?skip|mathllap|mathrlap|[lr]lap|smash|Huge|global|expandafter)
      | :material/ | [`$] | (?<!\\)[%#]""",
    re.VERBOSE,
)


def browser() -> MarkdownIt:
    """Reads as the browser will, HTML and formulas included, with the seam as a span of nothing."""
    reader = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    reader.inline.ruler.before("link", "seam", seam)
    reader.inline.ruler.before("escape", "math", math)
    reader.block.ruler.before("fence", "math", displayed_math, {"alt": ["paragraph", "blockquote", "list"]})
    return reader


def seam(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith(SEAM, state.pos):
        return False
    if not silent:
        state.push("seam", "", 0)
    state.pos += len(SEAM)
    return True


def math(state: StateInline, silent: bool) -> bool:
    """Any dollar signs up to as many again: for it a price is no price, and a backslash escapes nothing."""
    found = re.compile(r"(\$+)(?!\$)(.+?)(?<!\$)\1(?!\$)", re.DOTALL).match(state.src, state.pos)
    if not found or re.search(r"(?<!\\)\$\Z", state.src[: state.pos]):
        return False
    if not silent:
        state.push("math", "", 0).content = found[2]
    state.pos = found.end()
    return True


def displayed_math(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    lines = [state.src[state.bMarks[at] + state.tShift[at] : state.eMarks[at]] for at in range(first, last)]
    if not re.fullmatch(r"\${2,}[^$]*", lines[0]) or state.is_code_block(first):
        return False
    if not silent:
        end = next((at for at, line in enumerate(lines) if at and line.strip() == "$$"), len(lines))
        state.push("math", "", 0).content = "\n".join(lines[1:end])
        state.line = min(first + end + 1, last)
    return True
