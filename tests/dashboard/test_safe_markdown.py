"""A model's Markdown comes out with its structure and words, and with nothing that runs, fetches or poses.

Run: python -m pytest tests/dashboard/test_safe_markdown.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode as Node

from dashboard.shared.markdown_reading import TooTangled, read_markdown
from dashboard.shared.safe_markdown import CodeBlock, safe_blocks
from dashboard.shared.safe_text import safe_text
from tests.dashboard.browser_markdown import NEVER_IN_A_FORMULA, browser
from tests.dashboard.drawn_markdown import safe_markdown
from tests.dashboard.hostile_answers import HOSTILE, hostile
from tests.processor_time import least_seconds

READ_BY_STREAMLIT = re.compile(
    r""":material_\w+: | :streamlit: | :[\w+-]+:
      | (^|\s)(<->|->|<-|--|>=|<=|~=)(\s|$)
      | (https?://|www(?=\.))[-.\w]+
      | [-.\w+]+@[-\w]+(\.[-\w]+)+
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
"""What its frontend (1.67) looks for in finished text, where no backslash shows any more."""


def leaves(markdown: str) -> Iterator[Token]:
    for token in browser().parse(markdown):
        yield token
        yield from token.children or ()


def words_shown(markdown: str) -> str:
    kept = ("text", "code_inline", "fence", "code_block", "math")
    return without_spaces("".join(token.content for token in leaves(markdown) if token.type in kept))


def words_meant(node: Node) -> str:
    if node.type == "image":
        return f"{words_of(node) or node.content}({node.attrs['src']})"
    if node.type == "link":
        text, address = words_of(node), str(node.attrs["href"])
        return text if text == address else f"{text}({address})"
    return words_of(node) if node.children else node.content


def words_of(node: Node) -> str:
    return "".join(words_meant(child) for child in node.children)


def without_spaces(text: str) -> str:
    return "".join(text.replace("\0", "\ufffd").split())


FRAGMENTS = [
    *(
        "*",
        "**",
        "_",
        "__",
        "~~",
        "`",
        "``",
        "```\n",
        "~~~",
        "#",
        "# ",
        "- ",
        "+ ",
        "1. ",
        "2) ",
        "> ",
        "|",
        "\n",
    ),
    *(
        "\n\n",
        "\n    ",
        "\n  ",
        "\n---\n",
        "\n===\n",
        "| a | b |\n|---|:-:|\n| ",
        "[",
        "]",
        "(",
        ")",
        "](",
        "!",
        "\\",
    ),
    *(
        "<b>",
        "</b>",
        "<!--",
        "-->",
        "<br>",
        "&amp;",
        "&#42;",
        "&#10;",
        "&#32;",
        "&nbsp;",
        "<https://a.kr>",
        "http://",
    ),
    *(
        "www.a.kr",
        "a@b.kr",
        ":",
        ":red[",
        "{",
        "}",
        ":smile:",
        ":material/home:",
        ":streamlit:",
        "$",
        "$$",
        "^",
        "//",
    ),
    *(
        "\\(",
        "\\)",
        "\\[",
        "\\]",
        "\n$$\n",
        "x^2",
        "\\frac{a}{b}",
        "\\href{a}{b}",
        "\\def",
        "\\text{",
        "%",
    ),
    *(
        " -> ",
        "--",
        "<->",
        ">=",
        "=",
        "가",
        "서울",
        "은",
        "a",
        "1",
        ".",
        '"',
        "'",
        " ",
        "  ",
        "\t",
        "é",
        "😀",
        "\0",
    ),
]
markdown_like = st.lists(st.sampled_from(FRAGMENTS), max_size=25).map("".join)


@settings(max_examples=400, deadline=None)
@given(markdown_like | st.text(max_size=60))
@example('**"서울"**은')
@example("*a **b** c*d")
@example("- a\n  - &#32;")
@example("- a\n\n* b\n\n1. c\n\n1) d")
@example("| `a|b` | `a\\|b` |\n|-|-|\n| `\\\\|` | x |")
@example("`:material/home:` ``a`` `:` :material/home:")
@example("a\n<b>\n\n    code\n> > 1. x\n> y")
@example("[a](<b c> 'd')![e](f) <g@h.kr> [i]: j")
@example("## a\n# \n\n999999999. b\n1. c")
@example(":**smile**:smile<!---->:")
@example("**\n&nbsp;")
@example("*```\n&#10;")
def test_what_comes_out_shows_the_same_words_and_nothing_else(text: str) -> None:
    written = safe_markdown(text)
    tokens = list(leaves(written))
    assert not {token.type for token in tokens} & {"html_inline", "html_block", "image", "link_open"}
    assert {token.tag for token in tokens if token.type == "heading_open"} <= {"h5", "h6"}
    assert not [
        token.content for token in tokens if token.type == "text" and READ_BY_STREAMLIT.search(token.content)
    ]
    formulas = [token.content for token in tokens if token.type == "math"]
    assert not [formula for formula in formulas if NEVER_IN_A_FORMULA.search(formula)]
    try:
        assert words_shown(written) == without_spaces(words_of(read_markdown(text)))
    except TooTangled:
        assert words_shown(written) == without_spaces(text)


@pytest.mark.parametrize("text", [hostile(payload, 9) for payload in HOSTILE])
def test_no_hostile_answer_leaves_anything_but_words(text: str) -> None:
    test_what_comes_out_shows_the_same_words_and_nothing_else.hypothesis.inner_test(text)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("서울입니다.", "<p>서울입니다.</p>"),
        ("첫째 줄\n둘째 줄", "<p>첫째 줄<br />둘째 줄</p>"),
        ('**"서울"**은 *큰* ~~마을~~', '<p><strong>"서울"</strong>은 <em>큰</em> <s>마을</s></p>'),
        ("**(주)나란히**입니다", "<p><strong>(주)나란히</strong>입니다</p>"),
        ("***가*** **나 *다* 라**", "<p><em><strong>가</strong></em> <strong>나 <em>다</em> 라</strong></p>"),
        ("# 제목\n## 둘째", "<h5>제목</h5><h6>둘째</h6>"),
        ("- 가\n  - 나\n- 다", "<ul><li>가<ul><li>나</li></ul></li><li>다</li></ul>"),
        ("- 가\n\n* 나", "<ul><li>가</li></ul><ul><li>나</li></ul>"),
        ("**가 **나** 다**", "<p><strong>가 나 다</strong></p>"),
        ("3. 가\n4. 나", '<ol start="3"><li>가</li><li>나</li></ol>'),
        ("1. 가\n\n   나\n2. 다", "<ol><li><p>가</p><p>나</p></li><li><p>다</p></li></ol>"),
        ("> 가\n> > 나", "<blockquote><p>가</p><blockquote><p>나</p></blockquote></blockquote>"),
        ("---", "<hr />"),
        ("```py\nx = '`'\n```", "<pre><code class=\"language-py\">x = '`'</code></pre>"),
        ("```mermaid\na\n```", "<pre><code>a</code></pre>"),
        ("```mermaid-x\na\n```", "<pre><code>a</code></pre>"),
        ("`` a`b ``", "<p><code>a`b</code></p>"),
        ("`:material/home:`", "<p><code>:</code><code>material/home:</code></p>"),
        ("<b>굵게</b>", "<p>&lt;b&gt;굵게&lt;/b&gt;</p>"),
        ("![고양이](http://a.kr/x.png)", "<p>고양이 (http://a.kr/x.png)</p>"),
        ("[나란히](https://a.kr/나란히)", "<p>나란히 (https://a.kr/나란히)</p>"),
        ("<https://a.kr>", "<p>https://a.kr</p>"),
        ("[1]: https://a.kr", "<p>[1]: https://a.kr</p>"),
        ("[x](javascript:alert(1))", "<p>[x](javascript:alert(1))</p>"),
        ("1\\. 첫째 - 3.14 $5", "<p>1. 첫째 - 3.14 $5</p>"),
        ("한글\ud800", "<p>한글\ufffd</p>"),
        ("\n\n \n", ""),
    ],
)
def test_each_kind_is_kept(text: str, html: str) -> None:
    reader = browser()
    reader.add_render_rule("seam", lambda *_: "")
    assert re.sub(r"\n", "", reader.render(safe_markdown(text))).replace("&quot;", '"') == html


