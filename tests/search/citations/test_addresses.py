"""An address that no source has is found, however it is written; those of the sources are left alone.

Run: python -m pytest tests/search/citations/test_addresses.py
"""

from __future__ import annotations

import pytest

from search.citations.addresses import invented_addresses
from search.records import SearchSource

SOURCES = (
    SearchSource(
        1,
        "한라산",
        "https://ko.wikipedia.org/wiki/%ED%95%9C%EB%9D%BC%EC%82%B0",
        "ko.wikipedia.org",
        "",
        "http://a.kr/x",
    ),
    SearchSource(2, "백두산", "산/백두산.md", "산", "", ""),
)


@pytest.mark.parametrize(
    ("text", "invented"),
    [
        ("https://b.kr/x?q=1#top 참고", "https://b.kr/x?q=1#top"),
        ("(https://b.kr/x).", "https://b.kr/x"),
        ("https://b.kr/한라산_(산)", "https://b.kr/한라산_(산)"),
        ("<http://b.kr>", "http://b.kr"),
        ("naver.com에서 보았다", "naver.com"),
        ("WWW.Daum.net 참고", "WWW.Daum.net"),
        ("[한라산](https://b.kr/x)", "https://b.kr/x"),
        ("높다[1](https://b.kr/x).", "https://b.kr/x"),
        ("![그림](https://b.kr/x.png)", "https://b.kr/x.png"),
        ("![그림](data:image/png;base64,AA)", "data:image/png;base64,AA"),
        ("[눌러](javascript:alert(1))", "javascript:alert(1)"),
        ("[한라산](산/없다.md)", "산/없다.md"),
        ("[1]: ftp://b.kr/x", "ftp://b.kr/x"),
        ("https://ko.wikipedia.org/wiki/없는_쪽", "https://ko.wikipedia.org/wiki/없는_쪽"),
        ("https://ko.wikipedia.org.b.kr/", "https://ko.wikipedia.org.b.kr/"),
        ("https://ko.wikipedia.org@b.kr/", "https://ko.wikipedia.org@b.kr/"),
    ],
)
def test_an_address_that_no_source_has_is_found(text: str, invented: str) -> None:
    assert invented_addresses(text, SOURCES) == (invented,)


@pytest.mark.parametrize(
    "text",
    [
        "https://ko.wikipedia.org/wiki/%ED%95%9C%EB%9D%BC%EC%82%B0",
        "https://ko.wikipedia.org/wiki/한라산에 있다",
        "http://www.ko.wikipedia.org/wiki/한라산/.",
        "ko.wikipedia.org에 따르면",
        "[백두산](산/백두산.md)",
        "[한라산](https://ko.wikipedia.org/wiki/한라산)",
        "a.kr/x 참고",
        "a.kr에 따르면",
        "README.md와 a.py, 3.5배, U.S., me@b.kr",
        "[위로](#top)",
        "[1][2] (1)",
    ],
)
def test_what_the_sources_have_and_what_is_no_address_is_left_alone(text: str) -> None:
    assert invented_addresses(text, SOURCES) == ()
