"""Bytes become text, and characters that no reader sees leave it.

A page tells its encoding in its header, in a mark at its beginning or in a meta tag, and any of them may be
wrong. Korean pages of any age are UTF-8 or CP949 (of which EUC-KR is the older part, and is read as it, as
browsers do), so these two are tried whatever was told.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_META = re.compile(rb"charset\s{0,9}=\s{0,9}[\"']?\s{0,9}([A-Za-z0-9_.:-]{1,40})")
_META_WITHIN = 4_096
_KOREAN = {"euc-kr", "euc_kr", "ks_c_5601-1987", "ks_c_5601", "ksc5601", "ksc_5601", "korean", "uhc"}
_KNOWN = re.compile(
    r"utf-8|utf-16(-[lb]e)?|cp949|johab|shift_jis|cp932|euc_jp|gb2312|gbk|gb18030|big5|cp125\d|koi8-[ru]"
    r"|iso8859-\d{1,2}|ascii"
)
"""Encodings of text that pages are written in. Python knows others, which hide what is written (UTF-7)."""
_OF_ONE_BYTE = re.compile(r"cp125\d|koi8-[ru]|iso8859-\d{1,2}")
"""Any bytes can be read as these, so that they are believed only of what is not Korean."""
_RANGES = (
    *((0x00, 0x08), (0x0B, 0x0C), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F)),  # control characters
    *((0xAD, 0xAD), (0x34F, 0x34F), (0x61C, 0x61C), (0x180B, 0x180E), (0x200B, 0x200F)),  # of no width
    *((0x202A, 0x202E), (0x2060, 0x206F), (0xFEFF, 0xFEFF), (0xFFF9, 0xFFFB)),  # turn the direction, annotate
    *((0x115F, 0x1160), (0x3164, 0x3164), (0xFFA0, 0xFFA0)),  # Hangul of no ink
    *((0xFE00, 0xFE0E), (0xE0000, 0xE0FFF)),  # variants of a character, and letters in tags of a flag
)
_UNSEEN: dict[int, str | None] = {
    **{code: None for first, last in _RANGES for code in range(first, last + 1)},
    **dict.fromkeys((0x85, 0x2028, 0x2029), "\n"),
}


def seen(text: str) -> str:
    """Without the characters that a reader does not see, each line's end a line feed."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_UNSEEN)


def one_line(text: str | None, longest: int = 300) -> str:
    """A title or a name."""
    return " ".join(seen(text or "").split())[:longest]


def decoded(data: bytes, told: str | None = None) -> str:
    """The text of these bytes; `told` is the encoding that came with them. What nothing can read has its
    characters replaced where they are broken."""
    encodings = list(_encodings(data, told))
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return min((data.decode(encoding, "replace") for encoding in encodings), key=lambda text: text.count("�"))


def _encodings(data: bytes, told: str | None) -> Iterator[str]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            yield encoding
    meta = _META.search(data[:_META_WITHIN])
    named = [_named(told), _named(meta.group(1).decode("ascii")) if meta else None]
    yield from (name for name in named if name and not _OF_ONE_BYTE.fullmatch(name))
    yield from ("utf-8", "cp949")
    yield from (name for name in named if name and _OF_ONE_BYTE.fullmatch(name))


def _named(label: str | None) -> str | None:
    label = (label or "").strip().strip("\"'").lower()
    if label in _KOREAN:
        return "cp949"
    try:
        name = codecs.lookup(label).name
    except (LookupError, ValueError):
        return None
    return name if _KNOWN.fullmatch(name) else None