def test_a_table_keeps_its_cells() -> None:
    html = browser().render(safe_markdown("| 이름 | `a\\|b` |\n|:--|--:|\n| **가** | 나<br>다 |\n"))
    assert re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", html) == [
        "이름",
        "<code>a|b</code>",
        "<strong>가</strong>",
        "나&lt;br&gt;다",
    ]
    assert html.count("text-align:right") == 2


def test_code_of_its_own_is_given_apart_and_unchanged() -> None:
    code = 'st.button("x", icon=":material/home:")\n'
    assert safe_blocks(f"보세요\n```python\n{code}```\n끝") == ("보세요", CodeBlock(code, "python"), "끝")


@pytest.mark.parametrize(
    "text",
    [
        *(
            mark * 10_000
            for mark in ("[", ">", "*", "`", "_", "<", "- ", "> ", "![", "[a](", "~~a", "<!--", "*_")
        ),
        "".join(f"{'  ' * depth}- a\n" for depth in range(200)),
        "대한민국의 **수도**는 `서울`입니다. (인구 - 약 940만)\n" * 2_700,
        "a -- b " * 10_000,
        "\n" * 100_000,
    ],
    ids=lambda text: f"{len(text)} of {text[:4]!r}",
)
def test_a_long_or_tangled_answer_takes_less_than_a_second(text: str) -> None:
    def written_anew() -> None:
        safe_blocks.cache_clear()
        safe_markdown(text)

    assert least_seconds(written_anew, 1) < 1
    written = safe_markdown(text)
    assert len(written) < 3 * len(text) + 10


def test_deep_nesting_is_shown_as_it_is_and_whole() -> None:
    text = "> " * 50 + "끝"
    assert words_shown(safe_markdown(text)) == without_spaces(text)
    with pytest.raises(TooTangled):
        safe_blocks(text)


def test_a_line_of_ours_takes_any_text() -> None:
    line = "**:red[x]** $a$ `b`\n# c | [d](e) :smile:"
    assert words_shown(f"앞 **{safe_text(line)}** 뒤") == without_spaces(f"앞{line}뒤")
