"""Formulas in a model's Markdown: what is drawn, what stays text, and what is shown as the source it is.

Run: python -m pytest tests/dashboard/test_formulas.py
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dashboard.shared.code_language import known_language
from dashboard.shared.formula_reading import MOST_DRAWN
from dashboard.shared.safe_formula import DEEPEST, LONGEST, safe_formula
from dashboard.shared.safe_markdown import CodeBlock, safe_blocks
from tests.dashboard.browser_markdown import NEVER_IN_A_FORMULA, browser
from tests.dashboard.drawn_markdown import safe_markdown
from tests.dashboard.test_safe_markdown import leaves


def formulas(text: str) -> list[str]:
    return [token.content for token in leaves(safe_markdown(text)) if token.type == "math"]


def code(text: str) -> list[str]:
    kinds = ("code_inline", "fence")
    return [token.content.rstrip() for token in leaves(safe_markdown(text)) if token.type in kinds]


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("피보나치 수 $F(n)$은", ["F(n)"]),
        ("**$x$**와 *$y$*, $n$번째 ($k$)", ["x", "y", "n", "k"]),
        ("$5$명, $-1$, $3.14$", ["5", "-1", "3.14"]),
        ("$속도 = 거리/시간$", ["속도 = 거리/시간"]),
        (r"\(a_1\)5 \(b\)\(c\)", ["a_1", "b", "c"]),
        ("공식: $$E=mc^2$$입니다", ["E=mc^2"]),
        ("$$\nx\n= 1\n$$", ["x = 1"]),
        ("이어서\n\\[ x \\]\n끝", ["x"]),
        ("- 넓이\n  $$\n  \\pi r^2\n  $$\n- 둘레 $2\\pi r$", [r"\pi r^2", r"2\pi r"]),
        ("1. \\[\n   a\n   \\]", ["a"]),
        ("> $$x$$", ["x"]),
        ("| 가 | $\\|x\\|$ |\n|--|--|\n| \\(a\\|b\\) | $c$ |", [r"\vert x\vert", r"a\vert b", "c"]),
        ("## 식 $x$", ["x"]),
        (r"$\text{총_비용} | \$5$", [r"\text{총\_비용} \vert  \text{\textdollar}5"]),
        (r"$$\begin{array}{c|c}1&2\\[2pt] 3&4\end{array}$$", [r"\begin{array}{c|c}1&2\\  3&4\end{array}"]),
        (
            "$$\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}$$",
            [r"\begin{align} a &= b \\  c &= d \end{align}"],
        ),
        (
            r"$\left\{x \,\middle|\, \|x\| \le 1\right\}$",
            [r"\left\{x \,\middle\vert \, \Vert x\Vert  \le 1\right\}"],
        ),
    ],
)
def test_a_formula_is_drawn_wherever_it_stands(text: str, drawn: list[str]) -> None:
    assert (formulas(text), code(text)) == (drawn, [])


@pytest.mark.parametrize(
    "text",
    [
        *(
            "$5에서 $10",
            "$5~$10",
            "US$5와 US$10",
            "가격은 $1,000, $2,000입니다",
            "미국 달러($)와 캐나다 달러($)",
        ),
        *(
            "from $5 million to $10 million",
            "$5 or 10$",
            "**$100**와 **$200**, 또는 **$A**",
            "$20/월, 연 $200",
        ),
        *(
            "echo $HOME $PATH",
            "$HOME/$USER",
            "${A}/${B}",
            "${A}${B}",
            "'$A' '$B'",
            '"$A" "$B"',
            "$1 $2 $# $?",
        ),
        *(
            "kill $$; echo $$",
            "값 $$name$$",
            "$obj->a($b)",
            "$ a $",
            "$",
            "$$",
            "$$$",
            "100$ 200$",
            "\\$x\\$",
        ),
        *(
            "열린 $x",
            "열린 $$x^2",
            "열린 \\(x",
            "열린 \\[x",
            "$$\n열린",
            "\\[\n열린\n\n\\]",
            "$a\nb$",
            "\\(\\)",
        ),
        "\\\\(x\\\\)",
    ],
)
def test_prices_variables_and_what_stays_open_are_text(text: str) -> None:
    assert (formulas(text), code(text)) == ([], [])


@pytest.mark.parametrize(
    "tex",
    [
        *(r"\href{a}{b}", r"\unknown x", r"\frac{1}{2", r"\left( x", r"x \right)", r"\begin{matrix} 1", "x^"),
        *(
            r"\begin{CD} A \end{CD}",
            r"\begin{array}1\end{array}",
            r"a & b\,",
            r"\begin{align}x\end{align}",
            r"\tag{1}",
        ),
        *(
            r"\text{$x$",
            r"\text{a\frac12}",
            r"{\text{a}",
            r"\}" + "}",
            r"\alpha\u202e".replace(r"\u202e", "\u202e"),
        ),
        *(
            r"\alpha" + "+x" * LONGEST,
            r"\alpha" + "{" * (DEEPEST + 1) + "}" * (DEEPEST + 1),
            r"\! " * 9,
            r"\%%x",
        ),
    ],
)
def test_what_may_not_be_drawn_is_code_with_its_signs(tex: str) -> None:
    source = f"\\({tex}\\)"
    assert (formulas(source), code(source)) == ([], [" ".join(source.split())])


def test_a_displayed_formula_that_may_not_be_drawn_has_a_copy_button() -> None:
    source = "$$\n\\url{a}\n$$"
    assert safe_blocks(f"앞\n{source}\n뒤") == ("앞", CodeBlock(f"{source}\n", "latex"), "뒤")


def test_more_formulas_than_a_page_can_carry_are_code() -> None:
    text = f"${'x+' * 400}1$ " * 40
    assert sum(map(len, formulas(text))) <= MOST_DRAWN
    assert len(formulas(text)) + len(code(text)) == 40


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    "\\",
                    "{",
                    "}",
                    "\\{",
                    "[",
                    "]",
                    "^",
                    "_",
                    "&",
                    "|",
                    "\\|",
                    "\\\\",
                    "\\\\[-99em]",
                    "$",
                    "\\$",
                    "%",
                    "#",
                ),
                *(
                    "x",
                    "1",
                    " ",
                    "\n",
                    "href",
                    "text{",
                    "\\text{",
                    "\\frac",
                    "\\sqrt",
                    "\\left(",
                    "\\right)",
                    "\\hspace{1em}",
                ),
                *(
                    "\\begin{matrix}",
                    "\\end{matrix}",
                    "\\begin{array}{c|c}",
                    "\\end{array}",
                    "\\tag{1}",
                    ":material/home:",
                ),
                *("\\def", "\\hskip", "\\alpha", "\\url", "*", "`", "가", "\u202e", "\\kern", "\\color{red}"),
            ]
        ),
        max_size=14,
    ).map("".join),
    st.booleans(),
)
def test_what_is_drawn_is_balanced_and_on_one_line(tex: str, displayed: bool) -> None:
    written = safe_formula(tex, displayed)
    if written is None:
        return
    assert (
        not NEVER_IN_A_FORMULA.search(written)
        and "\n" not in written
        and "[-99em]" not in written.replace("{}[", "")
    )
    bare = re.sub(r"\\.", "", written)
    assert bare.count("{") == bare.count("}")
    assert browser().parse(f"$$\n{written}\n$$")[0].content == written


@pytest.mark.parametrize(
    ("info", "language"),
    [
        *(
            ("python", "python"),
            ("Python3", "python"),
            ("파이썬", "python"),
            ("py", "py"),
            ("js", "js"),
            ("c++", "cpp"),
        ),
        *(
            ("C#", "csharp"),
            ("sh", "sh"),
            ("셸", "bash"),
            ("objective-c", "objectivec"),
            ("f#", "fsharp"),
            ("r", "r"),
        ),
        *(
            ('python title="a.py"', "python"),
            ("js{1,3}", "js"),
            ("python:main.py", "python"),
            ("{.python}", "python"),
        ),
        *(
            ("", None),
            ("text", None),
            ("출력", None),
            ("mermaid", None),
            ("Math", None),
            ("mermaid-x", None),
            ("$x", None),
        ),
        ("a" * 40, None),
    ],
)
def test_a_language_is_known_by_the_names_that_models_write(info: str, language: str | None) -> None:
    assert known_language(info) == language
