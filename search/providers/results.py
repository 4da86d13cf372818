"""What services call a result made into results of ours: plain text, one form of address, nothing twice."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from search.extraction.characters import seen
from search.records import SearchResult
from search.words import normalized

_MOST_TITLE, _MOST_SNIPPET, _MOST_URL = 300, 2_000, 2_000
_MOST_READ = 20_000
"""The characters that are looked at of a text before its tags and entities are gone."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
"""Control characters, and halves of characters, which no file can hold."""
_PORTS = {"http": 80, "https": 443}


def plain_text(text: object, most: int) -> str:
    """One line without tags; entities last, so that a tag that is spoken of stays."""
    if not isinstance(text, str):
        return ""
    untagged = html.unescape(_TAG.sub("", text[:_MOST_READ]))
    line = one_line(untagged)
    return line if len(line) <= most else line[: most - 1] + "…"


def one_line(text: str) -> str:
    """Without what no reader sees, by which a page could give orders to a model."""
    return " ".join(normalized(seen(_CONTROLS.sub(" ", text))).split())


def web_address(url: object) -> str | None:
    """One form of an address of the web, without the part behind `#`; None for anything else."""
    if not isinstance(url, str) or len(url) > _MOST_URL:
        return None
    url = url.strip()
    if re.search(r"[\s\\]", url) or _CONTROLS.search(url) or seen(url) != url:
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host or "@" in parts.netloc:
        return None
    place = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS[parts.scheme]):
        place += f":{port}"
    return urlunsplit((parts.scheme, place, parts.path or "/", parts.query, ""))


def results_of(found: Iterable[object], fields: Mapping[str, str], limit: int) -> list[SearchResult]:
    """`fields` says under which name a service holds each field of ours."""
    kept: dict[str, SearchResult] = {}
    for result in _readable(found, fields):
        kept.setdefault(result.url.partition("://")[2].rstrip("/"), result)
        if len(kept) == limit:
            break
    return list(kept.values())


def _readable(found: Iterable[object], fields: Mapping[str, str]) -> Iterator[SearchResult]:
    for each in found:
        values: Mapping[str, Any] = each if isinstance(each, dict) else {}
        url = web_address(values.get(fields["url"]))
        if url is not None:
            site = (urlsplit(url).hostname or "").removeprefix("www.")
            yield SearchResult(
                title=plain_text(values.get(fields["title"]), _MOST_TITLE) or site,
                url=url,
                snippet=plain_text(values.get(fields["snippet"]), _MOST_SNIPPET),
                site=site,
                date=plain_text(values.get(fields.get("date", "")), 40),
            )
