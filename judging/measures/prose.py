"""A text as the measures read it: composed, and without what is no language (code, addresses, formulas).

Every pattern here takes time in proportion to the text, whatever the text is.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_NO_LANGUAGE = re.compile(
    r"`[^`\n]*`"
    r"|(?:https?://|www\.)[^\s<>가-힣ㄱ-ㅎㅏ-ㅣ]*[^\s<>가-힣ㄱ-ㅎㅏ-ㅣ.,!?)\]]"
    r"|\$\$[^$]+\$\$|\$(?! )[^$\n]*(?<! )\$(?!\d)"
    r"|\\\((?:[^\\]|\\(?![()]))*\\\)|\\\[(?:[^\\]|\\(?![\[\]]))*\\\]"
)
_FENCES = ("```", "~~~")


def prose(text: str) -> str:
    """The text in NFC; a space stands where code, an address or a formula stood."""
    return _NO_LANGUAGE.sub(" ", "\n".join(_outside_fences(unicodedata.normalize("NFC", text))))


def _outside_fences(text: str) -> Iterator[str]:
    """A fence that nobody closes reaches to the end, as Markdown has it."""
    fence = ""
    for line in text.splitlines():
        begins = line.lstrip()[:3]
        if fence:
            fence = "" if begins == fence else fence
        elif begins in _FENCES:
            fence = begins
        else:
            yield line
