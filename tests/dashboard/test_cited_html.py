"""A checked answer as HTML: every sentence has its sign, every citation its passage, and every tag is ours.

Run: python -m pytest tests/dashboard/test_cited_html.py
"""

from __future__ import annotations

from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.shared.cited_html import (
    MOST_PASSAGES,
    Passage,
    SentenceMark,
    cited_html,
    sentences_html,
)
from dashboard.shared.markdown_reading import TooTangled, beginning
from dashboard.shared.sources import is_web_address
from dashboard.texts import read_texts
from tests.dashboard.drawn_markdown import safe_markdown
from tests.dashboard.hostile_answers import HOSTILE, hostile
from tests.dashboard.test_safe_markdown import without_spaces, words_shown

PASSAGES = {number: Passage(f"<b>{number}</b>글", f"출처 {number}") for number in (1, 2, 3)}
OUR_TAGS = {"span", "button", "p", "ul", "ol", "li", "blockquote", "pre", "code", "hr", "br", "h6", "b"}
OUR_TAGS |= {"strong", "em", "del", "table", "thead", "tbody", "tr", "th", "td"}
OUR_ATTRIBUTES = {"class", "role", "aria-label", "title", "type", "popovertarget", "popover", "id", "start"}
STRUCTURED = """# 제목입니다.

**한라산은 1,947m다 [1].** 지리산은 *1,915m*다[2]!

1. 첫째는 참이다 [1].
2. 둘째는 `코드`다 [1][3].
   - 안쪽 문장이다.

> 인용한 말이다 [2].

| 산 | 높이다 [1]. |
|---|---|
| 한라산이다. | 1,947m다 [1]. |

```python
print("이것은 코드다 [1].")
```
마지막 문장이다"""
SENTENCES = (
    "# 제목입니다.",
    "**한라산은 1,947m다 [1].**",
    "지리산은 *1,915m*다[2]!",
    "1. 첫째는 참이다 [1].",
    "2. 둘째는 `코드`다 [1][3].",
    "- 안쪽 문장이다.",
    "> 인용한 말이다 [2].",
    "| 산 | 높이다 [1]. |",
    "| 한라산이다. | 1,947m다 [1]. |",
    'print("이것은 코드다 [1].")',
    "마지막 문장이다",
)


