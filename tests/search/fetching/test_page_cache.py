"""A page is fetched once an hour; failures are asked for again, and a broken cache costs nothing.

Run: python -m pytest tests/search/fetching/test_page_cache.py
"""

from __future__ import annotations

from pathlib import Path

import pytest

from search.fetching.page_cache import FetchedPage, PageCache
from search.problems import SearchProblem
from tests.search.fetching.public_web import PublicWeb, elsewhere, page_of, reply, watch

PAGE = FetchedPage("http://page.example/end", "text/html", "euc-kr", b"\0\xff" * 500)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_a_page_counts_until_it_expires(tmp_path: Path) -> None:
    clock = Clock()
    cache = PageCache(tmp_path / "new" / "pages.db", seconds=100, now=clock)
    assert cache.get("http://page.example/") is None
    cache.put("http://page.example/", PAGE)
    assert cache.get("http://page.example/") == PAGE
    assert PageCache(tmp_path / "new" / "pages.db", now=clock).get("http://page.example/") == PAGE
    clock.now += 100
    assert cache.get("http://page.example/") is None
    clock.now -= 1_000
    assert cache.get("http://page.example/") is None, "a page of the future"


def test_the_oldest_pages_make_room(tmp_path: Path) -> None:
    path = tmp_path / "pages.db"
    cache = PageCache(path, most_bytes=10_000, now=Clock())
    for number in range(60):
        cache.put(str(number), PAGE)
    assert [number for number in range(60) if cache.get(str(number))] == list(range(50, 60))
    assert path.stat().st_size < 40_000
    cache.put("large", FetchedPage("", "", "", bytes(10_001)))
    assert cache.get("large") is None


@pytest.mark.parametrize("content", [b"no database" * 500, b"SQLite format 3\0" + b"\xff" * 5_000, b""])
def test_a_broken_cache_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pages.db"
    path.write_bytes(content)
    cache = PageCache(path)
    for _ in range(2):
        cache.put("a", PAGE)
    assert cache.get("a") == PAGE


def test_a_cache_that_cannot_be_written_costs_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file" / "pages.db", tmp_path):
        cache = PageCache(path)
        cache.put("a", PAGE)
        assert cache.get("a") is None


def test_a_page_is_fetched_once_and_a_failure_again(web: PublicWeb, tmp_path: Path) -> None:
    cache = PageCache(tmp_path / "pages.db")
    web.pages |= {"page.example/": elsewhere("/end"), "page.example/end": page_of("글")}
    first = web.fetcher(cache).fetch("http://page.example/", watch())
    assert web.fetcher(cache).fetch("http://page.example:80/", watch()) == first
    assert web.asked() == ["page.example/", "page.example/end"]
    for number in range(2):
        with pytest.raises(SearchProblem):
            web.fetcher(cache).fetch("http://page.example/none", watch())
        assert web.asked().count("page.example/none") == number + 1


def test_a_page_that_wants_to_be_kept_nowhere_is_not(web: PublicWeb, tmp_path: Path) -> None:
    cache = PageCache(tmp_path / "pages.db")
    web.pages["page.example/"] = reply(b"<p>a</p>", Cache_Control="private, No-Store")
    for _ in range(2):
        web.fetcher(cache).fetch("http://page.example/", watch())
    assert len(web.asked()) == 2


def test_a_kept_page_does_not_open_the_guard(web: PublicWeb, tmp_path: Path) -> None:
    cache = PageCache(tmp_path / "pages.db")
    cache.put("http://127.0.0.1/", PAGE)
    cache.put("http://127.1/", PAGE)
    with pytest.raises(SearchProblem):
        web.fetcher(cache).fetch("http://127.1/", watch())
