"""Any text as part of our own Markdown, where it stands for nothing but itself.

Knows: which characters Markdown and Streamlit's additions to it read as more than text.
Refuses to know: structure; a text comes out as one line.
"""

from __future__ import annotations

import re

SEAM = ":color[]"
"""A span without text or color. Streamlit reads shortcodes, arrows and addresses in the finished text, where
a backslash no longer shows; between the two halves of one, a seam is what keeps them from being read."""

_MARKS = str.maketrans({mark: f"\\{mark}" for mark in "\\`*_{}[]()<>#+-.!|~$:&=/@^"} | {"\0": SEAM})
_BREAK = re.compile(
    r""" :(?=[A-Za-z0-9_+-]+:)         # :smile: :material_home: :streamlit:
       | :(?=//) | [wW]{3}(?=\.)       # http://… www.…
       | [A-Za-z0-9_.+-](?=@)          # name@host
       | -(?=>) | (?<!-)-(?=-(?!-))    # -> --
       | <(?=[-=]) | [>~](?==)         # <- <= >= ~=
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(
    r"(?! |\d+\))(?:[^\W_]|[ /%,·()'\"?!]|(?<=\w)(?<![wW]{3})\.(?=\w)|(?<=\w)[_+-](?=[^\W_])|(?<=\w): )*"
)
"""No mark that Markdown reads, nor anything it makes a link of. A title is rarely more."""
_ENDS = re.compile(r"[\r\n]+")
_NO_CHARACTER = re.compile("[\ud800-\udfff]")
_PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
"""One transparent pixel: Streamlit allows a picture in a label, and a picture has words of its own."""


def whole_characters(text: str) -> str:
    """Half a surrogate pair cannot be sent to a browser."""
    return _NO_CHARACTER.sub("\ufffd", text)


def safe_text(text: str) -> str:
    """For a place inside a line of our own Markdown: a title, a caption, a label."""
    line = _ENDS.sub(" ", whole_characters(text))
    return _BREAK.sub(lambda found: found[0] + "\0", line.replace("\0", "\ufffd")).translate(_MARKS)


def is_plain(text: str) -> bool:
    """Whether it stands for nothing but itself. The label of a checkbox is read out as it is written,
    with every backslash in it: what is not plain has to stand beside it."""
    return _PLAIN.fullmatch(text) is not None


def icon_label(words: str) -> str:
    """The label of a button that shows nothing but its icon, for those who have it read out. Without a label
    Streamlit names the button after its icon, in English."""
    return f"![{safe_text(words)}]({_PIXEL})"
