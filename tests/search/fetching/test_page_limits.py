"""A page that is slow, endless, packed or no page at all ends within its limits and is told in a sentence.

Run: python -m pytest tests/search/fetching/test_page_limits.py
"""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from errors import Stopped
from search.fetching.fetcher import user_agent
from search.problems import SearchProblem
from search.watch import SearchWatch
from tests.search.fetching.public_web import ALSO_PUBLIC, PUBLIC, PublicWeb, elsewhere, page_of, reply, watch

ADDRESS = "http://page.example/"
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"


def refusal(web: PublicWeb, **limits: Any) -> SearchProblem:
    with pytest.raises(SearchProblem, match="page.example") as problem:
        web.fetcher(**limits).fetch(ADDRESS, watch())
    return problem.value


def dripping(begin: bytes, drop: bytes) -> Callable[[socket.socket], None]:
    def act(connection: socket.socket) -> None:
        connection.sendall(begin)
        for _ in range(200):
            connection.sendall(drop)
            threading.Event().wait(0.05)

    return act


@pytest.mark.parametrize(
    "act",
    [
        dripping(HEAD + b"Content-Length: 1000\r\n\r\n", b"a"),
        dripping(HEAD + b"\r\n", b"a"),
        dripping(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        dripping(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
        dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        dripping(b"", b""),
    ],
    ids=["body", "body without a length", "chunks", "headers", "only to wait", "silence"],
)
@pytest.mark.parametrize("path", ["/", "/robots.txt"])
def test_a_page_that_drips_ends_at_its_deadline(
    web: PublicWeb, act: Callable[[socket.socket], None], path: str
) -> None:
    web.pages |= {f"page.example{path}": act}
    assert refusal(web, seconds=0.1).code == "search-page-late"


def test_a_name_that_is_not_resolved_in_time_is_late(web: PublicWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        asked.wait(5)
        return [PUBLIC]

    monkeypatch.setattr(web, "resolve", resolve)
    assert refusal(web, seconds=0.1).code == "search-page-late"
    asked.set()


def test_the_deadline_of_the_search_ends_a_page_too(web: PublicWeb) -> None:
    web.pages["page.example/"] = dripping(HEAD + b"\r\n", b"a")
    with pytest.raises(SearchProblem) as problem:
        web.fetcher().fetch(ADDRESS, SearchWatch(0.2))
    assert problem.value.code == "search-page-late"


def test_who_stops_a_search_does_not_wait_for_its_pages(web: PublicWeb) -> None:
    stopping = watch()

    def act(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"\r\n")
        stopping.stop()
        threading.Event().wait(5)

    web.pages["page.example/"] = act
    begun = time.monotonic()
    with pytest.raises(Stopped):
        web.fetcher().fetch(ADDRESS, stopping)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("told", [b"Content-Length: 2000000000\r\n", b"", b"Transfer-Encoding: chunked\r\n"])
def test_a_body_of_2_gb_is_left_at_its_limit(web: PublicWeb, told: bytes) -> None:
    sent = []

    def act(connection: socket.socket) -> None:
        connection.sendall(HEAD + told + b"\r\n")
        piece = b"a" * 65_536
        piece = b"10000\r\n" + piece + b"\r\n" if b"chunked" in told else piece
        for _ in range(2_000_000_000 // 65_536):
            connection.sendall(piece)
            sent.append(len(piece))

    web.pages["page.example/"] = act
    assert refusal(web, body=100_000).code == "search-page-too-large"
    assert sum(sent) < 20_000_000


BOMB = gzip.compress(b"a" * 32_000_000)


@pytest.mark.parametrize("path", ["/", "/robots.txt"])
def test_a_bomb_is_unpacked_no_further_than_its_limit(web: PublicWeb, path: str) -> None:
    assert len(BOMB) * 800 < 32_000_000
    web.pages |= {"page.example/": page_of("글"), f"page.example{path}": reply(BOMB, Content_Encoding="gzip")}
    tracemalloc.start()
    try:
        if path == "/":
            assert refusal(web, body=100_000).code == "search-page-too-large"
        else:
            assert web.fetcher(robots=100_000).fetch(ADDRESS, watch()).body
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_packed_bytes_that_unpack_to_nothing_are_limited_too(web: PublicWeb) -> None:
    empty = zlib.compressobj(wbits=31).flush(zlib.Z_SYNC_FLUSH) + b"\x00\x00\x00\xff\xff" * 100_000
    web.pages["page.example/"] = reply(empty, Content_Encoding="gzip")
    assert refusal(web, body=50_000).code == "search-page-too-large"


def test_a_page_may_be_packed(web: PublicWeb) -> None:
    body = "<p>한글</p>".encode() * 1_000
    web.pages["page.example/"] = reply(gzip.compress(body), Content_Encoding="gzip")
    assert web.fetcher().fetch(ADDRESS, watch()).body == body
    assert all("Accept-Encoding: gzip\r\n" in head for head in web.heads)


@pytest.mark.parametrize(
    ("data", "packing"),
    [
        (gzip.compress(b"a" * 99)[:-9], "gzip"),
        (b"no gzip", "gzip"),
        (b"a", "br"),
        (b"a", "zstd"),
        (b"a", "deflate"),
        (gzip.compress(gzip.compress(b"a")), "gzip, gzip"),
    ],
    ids=["cut off", "not gzip", "br", "zstd", "deflate", "twice"],
)
def test_what_cannot_be_unpacked_within_limits_is_refused(web: PublicWeb, data: bytes, packing: str) -> None:
    web.pages["page.example/"] = reply(data, Content_Encoding=packing)
    assert refusal(web).code == "search-page-broken"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["/", "", "http://page.example/"])
def test_redirects_end(web: PublicWeb, status: int, location: str) -> None:
    web.pages["page.example/"] = elsewhere(location, status)
    assert refusal(web).code == "search-page-redirects"
    assert len(web.asked()) == 6


def test_five_redirects_are_followed_to_other_hosts(web: PublicWeb) -> None:
    for number in range(5):
        web.pages[f"a{number}.example/x"] = elsewhere(f"http://a{number + 1}.example/x")
    web.pages["a5.example/x"] = page_of("도착했다")
    found = web.fetcher().fetch("http://a0.example/x", watch())
    assert found.url == "http://a5.example/x" and "도착했다" in found.body.decode()


def test_a_redirect_in_hangul_is_followed(web: PublicWeb) -> None:
    web.pages["page.example/"] = elsewhere("/길?질문=답")
    web.pages["page.example/%EA%B8%B8?%EC%A7%88%EB%AC%B8=%EB%8B%B5"] = page_of("도착했다")
    assert "도착했다" in web.fetcher().fetch(ADDRESS, watch()).body.decode()


PICTURES = [
    b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    b"GIF89a12",
    b"\xff\xd8\xff\xe0",
    b"PK\x03\x04",
    b"%PDF-1.7 x",
    b"\x1f\x8b",
]
PICTURES += [b"<p>a\0b</p>", bytes(range(1, 32)) * 20]


@pytest.mark.parametrize("picture", PICTURES)
@pytest.mark.parametrize("kind", ["text/html", "text/plain; charset=utf-8"])
def test_a_picture_that_is_called_text_is_refused(web: PublicWeb, picture: bytes, kind: str) -> None:
    web.pages["page.example/"] = reply(picture, kind=kind)
    assert refusal(web).code == "search-page-kind"


KINDS = ["image/png", "application/json", "application/octet-stream", "text/css", "text/html2", "", "x", None]


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_page_is_refused(web: PublicWeb, kind: str | None) -> None:
    web.pages["page.example/"] = reply(b"<p>a</p>", kind=kind)
    assert refusal(web).code == "search-page-kind"


@pytest.mark.parametrize(
    ("kind", "found"),
    [
        ("text/html", ("text/html", "")),
        ("TEXT/HTML;Charset=EUC-KR", ("text/html", "EUC-KR")),
        ('text/plain; format=flowed; charset="utf-8"', ("text/plain", "utf-8")),
        ("application/xhtml+xml", ("application/xhtml+xml", "")),
        ("application/pdf", ("application/pdf", "")),
    ],
)
def test_kind_and_encoding_are_those_of_the_header(web: PublicWeb, kind: str, found: tuple[str, str]) -> None:
    web.pages["page.example/"] = reply(b"<p>a</p>", kind=kind)
    page = web.fetcher().fetch(ADDRESS, watch())
    assert (page.kind, page.charset) == found


@pytest.mark.parametrize("status", [204, 206, 304, 400, 401, 403, 404, 410, 429, 451, 500, 503])
def test_a_page_that_is_not_given_out_tells_its_status(web: PublicWeb, status: int) -> None:
    web.pages["page.example/"] = reply(b"", status)
    problem = refusal(web)
    assert problem.code == "search-page-status" and problem.facts["status"] == status


NO_HTTP = [
    b"",
    b"SSH-2.0-x\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
    HEAD + b"Content-Length: 9\r\n\r\nab",
]
NO_HTTP += [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 300_000 + b"\r\n\r\n"]


@pytest.mark.parametrize("said", NO_HTTP)
def test_what_speaks_no_http_is_unreachable(web: PublicWeb, said: bytes) -> None:
    web.pages["page.example/"] = said
    assert refusal(web).code == "search-page-unreachable"


def test_a_name_without_a_machine_is_told(web: PublicWeb) -> None:
    web.names["page.example"] = [[]]
    assert refusal(web).code == "search-host-unknown"


def test_the_next_address_of_a_host_is_tried_where_one_does_not_answer(
    web: PublicWeb, monkeypatch: pytest.MonkeyPatch
) -> None:
    import httpcore

    connect = web.connect_tcp

    def one_is_dead(host: str, port: int, **more: object) -> httpcore.NetworkStream:
        if host == ALSO_PUBLIC:
            raise httpcore.ConnectError("dead")
        return connect(host, port)

    monkeypatch.setattr(web, "connect_tcp", one_is_dead)
    web.names["page.example"] = [[ALSO_PUBLIC, PUBLIC]]
    web.pages["page.example/"] = page_of("글")
    assert web.fetcher().fetch(ADDRESS, watch()).body
    web.names["page.example"] = [[ALSO_PUBLIC]]
    assert refusal(web).code == "search-page-unreachable"


def test_a_request_is_polite_and_names_only_what_it_has_to(web: PublicWeb) -> None:
    web.pages["page.example/"] = page_of("글")
    web.fetcher().fetch(ADDRESS, watch())
    robots, page = ([line.partition(":")[0] for line in head.split("\r\n")[1:] if line] for head in web.heads)
    assert (
        robots == page == ["Host", "Accept-Encoding", "Connection", "User-Agent", "Accept", "Accept-Language"]
    )
    assert all(f"User-Agent: {user_agent()}\r\n" in head for head in web.heads)
    assert user_agent().startswith("Narani/") and "/unknown" not in user_agent()


def test_every_cut_of_a_packed_page_ends_in_a_sentence(web: PublicWeb) -> None:
    packed = gzip.compress(("<p>한글</p>" * 9).encode())
    for end in range(0, len(packed), 7):
        web.pages["page.example/"] = reply(packed[:end], Content_Encoding="gzip")
        try:
            assert not web.fetcher().fetch(ADDRESS, watch()).body
        except SearchProblem as problem:
            assert problem.code == "search-page-broken"