class Drawn(HTMLParser):
    """What a browser would make of it: tags, attributes, the words, and the words by class."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.words = ""
        self.by_class: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.attributes |= values.keys()
        self.ids += [str(values["id"])] if "id" in values else []
        if tag not in ("br", "hr"):
            self._open.append(values.get("class") or "")
            self.by_class.setdefault(self._open[-1], []).append("")

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for around in filter(None, self._open):
            self.by_class[around][-1] += data
        if not any("nr-passage" in each or "nr-sign" in each for each in self._open):
            self.words += data


def marks_of(sentences: tuple[str, ...] | list[str]) -> list[SentenceMark]:
    return [SentenceMark(text, "nr-weak", "≈", f"까닭 {at}") for at, text in enumerate(sentences)]


def test_every_sentence_has_its_sign_wherever_it_stands() -> None:
    html = cited_html(STRUCTURED, len(STRUCTURED), marks_of(SENTENCES), PASSAGES, "a")
    assert html is not None
    assert html.count("nr-sign") == len(SENTENCES)
    for kept in ("<strong>", "<em>", "<ol start=", "<ul>", "<blockquote>", "<table>", "<pre>", "<h6>"):
        assert kept in html
    drawn = Drawn(html)
    assert without_spaces(drawn.words) == words_shown(safe_markdown(STRUCTURED))
    inside = without_spaces("".join(drawn.by_class["nr-sentence nr-weak"]))
    for words in ("한라산은1,947m다", "1,915m", "첫째는참이다", "안쪽문장이다.", "마지막문장이다"):
        assert words in inside


def test_every_citation_opens_its_own_passage_and_one_of_no_source_opens_none() -> None:
    text = "가다 [1]. 나다［2］. 다다 [1, 3]. 라다 [1-3]. 마다 [9]."
    html = cited_html(text, len(text), [], PASSAGES, "a")
    assert html is not None
    drawn = Drawn(html)
    assert drawn.by_class["nr-passage"] == ["1글", "2글", "1글", "3글", "1글", "2글", "3글"]
    assert len(set(drawn.ids)) == 7
    assert all(f'popovertarget="{id}"' in html for id in drawn.ids)
    assert drawn.by_class["nr-uncounted"] == ["[9]"]


def test_a_model_that_cites_without_end_carries_no_more_passages_than_are_worth_it() -> None:
    text = "그렇다 [1]. " * 3_000
    html = cited_html(text, len(text), [], PASSAGES, "a")
    assert html is not None and html.count("popovertarget") == MOST_PASSAGES
    assert html.count("nr-uncounted") == 3_000 - MOST_PASSAGES


def test_of_a_folded_answer_the_sentences_that_are_shown_keep_their_signs() -> None:
    sentences = [f"문장 {number}은 참이다 [1]." for number in range(300)]
    text = "\r\n\r\n".join(sentences)
    shown = beginning(text, 500)
    html = cited_html(text, len(shown), marks_of(sentences), PASSAGES, "a")
    assert html is not None
    assert html.count("nr-sign") == shown.count("참이다") < 300


def test_sentences_that_are_not_in_their_answer_are_drawn_by_themselves() -> None:
    text, other = "한 문장이다.", "다른 문장이다 [2]."
    assert cited_html(text, len(text), marks_of([other]), PASSAGES, "a") is None
    html = sentences_html(marks_of([other]), PASSAGES, "a")
    assert html.count("nr-sign") == 1 and "popovertarget" in html


@pytest.mark.parametrize("payload", HOSTILE)
def test_nothing_of_a_hostile_answer_becomes_a_tag_or_is_lost(payload: str) -> None:
    text = hostile(payload, 9)
    passages = {1: Passage("<b>1</b>", text)}
    marks = [SentenceMark(text, "nr-weak", "≈", text)]
    for html in (
        cited_html(text + " [1]", len(text) + 4, [], passages, "a"),
        sentences_html(marks, passages, text),
    ):
        assert html is not None
        drawn = Drawn(html)
        assert drawn.tags <= OUR_TAGS and drawn.attributes <= OUR_ATTRIBUTES
    html = cited_html(text, len(text), [], passages, "a")
    assert html is not None
    meant = words_shown(safe_markdown(text)).replace("[^1]", "[1]")  # a footnote's mark cites too
    assert without_spaces(Drawn(html).words) == meant


def test_signs_that_a_stranger_wrote_are_none() -> None:
    text = "가다\U000f0001 나다\U000f0064."
    html = cited_html(text, len(text), marks_of(["가다\U000f0001"]), PASSAGES, "a")
    assert html is not None and html.count("nr-sign") == 1
    assert Drawn(html).words == "가다\ufffd 나다\ufffd."


@settings(max_examples=60, deadline=None)
@given(
    st.text(alphabet="가나. \n*_`[]1<>&\"'|#-:~\U000f0000\U000f0001\ud800", max_size=60), st.integers(1, 9)
)
def test_whatever_is_written_is_marked_whole_or_not_at_all(text: str, length: int) -> None:
    sentences = [text[at : at + length] for at in range(0, len(text), length)]
    try:
        html = cited_html(text, len(text), marks_of(sentences), PASSAGES, "a")
    except TooTangled:
        return
    drawn = Drawn(html or sentences_html(marks_of(sentences), PASSAGES, "a"))
    assert drawn.tags <= OUR_TAGS and drawn.attributes <= OUR_ATTRIBUTES


@pytest.mark.parametrize(
    ("url", "may"),
    [
        ("https://ko.example.org/한라산", True),
        ("http://example.org:80/a?b=c#d", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt://example.org/%0aalert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("https://bank.example@evil.example/", False),
        ('https://example.org/" onclick=alert(1)', False),
        ("//example.org/", False),
        ("https:///nowhere", False),
        ("https://[::1", False),
        ("지리/한라산.md", False),
        ("/etc/passwd", False),
        ("", False),
    ],
)
def test_only_an_address_of_the_web_leads_anywhere(url: str, may: bool) -> None:
    assert is_web_address(url) is may


def test_every_verdict_and_reason_has_its_words() -> None:
    from search.citations.verdicts import Reason, Verdict

    for language in ("ko", "en"):
        words = read_texts(language).search
        assert {*Verdict, *(f"reason_{reason}" for reason in Reason)} <= words.keys()
