"""Markdown as models write it, read into a tree, and the beginning of a long one, cut where nothing is torn.

Knows: CommonMark with tables, strikethrough and formulas, bold before a Korean particle, and that what comes
later in a text changes no block that has ended.
Refuses to know: how it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache, lru_cache
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.parser_inline import ParserInline
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Scanned
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode
from markdown_it.tree import SyntaxTreeNode as Node
from markdown_it.utils import EnvType

from dashboard.shared.formula_reading import LEFT, MOST_DRAWN, read_formulas

LONGEST, DEEPEST, MOST = 200_000, 20, 30_000
"""The most characters, blocks within blocks, and beginnings and ends of blocks that are read as Markdown."""
_CJK = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff]")
_ITS_LISTS = ("bullet_list", "ordered_list")


class TooTangled(Exception):
    """More than is worth reading as Markdown; the text is to be shown as it is."""


class _KoreanState(StateInline):
    def scanDelims(self, start: int, canSplitWord: bool) -> Scanned:
        """`**"서울"**은` is meant as bold. CommonMark sees a mark between a quotation mark and a letter and
        leaves the asterisks standing; where particles are written without a space, that is wrong."""
        found = super().scanDelims(start, canSplitWord)
        if not canSplitWord or found.length != 2:
            return found
        before, after = self.src[start - 1 : start], self.src[start + 2 : start + 3]
        opens = found.can_open or bool(_CJK.match(before) and after.strip())
        closes = found.can_close or bool(_CJK.match(after) and before.strip())
        return Scanned(opens, closes, found.length)


class _KoreanInline(ParserInline):
    def parse(self, src: str, md: MarkdownIt, env: EnvType, tokens: list[Token]) -> list[Token]:
        state = _KoreanState(src, md, env, tokens)
        self.tokenize(state)
        for rule in self.ruler2.getRules(""):
            rule(state)
        return state.tokens


class _Reader(MarkdownIt):
    def __init__(self) -> None:
        super().__init__("commonmark", {"maxNesting": DEEPEST})
        self.inline = _KoreanInline()
        self.configure("commonmark", {"maxNesting": DEEPEST})
        self.enable(["table", "strikethrough"])
        # A definition of a reference shows nothing itself: what it says would be lost to the reader.
        self.disable("reference")
        read_formulas(self)

    def normalizeLink(self, url: str) -> str:
        """An address is shown as it was written, Hangul and all."""
        return url

    def normalizeLinkText(self, link: str) -> str:
        return link


@cache
def reader() -> MarkdownIt:
    return _Reader()


def read_markdown(text: str, formulas: int = MOST_DRAWN) -> SyntaxTreeNode:
    """`formulas`: how many characters of them are drawn; the others are code."""
    if len(text) > LONGEST:
        raise TooTangled
    tokens = reader().parse(text, {LEFT: formulas})
    # Below its limit the parser leaves text out, so what comes near it was not read.
    if len(tokens) > MOST or any(token.nesting == 1 and token.level >= DEEPEST - 1 for token in tokens):
        raise TooTangled
    return SyntaxTreeNode(tokens)


@lru_cache(maxsize=64)
def beginning(text: str, about: int) -> str:
    """Whole blocks, and of a list whole items, of about so many characters. Where the first block is longer
    it ends with a line, or with a word: Markdown closes by itself what was open then."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) <= about:
        return text
    seen = text[: 2 * about]  # more than is shown: what its end tears is not among the ends taken
    lines = [0, *accumulate(len(line) + 1 for line in seen.split("\n"))]
    try:
        ends = [lines[line] for line in _ends(read_markdown(seen).children)]
    except TooTangled:
        ends = []
    within = [end for end in ends if end <= about]
    if not within or within[-1] < about // 4:  # a line before a long block shows hardly anything
        within += [end for end in ends if about < end <= 3 * about // 2][:1]
    return text[: within[-1]].rstrip() if within else torn(text, about)


def torn(text: str, about: int) -> str:
    """Up to the end of a line, or else of a word, whatever stands there."""
    if len(text) <= about:
        return text
    end = max(text.rfind("\n", about // 2, about), 0) or text.rfind(" ", about // 2, about)
    return text[:end] if end > 0 else text[:about]


def _ends(nodes: Sequence[Node]) -> Iterator[int]:
    """Lines before which a block or an item of a list has ended; a heading belongs to what is under it."""
    for node in nodes:
        inside = node.children if node.type in _ITS_LISTS else ()
        if node.type != "heading":
            yield from (each.map[1] for each in (*inside, node) if each.map)
