"""What a reader of a page cannot see is taken out of it before its text is read.

Text that only a machine reads is the way by which a page gives orders to a model. Not seen as hidden: what
other files' styles or scripts hide, text in the color of its ground, and text behind something else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from search.extraction.stylesheet import Styles, Stylesheet

if TYPE_CHECKING:
    from lxml.html import HtmlElement

_NO_TEXT = {
    *("script", "style", "template", "noscript", "noframes", "iframe", "object", "embed", "svg", "canvas"),
    *("audio", "video", "datalist"),
}
_LENGTH = re.compile(r"([-+]?(?:\d+(?:\.\d*)?|\.\d+))(px|pt|em|rem|ex|ch|vw|vh|%|cm|mm|in|)")
_PIXELS = {
    "": 1.0,
    "px": 1.0,
    "pt": 1.33,
    "em": 16.0,
    "rem": 16.0,
    "ex": 8.0,
    "ch": 8.0,
    "vw": 12.0,
    "vh": 8.0,
}
_PIXELS |= {"%": 10.0, "cm": 38.0, "mm": 3.8, "in": 96.0}
_FONT_PERCENT = 0.016
"""A percent of a font's size, in percents of a page's width."""
_RELATIVE = ("em", "%", "ex", "ch")
_FAR, _VERY_FAR = 400.0, 1_500.0
"""Pixels out of the page: by its position, and by what also shifts things that stay in it."""
_SMALLEST_FONT, _SMALLEST_BOX, _LEAST_OPACITY = 2.0, 1.0, 0.05
_SCALED_AWAY = re.compile(r"scale[xy]?\(\s*(?:0+(?:\.0*)?|\.0+)\s*[,)]")
_MOVED = re.compile(r"translate(?:[xyz]|3d)?\(([^()]{0,99})\)")
_NO_COLOR = re.compile(
    r"transparent|#[0-9a-f]{3}0|#[0-9a-f]{6}00|(?:rgba|hsla)\([^()]{0,60}[,/]\s?(?:0+(?:\.0*)?|\.0+)%?\)"
)
_CLIPPED = re.compile(r"rect\(([^()]{0,60})\)|inset\((?:[5-9]\d|100)%[^()]{0,60}\)|circle\(0[^()]{0,60}\)")

_Inherited = dict[str, bool]
"""For each property whether it makes text unseen, unless an element inside says otherwise."""


def remove_hidden(page: HtmlElement) -> None:
    """Take it out of this tree, comments and scripts with it."""
    sheet = Stylesheet("\n".join(style.text or "" for style in page.iter("style")))
    left: list[tuple[HtmlElement, _Inherited]] = [(page, {})]
    while left:
        element, inherited = left.pop()
        whole = element.tag in ("html", "body")  # a page that hides itself shows itself by script
        styles = {} if whole else sheet.of(element)
        if not whole and (_without_text(element) or _taken_out(styles)):
            element.drop_tree()
            continue
        inherited = {**inherited, **_inherited(styles)}
        children = list(element)
        if any(inherited.values()):
            element.text = ""
            for child in children:
                child.tail = ""
        left.extend((child, inherited) for child in children)


def _without_text(element: HtmlElement) -> bool:
    return (
        not isinstance(element.tag, str)
        or element.tag in _NO_TEXT
        or element.get("hidden") is not None
        or element.get("popover") is not None
        or element.get("aria-hidden", "").strip().lower() == "true"
        or (element.tag == "dialog" and element.get("open") is None)
    )


def _taken_out(styles: Styles) -> bool:
    """Whether all of it is unseen, whatever stands inside."""
    return bool(styles) and (
        styles.get("display") == "none"
        or styles.get("content-visibility") == "hidden"
        or _faint(styles.get("opacity", ""))
        or _off_screen(styles)
        or _no_size(styles)
        or bool(_SCALED_AWAY.search(styles.get("transform", "")))
        or _clipped(styles.get("clip", ""))
        or _clipped(styles.get("clip-path", ""))
    )


def _inherited(styles: Styles) -> _Inherited:
    said: _Inherited = {}
    if (visibility := styles.get("visibility")) is not None and visibility != "inherit":
        said["visibility"] = visibility in ("hidden", "collapse")
    for value in (styles.get("font-size", ""), *styles.get("font", "").split()):
        size, unit = _length(value.partition("/")[0])
        size = None if size is None else size * (_FONT_PERCENT if unit == "%" else 1)
        if size is not None and (unit not in _RELATIVE or size < _SMALLEST_FONT):
            said["font-size"] = size < _SMALLEST_FONT
    if (color := styles.get("color")) is not None and color != "inherit":
        said["color"] = bool(_NO_COLOR.fullmatch(color)) and "text" not in (
            styles.get("background-clip", ""),
            styles.get("-webkit-background-clip", ""),
        )
    return said


def _off_screen(styles: Styles) -> bool:
    if styles.get("position") in ("absolute", "fixed", "relative"):
        places = (_length(styles.get(side, ""))[0] or 0.0 for side in ("left", "right", "top", "bottom"))
        if any(place <= -_FAR or place >= 2 * _VERY_FAR for place in places):
            return True
    indent = _length(styles.get("text-indent", ""))[0] or 0.0
    shifted = [_length(styles.get(f"margin-{side}", ""))[0] or 0.0 for side in ("left", "top", "right")]
    for moved in _MOVED.findall(styles.get("transform", "")):
        shifted += [_length(part.strip())[0] or 0.0 for part in moved.split(",")]
    return abs(indent) >= _FAR or any(abs(by) >= _VERY_FAR for by in shifted)


def _no_size(styles: Styles) -> bool:
    cut = {styles.get(name, "").partition(" ")[0] for name in ("overflow", "overflow-x", "overflow-y")}
    sizes = (_length(styles.get(name, ""))[0] for name in ("width", "height", "max-width", "max-height"))
    return bool(cut & {"hidden", "clip"}) and any(
        size is not None and size <= _SMALLEST_BOX for size in sizes
    )


def _clipped(value: str) -> bool:
    match = _CLIPPED.search(value)
    if match is None or match.group(1) is None:
        return match is not None
    sides = [_length(side)[0] for side in match.group(1).replace(",", " ").split()]
    return len(sides) == 4 and all(side is not None and side <= _SMALLEST_BOX for side in sides)


def _faint(value: str) -> bool:
    size, unit = _length(value)
    return size is not None and size < _LEAST_OPACITY * (1_000 if unit == "%" else 1)


def _length(value: str) -> tuple[float | None, str]:
    """In pixels, about, and its unit; None where it is none."""
    match = _LENGTH.fullmatch(value)
    if match is None:
        return None, ""
    unit = match.group(2)
    return float(match.group(1)) * _PIXELS[unit], unit
