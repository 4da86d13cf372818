"""What robots.txt says is followed, and what is done where it says nothing or cannot be had.

Run: python -m pytest tests/search/fetching/test_robots.py
"""

from __future__ import annotations

import pytest

from search.fetching.robots import RobotsRules
from search.problems import SearchProblem
from tests.search.fetching.public_web import PublicWeb, elsewhere, page_of, reply, watch

RULES = [
    ("", "/a", True),
    ("User-agent: *\nDisallow: /", "/a", False),
    ("User-agent: *\nDisallow:", "/a", True),
    ("User-agent: other\nDisallow: /", "/a", True),
    ("User-agent: narani\nDisallow: /a", "/a", False),
    ("USER-AGENT : Narani/1.0\r\ndisallow : /a # so", "/abc", False),
    ("User-agent: *\nDisallow: /\n\nUser-agent: Narani\nAllow: /", "/a", True),
    ("User-agent: Narani\nDisallow: /x\n\nUser-agent: *\nDisallow: /", "/a", True),
    ("User-agent: other\nUser-agent: *\nDisallow: /", "/a", False),
    ("User-agent: *\nDisallow: /a\nUser-agent: *\nDisallow: /b", "/b", False),
    ("User-agent: *\nDisallow: /a\nAllow: /a/b", "/a/b/c", True),
    ("User-agent: *\nAllow: /a/b\nDisallow: /a", "/a/c", False),
    ("User-agent: *\nDisallow: /a\nAllow: /a", "/a", True),
    ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf", False),
    ("User-agent: *\nDisallow: /*.pdf$", "/x/y.pdf?z", True),
    ("User-agent: *\nDisallow: /a$", "/a", False),
    ("User-agent: *\nDisallow: /a$", "/ab", True),
    ("User-agent: *\nDisallow: /*?print=", "/x?print=1", False),
    ("User-agent: *\nDisallow: /a*b*c", "/a1b2c3", False),
    ("User-agent: *\nDisallow: /a*b*c", "/a1c2b3", True),
    ("User-agent: *\nDisallow: *ab$", "/ab/b", True),
    ("User-agent: *\nDisallow: /한글", "/%ED%95%9C%EA%B8%80/a", False),
    ("User-agent: *\nDisallow: /%ed%95%9c", "/%ED%95%9C", False),
    ("User-agent: *\nDisallow: /a%2Fb", "/a/b", False),
    ("Disallow: /", "/a", True),
    ("<html><body>없는 페이지: /</body></html>", "/a", True),
    ("Sitemap: http://x/\nUser-agent: *\nCrawl-delay: 1\nDisallow: /a", "/a", False),
]


@pytest.mark.parametrize(("text", "path", "allowed"), RULES)
def test_the_longest_rule_of_our_group_counts(text: str, path: str, allowed: bool) -> None:
    assert RobotsRules(text).allows(path) is allowed


@pytest.mark.parametrize("pattern", ["*a" * 2_000 + "b", "*" * 4_000, "a*" * 2_000 + "$", "/" + "a" * 4_000])
def test_a_rule_of_many_stars_is_looked_for_once(pattern: str) -> None:
    """A regular expression of the same rule would not come back."""
    rules = RobotsRules("User-agent: *\n" + f"Disallow: {pattern}\n" * 20)
    assert rules.allows("/" + "a" * 4_000) in (True, False)


def fetched(web: PublicWeb, path: str = "/") -> str:
    """The code of the problem, or nothing."""
    try:
        web.fetcher().fetch(f"http://page.example{path}", watch())
    except SearchProblem as problem:
        return problem.code
    return ""


@pytest.mark.parametrize(
    ("robots", "code"),
    [
        (reply(b"", 404), ""),
        (reply(b"", 403), ""),
        (reply(b"", 204), ""),
        (reply(b"User-agent: *\nDisallow: /", kind="text/plain"), "search-robots-refuse"),
        (reply(b"\xef\xbb\xbfUser-agent: *\nDisallow: /", kind=None), "search-robots-refuse"),
        (reply(b"", 500), "search-robots-unreachable"),
        (reply(b"", 503), "search-robots-unreachable"),
        (reply(b"", 429), "search-robots-unreachable"),
        (elsewhere("/robots.txt"), ""),
        (elsewhere("http://other.example/robots"), "search-robots-refuse"),
        (b"nonsense", "search-page-unreachable"),
    ],
)
def test_a_host_is_asked_before_its_page_is(web: PublicWeb, robots: bytes, code: str) -> None:
    web.pages |= {"page.example/": page_of("글"), "page.example/robots.txt": robots}
    web.pages["other.example/robots"] = reply(b"User-agent: *\nDisallow: /")
    assert fetched(web) == code
    assert ("page.example/" in web.requests) is (code == "")


def test_a_redirect_to_a_page_that_wants_no_programs_is_not_followed(web: PublicWeb) -> None:
    web.pages |= {"page.example/": elsewhere("http://other.example/no"), "other.example/no": page_of("글")}
    web.pages["other.example/robots.txt"] = reply(b"User-agent: *\nDisallow: /no")
    assert fetched(web) == "search-robots-refuse"
    assert "other.example/no" not in web.requests


def test_a_host_is_asked_once_for_several_pages(web: PublicWeb) -> None:
    fetcher = web.fetcher()
    for path in ("/a", "/b", "/c"):
        web.pages[f"page.example{path}"] = page_of("글")
        fetcher.fetch(f"http://page.example{path}", watch())
    assert web.requests.count("page.example/robots.txt") == 1


def test_of_a_long_robots_txt_the_beginning_counts(web: PublicWeb) -> None:
    rules = b"User-agent: *\nDisallow: /no\n" + b"# long\n" * 5_000 + b"Disallow: /yes\n"
    web.pages |= {"page.example/robots.txt": reply(rules), "page.example/yes": page_of("글")}
    fetcher = web.fetcher(robots=10_000)
    assert fetcher.fetch("http://page.example/yes", watch()).body
    with pytest.raises(SearchProblem):
        fetcher.fetch("http://page.example/no", watch())
