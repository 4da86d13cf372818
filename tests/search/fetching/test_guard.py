"""Nothing that is fetched leads inside: not an address, not a redirect, not a name that changes its mind.

Run: python -m pytest tests/search/fetching/test_guard.py
"""

from __future__ import annotations

import pytest

from search.fetching.address import is_public, parsed_address
from search.problems import SearchProblem
from tests.search.fetching.public_web import ALSO_PUBLIC, INSIDE, PUBLIC, PublicWeb, elsewhere, page_of, watch

HOSTS = [
    *("127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1"),
    *("①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.0.0.1", "١٢٧.0.0.1", "127.0.0.1.", "127．0．0．1"),
    *(
        "0",
        "00",
        "0.0.0.0",
        "010.0.0.1",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "ｌｏｃａｌｈｏｓｔ",
        "ip6-localhost",
    ),
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]"),
    *("[64:ff9b:1::7f00:1]", "[fe80::5efe:7f00:1]", "[2620:1::5efe:7f00:1]", "[2001:0:7f00:1::]"),
    *("224.0.0.1", "[ff02::1]", "[ff0e::1]", "[fec0::1]", "100.64.0.1", "169.254.169.254"),
    *("[::1]", "[::]", "[fe80::1]", "[fe80::1%25lo]", "[fd00::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1"),
    *(
        "127.0.0.1",
        "127.255.255.254",
        "255.255.255.255",
        "240.0.0.1",
        "198.18.0.1",
        "192.0.2.1",
        "[2001:db8::1]",
    ),
    *("127.0.0.1:443", "[::1]:80", "a..example", "-a.example", ".example", "*.example"),
]
ADDRESSES = [
    *(f"http://{host}/" for host in HOSTS),
    r"http://127.0.0.1\@good.example/",
    r"http://good.example\@127.0.0.1/",
    "http://good.example@127.0.0.1/",
    "http://good.example:80@127.0.0.1:8080/",
    *("http://127.0.0.1@good.example/", "http://user:word@good.example/", "http://@good.example/"),
    "http://127.0.0.1%2f@good.example/",
    "http://127.0.0.1%2fgood.example/",
    "http://good.example\r\nHost: x/",
    "http://good.exa\tmple/",
    "http://good.example/\0",
    "http://good.example /",
    "http://good.example/a b",
    *("//127.0.0.1/", " http://127.0.0.1/", "http:/127.0.0.1/", "http:127.0.0.1", "http:///127.0.0.1/"),
    *("file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "ftp://good.example/", "data:text/html,x"),
    *("javascript:alert(1)", "blob:http://good.example/x", "http://", "", "good.example", "/", "\ud800"),
    *(
        "http://good.example:8080/",
        "http://good.example:22/",
        "http://good.example:99999/",
        "http://a.example:x/",
    ),
    *("http://[::1/", "http://[good.example]/", "http://127.0.0.1:80:80/"),
    "http://good.example/" + "a" * 5_000,
]


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_that_leads_inside_is_refused_without_a_connection(web: PublicWeb, address: str) -> None:
    with pytest.raises(SearchProblem) as problem:
        web.fetcher().fetch(address, watch())
    assert problem.value.code in ("search-address-refused", "search-address-inside")
    assert (web.connected, web.inside) == ([], 0)


REDIRECTS = [address for address in ADDRESSES if address and not set(address) & set("\r\0\ud800")]
"""A header cannot hold the others."""


@pytest.mark.parametrize("address", REDIRECTS)
def test_a_public_page_cannot_lead_inside(web: PublicWeb, address: str) -> None:
    web.pages |= {"page.example/": elsewhere(address), "good.example/": page_of("글")}
    with pytest.raises(SearchProblem):
        web.fetcher().fetch("http://page.example/", watch())
    assert set(web.connected) == {PUBLIC} and web.inside == 0
    assert all(asked.startswith("page.example/") for asked in web.asked())


@pytest.mark.parametrize("host", HOSTS[::6])
def test_robots_txt_cannot_lead_inside(web: PublicWeb, host: str) -> None:
    web.pages |= {"page.example/": page_of("글"), "page.example/robots.txt": elsewhere(f"http://{host}/")}
    with pytest.raises(SearchProblem):
        web.fetcher().fetch("http://page.example/", watch())
    assert set(web.connected) == {PUBLIC} and web.inside == 0


NOT_PUBLIC = [
    *(host.strip("[]") for host in HOSTS if host.startswith("[") and host.endswith("]")),
    *("127.0.0.1", "0.0.0.0", "10.1.2.3", "172.31.255.255", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
    *(
        "224.0.0.1",
        "239.255.255.250",
        "255.255.255.255",
        "192.0.0.8",
        "198.18.0.1",
        "203.0.113.5",
        "240.0.0.1",
    ),
    *("::ffff:10.0.0.1", "::ffff:169.254.169.254", "64:ff9b::a00:1", "2002:a00:1::", "2002:a9fe:a9fe::1"),
    *("fe80::1%eth0", "2001:db8::1", "100::1", "3fff::1", "::ffff:0:127.0.0.1", "nonsense", ""),
]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_a_name_of_which_one_address_lies_inside_is_refused(web: PublicWeb, address: str) -> None:
    for addresses in ([address], [PUBLIC, address], [address, PUBLIC]):
        web.names["name.example"] = [addresses]
        with pytest.raises(SearchProblem, match="name.example") as problem:
            web.fetcher().fetch("http://name.example/", watch())
        assert problem.value.code == "search-address-inside"
    assert (web.connected, web.inside) == ([], 0)


@pytest.mark.parametrize(
    "address",
    [
        PUBLIC,
        ALSO_PUBLIC,
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
        "2606:4700::1111",
    ],
)
def test_an_address_of_the_open_web_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_name_that_changes_its_address_leads_nowhere(web: PublicWeb, times: int) -> None:
    """It is asked for robots.txt, for the page, and for where the page leads: each answer is checked, and the
    connection goes to the very address that was checked."""
    web.names["turning.example"] = [*([[PUBLIC]] * times), [INSIDE]]
    web.pages["turning.example/"] = elsewhere("/more")
    web.pages["turning.example/more"] = elsewhere("/and-more")
    with pytest.raises(SearchProblem) as problem:
        web.fetcher().fetch("http://turning.example/", watch())
    assert problem.value.code == "search-address-inside"
    assert web.connected == [PUBLIC] * times and web.inside == 0


def test_a_name_is_resolved_once_for_each_connection(web: PublicWeb) -> None:
    web.pages["turning.example/"] = page_of("글")
    web.names["turning.example"] = [[PUBLIC], [ALSO_PUBLIC], [INSIDE]]
    web.fetcher().fetch("http://turning.example/", watch())
    assert web.connected == [PUBLIC, ALSO_PUBLIC] and web.inside == 0


def test_a_proxy_of_the_environment_is_not_asked(web: PublicWeb, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{INSIDE}:{web._ports[1]}")
    web.pages["page.example/"] = page_of("글")
    assert web.fetcher().fetch("http://page.example/", watch()).body
    assert web.inside == 0 and set(web.connected) == {PUBLIC}


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("HTTP://Page.Example", ("http", "page.example", 80, "/")),
        ("https://page.example:443/a?b=c#d", ("https", "page.example", 443, "/a?b=c")),
        ("http://한글.example/길/①?질문=답&x=%2F", ("http", "xn--bj0bj06e.example", 80, None)),
        ("http://8.8.8.8/", ("http", "8.8.8.8", 80, "/")),
        ("http://[2606:4700::1111]/", ("http", "2606:4700::1111", 80, "/")),
        ("http://三星.example/", ("http", "xn--ehq000d.example", 80, "/")),
        ("https://page.example:80/[x]@(y)", ("https", "page.example", 80, "/[x]@(y)")),
    ],
)
def test_a_plain_address_is_parsed_once_into_ascii(address: str, parts: tuple[object, ...]) -> None:
    found = parsed_address(address)
    target = found.target if parts[3] is not None else None
    assert (found.scheme, found.host, found.port, target) == parts
    assert str(found).isascii() and parsed_address(str(found)) == found


def test_what_is_shown_of_a_refused_address_is_short_and_printable() -> None:
    with pytest.raises(SearchProblem) as problem:
        parsed_address("http://\u202e\x1b[31m" + "a" * 9_000)
    assert str(problem.value).isprintable() and len(str(problem.value)) < 300
