"""Addresses in an answer that no source has: links, images and bare domains that a model made up."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from urllib.parse import unquote

from search.records import SearchSource

_TOP = (
    "com|net|org|edu|gov|info|biz|io|ai|dev|app|me|tv|xyz|site|shop|online|store|blog|cloud|wiki|news"
    "|kr|jp|cn|uk|de|fr|eu|us|ru|tw|hk|in|한국"
)
_HOST = rf"(?<![\w@.-])(?:[\w-]{{1,63}}\.){{1,8}}(?:{_TOP})(?![A-Za-z0-9_-]|\.\w)"
_REST = r"[^\s<>\"'`|\]\[（）】」』]{0,2000}"
_ADDRESS = re.compile(
    rf"(?:(?:https?|ftp)://|(?<![\w@.-])www\.){_REST}|{_HOST}(?:[:/?#]{_REST})?", re.IGNORECASE
)
_LINKED = re.compile(
    r"\]\(\s{0,3}<?([^\s<>\[\]]{1,2000})|^[ \t]{0,3}\[[^\]\[\n]{1,200}\]:[ \t]{0,9}(\S{1,2000})",
    re.MULTILINE,
)
_SCHEME = re.compile(r"^(?:[a-z][a-z0-9+.-]{1,15}:)?(?://)?(?:www\.)?", re.IGNORECASE)
_PARTICLES = r"(?:에서|에|의|은|는|이|가|을|를|로|으로|과|와|도|입니다|이다|라는|까지){1,3}$"
_BEHIND = re.compile(rf"[.,;:!?*_~…]{{1,9}}$|(?<=[a-z0-9/]){_PARTICLES}")
_ANY_PARTICLES = re.compile(_PARTICLES)


def invented_addresses(text: str, sources: Sequence[SearchSource]) -> tuple[str, ...]:
    """As they stand in the answer. A source's own address, its host alone, and an address that a passage
    holds are not invented."""
    addresses = tuple(dict.fromkeys(_addresses(text)))
    if not addresses:
        return ()
    known = {_one_form(source.url) for source in sources} | {_one_form(source.site) for source in sources}
    known |= {_one_form(address) for source in sources for address in _addresses(source.passage)}
    known |= {address.partition("/")[0] for address in known}
    forms = {address: _one_form(address) for address in addresses}
    return tuple(
        address for address, form in forms.items() if not {form, _ANY_PARTICLES.sub("", form)} & known
    )


def _addresses(text: str) -> Iterator[str]:
    for found in _ADDRESS.finditer(text):
        address = _trimmed(found.group())
        if "." in address or "://" in address:
            yield address
    for found in _LINKED.finditer(text):
        target = _trimmed(found.group(1) or found.group(2))
        if target and not target.startswith("#") and not _ADDRESS.match(target):
            yield target


def _trimmed(address: str) -> str:
    """Without the marks of the sentence around it and the particle behind it."""
    for _ in range(3):
        address = _BEHIND.sub("", address)
        if address.endswith(")") and address.count(")") > address.count("("):
            address = address[: address.rfind(")")]
    return address


def _one_form(address: str) -> str:
    plain = unquote(html.unescape(address.strip()))
    return _SCHEME.sub("", plain).partition("#")[0].rstrip("/").lower()
