"""Pages of any encoding, told rightly, wrongly or not at all, and characters that no reader sees.

Run: python -m pytest tests/search/extraction/test_page_encodings.py
"""

from __future__ import annotations

import pytest

from search.extraction.characters import decoded, one_line, seen
from search.extraction.extracting import HTML, TEXT, extract

SAID = "한글 문서입니다. 똠방각하 펲시콜라, 1,947미터."
"""Two of its syllables are in CP949 and not in EUC-KR."""


def page(meta: str = "") -> str:
    return f"<html><head>{meta}<title>제목</title></head><body><p>{SAID}</p></body></html>"


META = '<meta charset="{}">'
OLD_META = '<meta http-equiv="Content-Type" content="text/html; charset={}">'


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (page().encode(), "utf-8"),
        (page().encode(), None),
        (page().encode("cp949"), "euc-kr"),
        (page().encode("cp949"), '"EUC-KR"'),
        (page().encode("cp949"), "ks_c_5601-1987"),
        (page().encode("cp949"), None),
        (page(META.format("euc-kr")).encode("cp949"), None),
        (page(OLD_META.format("cp949")).encode("cp949"), None),
        (page(META.format("utf-8")).encode("cp949"), None),
        (page(META.format("euc-kr")).encode(), None),
        (page(META.format("utf-8")).encode("cp949"), "utf-8"),
        (page(META.format("euc-kr")).encode(), "euc-kr"),
        (page().encode("cp949"), "iso-8859-1"),
        (page().encode(), "iso-8859-1"),
        (page().encode(), "windows-1252"),
        (page().encode("cp949"), "no-such-thing"),
        (page(META.format("utf-7")).encode(), "utf-7"),
        (page().encode("cp949"), "rot13"),
        (page().encode(), "unicode_escape"),
        (page().encode(), "\0"),
        (page().encode("utf-8-sig"), "euc-kr"),
        (b"\xff\xfe" + page().encode("utf-16-le"), None),
        (b"\xfe\xff" + page().encode("utf-16-be"), "utf-8"),
        (page().encode("utf-16-le"), "utf-16le"),
        (('<?xml version="1.0" encoding="euc-kr"?>' + page()).encode("cp949"), None),
    ],
)
def test_a_korean_page_is_read_whatever_it_tells_of_its_encoding(data: bytes, told: str | None) -> None:
    found = extract(data, HTML, "페이지", told)
    assert found.title == "제목" and found.parts == ((SAID, None),)
    assert SAID in extract(data, TEXT, "글", told).parts[0][0]


@pytest.mark.parametrize(
    ("encoding", "text"), [("shift_jis", "日本語のテキスト"), ("cp1252", "déjà vu, naïve")]
)
def test_another_encoding_is_believed_where_it_is_told(encoding: str, text: str) -> None:
    assert decoded(text.encode(encoding), encoding) == text


def test_a_broken_byte_costs_its_character_alone() -> None:
    data = SAID.encode()
    text = decoded(data[:7] + b"\xff" + data[7:], "utf-8")
    assert text.replace("�", "").endswith(SAID[4:])


UNSEEN = (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202e\u2060\u2066\u2069\ufeff\u00ad\u3164\u180e"
    "\x00\x07\x1b\x9b\U000e0069\U000e0067\U000e0020\U000e0101"
)


@pytest.mark.parametrize("character", UNSEEN)
def test_a_character_that_no_reader_sees_is_dropped(character: str) -> None:
    assert seen(f"한{character}글") == "한글" and one_line(f" 한{character}글\n제목 ") == "한글 제목"
    if character not in "\0\x1b\x07":  # of which a page holds none: HTML leaves them out
        assert extract(f"<p>한&#{ord(character)};글".encode(), HTML, "페이지").parts[0][0] in (
            "한글",
            "한›글",
        )


def test_what_a_reader_sees_stays() -> None:
    text = "한글 漢字 ①②③ ½ 😀 e\u0301\t표\n「따옴표」 “따옴표” …"
    assert seen(text) == text and seen("한\r\n글\r자") == "한\n글\n자"
