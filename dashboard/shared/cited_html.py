"""An answer's Markdown as HTML of our own: sentences marked with their verdicts, each `[2]` with its passage.

Nothing of an answer is passed on: it is read as Markdown, and every tag is written here, every word through
`html.escape`. Links and images are text with their address, as in safe_markdown.py. A citation is a button
whose passage lies beside it in a native popover: it opens by a click or a key, and shows while hovered.

Where a sentence begins and ends is written into the text as private characters before it is read, so that
marks go through bold, lists and tables; whatever of these a stranger wrote is replaced first.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape

from markdown_it.tree import SyntaxTreeNode as Node

from dashboard.shared.markdown_reading import read_markdown
from dashboard.shared.safe_text import whole_characters
from search.citations.marks import citation_marks

MOST_PASSAGES = 60
"""How many citations of one answer carry their passage; a model that repeats itself may cite thousands."""
_MOST_SENTENCES = 5_000
_FIRST = 0xF0000
_PRIVATE = re.compile("[\U000f0000-\U000ffffd]")
_BEFORE = re.compile(r"[ \t\r\n>*+\-#|_~`(\"'“‘]{0,80}(?:\d{1,9}[.)][ \t]{1,4})?[*_~`]{0,6}")
"""What Markdown may want at the very beginning of a line or word."""
_CLOSING = ".,!?。…"
"""What never stands at the beginning of a line."""
_AFTER = " \t\r\n*_~|"
_TAGS = {
    "strong": "strong",
    "em": "em",
    "s": "del",
    "bullet_list": "ul",
    "list_item": "li",
    "blockquote": "blockquote",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
    "paragraph": "p",
    "heading": "h6",
}


@dataclass(frozen=True)
class SentenceMark:
    """How one sentence is drawn: the class of its verdict, the sign behind it, and what it says in words."""

    text: str
    """As it stands in the answer."""
    css: str
    sign: str
    words: str


@dataclass(frozen=True)
class Passage:
    """What a citation opens: HTML of ours, and the words that are read out for its button."""

    html: str
    label: str


def cited_html(
    text: str, shown: int, marks: Sequence[SentenceMark], passages: Mapping[int, Passage], name: str
) -> str | None:
    """The first `shown` characters. None where a sentence was not found in the answer, or not drawn; raises
    TooTangled as `read_markdown`. `name` tells this answer from all others of the page."""
    clean = _clean(text)
    places = _places(clean, marks[:_MOST_SENTENCES])
    if places is None:
        return None
    clean, places = clean[:shown], [place for place in places if place[2] <= shown]
    writer = _Writer(marks, passages, name)
    written = writer.blocks(read_markdown(_with_places(clean, places), formulas=0).children)
    return written if writer.closed == len(places) else None


def sentences_html(marks: Sequence[SentenceMark], passages: Mapping[int, Passage], name: str) -> str:
    """The sentences alone, a line each, where they cannot be found in their answer."""
    writer = _Writer(marks, passages, name)
    lines = (
        writer.text(f"{chr(_FIRST + 2 * at)}{_clean(mark.text)}{chr(_FIRST + 2 * at + 1)}")
        for at, mark in enumerate(marks[:_MOST_SENTENCES])
    )
    return "".join(f"<p>{line}</p>" for line in lines)


def _clean(text: str) -> str:
    """As `markdown_reading.beginning` cuts it, without private characters of a stranger."""
    lines = whole_characters(text).replace("\r\n", "\n").replace("\r", "\n")
    return _PRIVATE.sub("\ufffd", lines)


def _places(text: str, marks: Sequence[SentenceMark]) -> list[tuple[int, int, int]] | None:
    """The number, the beginning and the end of each sentence, without what Markdown reads around it."""
    places, after = [], 0
    for number, mark in enumerate(marks):
        sentence = _clean(mark.text)
        start = text.find(sentence, after)
        if start < 0:
            return None
        after = start + len(sentence)
        end = start + len(sentence.rstrip(_AFTER))
        found = _BEFORE.match(text, start, end)
        start = found.end() if found else start
        if start < end:
            places.append((number, start, end))
    return places


def _with_places(text: str, places: Sequence[tuple[int, int, int]]) -> str:
    pieces, after = [], 0
    for number, start, end in places:
        pieces += [text[after:start], chr(_FIRST + 2 * number), text[start:end], chr(_FIRST + 2 * number + 1)]
        after = end
    return "".join([*pieces, text[after:]])


@dataclass
class _Writer:
    """Goes through a tree in the order of its words, and knows the sentence it is in."""

    marks: Sequence[SentenceMark]
    passages: Mapping[int, Passage]
    name: str
    closed: int = 0
    _sentence: int | None = None
    _cited: int = field(default=0)

    def blocks(self, nodes: Sequence[Node]) -> str:
        return "".join(map(self._block, nodes))

    def _block(self, node: Node) -> str:
        if node.type in ("fence", "code_block"):
            return f"<pre><code>{self.text(node.content, cites=False)}</code></pre>"
        if node.type == "hr":
            return "<hr>"
        if node.type == "inline":
            return self._line(node.children)
        if node.type == "ordered_list":
            first = min(int(node.attrs.get("start", 1)), 999_999_999)
            return f'<ol start="{first}">{self.blocks(node.children)}</ol>'
        tag = _TAGS.get(node.type)
        if tag is None:
            return f"<p>{self.text(node.content)}</p>"
        if node.type == "paragraph" and node.hidden:
            return self.blocks(node.children)
        return f"<{tag}>{self.blocks(node.children)}</{tag}>"

    def _line(self, nodes: Sequence[Node]) -> str:
        return "".join(self._inline(kind, nodes) for kind, nodes in _grouped(nodes))

    def _inline(self, kind: str, nodes: Sequence[Node]) -> str:
        if kind == "text":
            return self.text("".join(node.content for node in nodes))
        node = nodes[0]
        if kind == "code_inline":
            return f"<code>{self.text(node.content, cites=False)}</code>"
        if kind in ("softbreak", "hardbreak"):
            return "<br>"
        if kind == "link":
            address = str(node.attrs.get("href", ""))
            shown = self._line(node.children)
            same = _PRIVATE.sub("", _plain(node)) == _PRIVATE.sub("", address)
            return shown if same else shown + self.text(f" ({address})", cites=False)
        if kind == "image":
            return self.text(f"{_plain(node)} ({node.attrs.get('src', '')})".lstrip(), cites=False)
        tag = _TAGS.get(kind)
        return f"<{tag}>{self._line(node.children)}</{tag}>" if tag else self.text(node.content)

    def text(self, text: str, cites: bool = True) -> str:
        """Text in which sentences begin and end."""
        pieces, after = [], 0
        for found in _PRIVATE.finditer(text):
            pieces.append(self._words(text[after : found.start()], cites))
            pieces.append(self._turn(ord(found[0]) - _FIRST))
            after = found.end()
        return "".join([*pieces, self._words(text[after:], cites)])

    def _turn(self, place: int) -> str:
        number, ends = divmod(place, 2)
        self._sentence = None if ends else number
        if not ends:
            return ""
        self.closed += 1
        mark = self.marks[number]
        words = escape(mark.words)
        told = f'role="img" aria-label="{words}" title="{words}"'
        return f'<span class="nr-sign {mark.css}" {told}>{mark.sign}</span>'

    def _words(self, text: str, cites: bool) -> str:
        written = "".join(self._with_citations(text)) if cites else escape(text)
        if not written or self._sentence is None:
            return written
        return f'<span class="nr-sentence {self.marks[self._sentence].css}">{written}</span>'

    def _with_citations(self, text: str) -> Iterator[str]:
        after = 0
        for mark in citation_marks(text):
            yield escape(text[after : mark.start])
            near = text[mark.end : mark.end + 4]
            after = mark.end + len(near) - len(near.lstrip(_CLOSING))
            cited = "".join(map(self._citation, mark.numbers))
            yield f'<span class="nr-keep">{cited}{escape(text[mark.end : after])}</span>'
        yield escape(text[after:])

    def _citation(self, number: int) -> str:
        passage = self.passages.get(number)
        if passage is None or self._cited >= MOST_PASSAGES:
            return f'<span class="nr-uncounted">[{number}]</span>'
        self._cited += 1
        id = escape(f"{self.name}-{self._cited}")
        return (
            f'<span class="nr-cite"><button type="button" popovertarget="{id}" '
            f'aria-label="{escape(passage.label)}">[{number}]</button>'
            f'<span class="nr-passage" popover="auto" id="{id}">{passage.html}</span></span>'
        )


def _grouped(nodes: Sequence[Node]) -> Iterator[tuple[str, list[Node]]]:
    """Texts side by side are one: a citation must not be torn."""
    group: list[Node] = []
    for node in nodes:
        if group and not (node.type == group[0].type == "text"):
            yield group[0].type, group
            group = []
        group.append(node)
    if group:
        yield group[0].type, group


def _plain(node: Node) -> str:
    return "".join(_plain(child) or " " for child in node.children) if node.children else node.content
