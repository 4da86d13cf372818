"""What a page's own styles say of an element: its style attribute, and the simple rules of its style tags.

Rules for a tag, classes and ids are read; what applies only here or there (@media), or to an element by where
it stands, is passed over, and styles of other files are never seen.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lxml.html import HtmlElement

Styles = dict[str, str]
"""Values by property, both in small letters."""
_Declaration = tuple[str, str, bool]
"""Property, value, and whether it is called important."""

_MOST_RULES, _MOST_ALIKE = 2_000, 100
"""How many rules are read of a page, and kept under one name: each element is compared with those."""
_LONGEST = 300
"""Characters of a selector or a value; what is longer hides nothing that we look for."""
_SELECTOR = re.compile(r"([a-z][\w-]*|\*)?((?:[.#][\w-]+)*)")
_NAMES = re.compile(r"[.#][\w-]+")
_ESCAPE = re.compile(r"\\(?:([0-9a-fA-F]{1,6})[ \n\t]?|(.))")


@dataclass(frozen=True)
class _Rule:
    tag: str
    names: frozenset[str]
    weight: tuple[int, int, int, int]
    """How many ids, classes and tags it names, and its place: what weighs more counts."""
    said: tuple[_Declaration, ...]


class Stylesheet:
    """The rules of a page's style tags."""

    def __init__(self, css: str) -> None:
        self._by_name: dict[str, list[_Rule]] = defaultdict(list)
        self._said: dict[tuple[str, str, str], list[_Declaration]] = {}
        """What the rules say of elements that are alike; a page has few sorts of them."""
        for place, (selectors, body) in enumerate(_rules(_without_comments(css))):
            if place == _MOST_RULES:
                break
            said = tuple(_declarations(body))
            for selector in selectors.split(",") if said else ():
                self._add(selector.strip(), place, said)

    def _add(self, selector: str, place: int, said: tuple[_Declaration, ...]) -> None:
        match = _SELECTOR.fullmatch(selector) if 0 < len(selector) <= _LONGEST else None
        if match is None:
            return
        tag, names = (match.group(1) or "*").lower(), _NAMES.findall(match.group(2))
        ids = sum(name.startswith("#") for name in names)
        weight = (ids, len(names) - ids, int(tag != "*"), place)
        alike = self._by_name[names[0] if names else tag]
        if len(alike) < _MOST_ALIKE:
            alike.append(_Rule(tag, frozenset(names), weight, said))

    def of(self, element: HtmlElement) -> Styles:
        """What counts for this element."""
        alike = (element.tag, element.get("class", ""), element.get("id", ""))
        if alike not in self._said:
            self._said[alike] = self._of_rules(*alike)
        said = [*self._said[alike], *_declarations(_without_comments(element.get("style", "")))]
        # Sorting keeps the order of equals: what is important counts before all that is not.
        return {name: value for name, value, _ in sorted(said, key=lambda line: line[2])}

    def _of_rules(self, tag: str, classes: str, id_: str) -> list[_Declaration]:
        names = {f".{name}" for name in classes.split()} | ({f"#{id_}"} if id_ else set())
        found = {
            rule
            for name in (*names, tag, "*")
            for rule in self._by_name.get(name, ())
            if rule.names <= names and rule.tag in ("*", tag)
        }
        return [line for rule in sorted(found, key=lambda rule: rule.weight) for line in rule.said]


def _without_comments(css: str) -> str:
    first, *others = css.split("/*")
    return first + "".join(piece.partition("*/")[2] for piece in others)


def _rules(css: str) -> Iterator[tuple[str, str]]:
    """Selectors and bodies of the rules that stand in no other."""
    depth = begin = 0
    selectors = ""
    for found in re.finditer(r"[{}]", css):
        if found.group() == "{":
            depth += 1
            if depth == 1:
                selectors, begin = css[begin : found.start()].rpartition(";")[2], found.end()
            continue
        if depth == 1 and not selectors.lstrip().startswith("@"):
            yield selectors, css[begin : found.start()]
        depth = max(0, depth - 1)
        if depth == 0:
            begin = found.end()


def _declarations(css: str) -> Iterator[_Declaration]:
    for line in _ESCAPE.sub(_unescaped, css).lower().split(";"):
        name, colon, value = line.partition(":")
        if colon and len(value) <= _LONGEST:
            value, mark, _ = value.partition("!")
            yield name.strip(), " ".join(value.split()), bool(mark)


def _unescaped(found: re.Match[str]) -> str:
    code = int(found.group(1) or "0", 16)
    return chr(code) if 0 < code < 0x110000 else found.group(2) or ""
