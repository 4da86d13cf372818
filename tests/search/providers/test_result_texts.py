"""Foreign text and addresses become plain ones, in a time that grows with their length.

Run: python -m pytest tests/search/providers/test_result_texts.py
"""

from __future__ import annotations

import pytest

from search.providers.results import plain_text, results_of, web_address


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("<b>한국</b>은행", "한국은행"),
        ("a &lt;b&gt; c &amp;amp; &#39;d&#x27; &nbsp;e", "a <b> c &amp; 'd' e"),
        ("1 < 2 and 3 > 2", "1 < 2 and 3 > 2"),
        ("<img src=x onerror=alert(1)>끝", "끝"),
        ("<a href='https://x.example'>글</a><br/>둘", "글둘"),
        ("&lt;script&gt;x&lt;/script&gt;", "<script>x</script>"),
        ("열린 <b", "열린 <b"),
        ("한\r\n\t국\x00\x1b[31m", "한 국 [31m"),
        ("\u202egnp.exe\u2066\u200b", "gnp.exe"),
        ("무\u00ad시\U000e0067\U000e006f 하\u3164고", "무시 하고"),
        ("\ud800 반쪽", "반쪽"),
        ("\u1112\u1161\u11ab", "한"),
        (None, ""),
        (7, ""),
        (["<b>"], ""),
    ],
)
def test_a_text_becomes_one_plain_line(written: object, plain: str) -> None:
    assert plain_text(written, 100) == plain
    plain_text(written, 100).encode()


@pytest.mark.parametrize("size", [1, 2, 10])
def test_a_text_is_never_longer_than_it_may_be(size: int) -> None:
    assert len(plain_text("<b>가나다라</b>" * 50, size)) == size


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("https://A.Example/P?q=1#part", "https://a.example/P?q=1"),
        (" http://a.example ", "http://a.example/"),
        ("HTTP://a.example:80/", "http://a.example/"),
        ("https://a.example:8443/x", "https://a.example:8443/x"),
        ("https://ko.wikipedia.org/wiki/한글", "https://ko.wikipedia.org/wiki/한글"),
        ("https://한국.example/", "https://한국.example/"),
        ("http://[2001:DB8::1]:8080/", "http://[2001:db8::1]:8080/"),
        *(
            (address, None)
            for address in (
                "",
                "a.example",
                "//a.example/",
                "/relative",
                "javascript:alert(1)",
                "data:text/html,x",
                "file:///etc/passwd",
                "ftp://a.example/",
                "https://",
                "https:///x",
                "http://user:secret@a.example/",
                "http://a.example\\@b.example/",
                "http://a.example/\r\nHost: x",
                "http://a.example/\U000e0067o",
                "http://a .example/",
                "http://a.example:port/",
                "http://a.example:99999/",
                "http://[::1/",
                "https://a.example/" + "a" * 2_000,
                None,
                7,
                {"url": "https://a.example/"},
            )
        ),
    ],
)
def test_only_addresses_of_the_web_are_kept_in_one_form(written: object, kept: str | None) -> None:
    assert web_address(written) == kept


@pytest.mark.parametrize(
    "piece", ["<", "<a", "</a", "&", "&#", "&lt;", "a", "[", " ", "가", ">", "<a <", "\u202e"]
)
def test_a_long_text_of_one_kind_ends(piece: str) -> None:
    """What is more than linear in it would not end before the suite's limit for a test."""
    plain_text(piece * 1_000_000, 100)
    results_of([{"t": piece * 1_000_000, "u": "https://a.example/" + piece * 500_000}], FIELDS, 3)


FIELDS = {"title": "t", "url": "u", "snippet": "s"}
