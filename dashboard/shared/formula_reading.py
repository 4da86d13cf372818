r"""Where formulas stand in a model's Markdown: `$…$` and `\(…\)` in a line, `$$…$$` and `\[…\]` alone.

A dollar sign is a price or a variable of a shell far more often than it is meant here, so a single one begins
a formula only where both ends look like one; whatever stays open is text. A formula that may not be drawn
becomes code, with its signs around it.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.utils import EnvType

from dashboard.shared.safe_formula import LONGEST, safe_formula

MOST_DRAWN = 12_000
"""The most characters of formulas in one answer that are drawn: a browser builds some elements for each."""
LEFT = "formulas_left"
"""Under what name a reader is told how many of them it may still draw."""
_READ = 5 * LONGEST
"""How far the end of a formula is looked for."""
_MOST_LINES = 200
_CLOSING = {"$": "$", "$$": "$$", "\\(": "\\)", "\\[": "\\]"}
_SIGNS = {
    "$": re.compile(r"(\$)|\\.", re.DOTALL),
    "$$": re.compile(r"(\$\$?)|\\.", re.DOTALL),
    "\\(": re.compile(r"(\\[()])|\\.", re.DOTALL),
    "\\[": re.compile(r"(\\[\[\]])|\\.", re.DOTALL),
}
"""What may end it or begin another, stepping over what a backslash escapes."""
_WORD = re.compile(r"[A-Za-z0-9_$]")
_NO_FORMULA = re.compile(
    r"""\A[\s)\]},.;:!?] | [\s/:=+\-(\[,.&]\Z | \n | \*\* | ["'`]\s*["'`]  # between prices or variables
      | (?s:\A(?!.*[\\^_={}]) .* (?:[가-힣]|[A-Za-z\d]{2,}\s+[A-Za-z]{2,}|\d\s[a-z]{2,}))  # words""",
    re.VERBOSE,
)
_MATHEMATICAL = re.compile(r"[\\^_=+<>\d]")


def read_formulas(reader: MarkdownIt) -> None:
    """The reader makes tokens `formula` and `displayed_formula`; what they hold may be drawn."""
    around: RuleOptionsType = {"alt": ["paragraph", "reference", "blockquote", "list"]}
    reader.block.ruler.before("fence", "displayed_formula", _displayed, around)
    reader.inline.ruler.before("escape", "formula", _inline)


def _inline(state: StateInline, silent: bool) -> bool:
    opening = _opening(state.src, state.pos)
    if opening is None:
        return False
    start = state.pos + len(opening)
    found = _next_sign(state.src, start, opening)
    if found is None or found[1] != _CLOSING[opening] or found.end() > state.posMax:
        return False
    end, after = found.span()
    if not _is_formula(state.src, start, end, opening):
        return False
    tex = state.src[start:end]
    written = safe_formula(tex, displayed=False)
    if written is None and opening == "$" and "\\" not in tex:
        return False
    if not silent:
        written = _taken(written, state.env)
        token = state.push("code_inline" if written is None else "formula", "", 0)
        token.content = " ".join(state.src[state.pos : after].split()) if written is None else written
    state.pos = after
    return True


def _opening(text: str, at: int) -> str | None:
    sign = text[at : at + 2]
    if sign in _CLOSING:
        return sign
    return "$" if sign[:1] == "$" else None


def _next_sign(text: str, start: int, opening: str) -> re.Match[str] | None:
    """Where it closes, or another opens before."""
    signs = _SIGNS[opening].finditer(text, start, start + _READ)
    return next((found for found in signs if found[1]), None)


def _is_formula(text: str, start: int, end: int, opening: str) -> bool:
    tex = text[start:end]
    if not tex.strip() or "\n\n" in tex:
        return False
    if opening[0] == "\\":
        return True
    at = start - len(opening)
    before, after = text[max(at - 1, 0) : at], text[end + len(opening) : end + len(opening) + 1]
    if _WORD.match(before) or after == "$":
        return False
    if opening == "$$":  # two of them are the number of a process, or a variable of a makefile
        return bool(_MATHEMATICAL.search(tex))
    return not (_WORD.match(after) or after == "{" or _NO_FORMULA.search(tex))


def _taken(written: str | None, env: EnvType) -> str | None:
    """None where it is shown as its source, because it may not be drawn or too much is drawn already."""
    if written is None or len(written) > env[LEFT]:
        return None
    env[LEFT] -= len(written)
    return written


def _displayed(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A formula that begins and ends with a line, without an empty one in it, as in TeX."""
    if state.is_code_block(first):
        return False
    line = _line(state, first)
    opening = line[:2]
    if opening not in ("$$", "\\["):
        return False
    lines, at = [line[2:]], first
    while (found := _next_sign(lines[-1], 0, opening)) is None:
        at += 1
        if at >= last or state.isEmpty(at) or state.sCount[at] < state.blkIndent or at > first + _MOST_LINES:
            return False
        lines.append(_line(state, at))
    if found[1] != _CLOSING[opening] or lines[-1][found.end() :].strip():
        return False
    tex = "\n".join([*lines[:-1], lines[-1][: found.start()]])
    if not tex.strip():
        return False
    if not silent:
        _push(state, first, at + 1, tex, f"{opening}{tex}{_CLOSING[opening]}")
    return True


def _line(state: StateBlock, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]


def _push(state: StateBlock, first: int, after: int, tex: str, source: str) -> None:
    written = _taken(safe_formula(tex, displayed=True), state.env)
    token = state.push("fence" if written is None else "displayed_formula", "", 0)
    token.content = f"{source}\n" if written is None else written
    token.info = "latex" if written is None else ""
    token.map = [first, after]
    state.line = after
