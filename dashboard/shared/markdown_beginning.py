"""The beginning of a long answer in Markdown, cut where nothing is torn.

Knows: where a block ends, and that what comes later in a text changes no block that has ended.
Refuses to know: how anything is drawn, and who wants to read on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate

from markdown_it.tree import SyntaxTreeNode as Node

from dashboard.shared.markdown_reading import TooTangled, read_markdown

_ITS_LISTS = ("bullet_list", "ordered_list")


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
