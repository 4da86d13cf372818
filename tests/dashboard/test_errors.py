"""What a person reads when something went wrong: a lead in their language, and a stranger's words kept plain.

Run: python -m pytest tests/dashboard/test_errors.py
"""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.errors import escaped, explain
from dashboard.words import read_words
from errors import NoRoom
from tests.test_architecture import ROOMS, ROOT

KOREAN, ENGLISH = read_words("ko"), read_words("en")


def codes() -> set[str]:
    """Of every error in the sources, whether imported here or not."""
    files = [ROOT / "errors.py", *(path for room in ROOMS for path in (ROOT / room).glob("**/*.py"))]
    sources = (path.read_text(encoding="utf-8") for path in files)
    return {
        code for source in sources for code in re.findall(r'^    code = "([a-z-]+)"$', source, re.MULTILINE)
    }


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_code_has_a_korean_lead_of_its_own(code: str) -> None:
    lead = explain(code, "", KOREAN)
    assert lead.endswith(".")
    assert code == "error" or lead != explain("error", "", KOREAN)


def test_korean_leads_and_the_sentence_itself_follows_in_small_letters() -> None:
    shown = explain(NoRoom.code, "It needs 12 GB", KOREAN)
    assert re.fullmatch(r"[가-힣].+\n\n:small\[It needs 12 GB\]", shown, re.DOTALL)


def test_english_is_the_sentence_alone() -> None:
    assert explain(NoRoom.code, "It needs 12 GB", ENGLISH) == "It needs 12 GB"


@pytest.mark.parametrize("code", [None, "never-heard-of"])
def test_an_unknown_code_still_says_what_to_do(code: str | None) -> None:
    assert explain(code, "", KOREAN) == explain("error", "", KOREAN)


@pytest.mark.parametrize(
    "hostile",
    [
        "![x](http://127.0.0.1/a.png)",
        "[go](javascript:alert(1))",
        "<img src=x onerror=alert(1)>",
        "]\n\n# Title",
        ":red[x] :material/error: $x$ `code` **bold** | a | b |",
        "\\",
        "&#91;x&#93;",
    ],
)
def test_a_stranger_s_words_are_no_markup(hostile: str) -> None:
    unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", escaped(hostile))
    assert not re.search(r"[!-/:-@\[-`{-~\n]", unescaped)


@given(st.text())
def test_escaping_loses_nothing_but_line_breaks(text: str) -> None:
    assert re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", escaped(text)) == " ".join(text.split())


def test_every_trouble_of_the_history_has_its_words() -> None:
    for said in (KOREAN, ENGLISH):
        for problem in ("full", "locked", "read-only", "broken"):
            assert said.errors[f"problem_{problem}"]
        assert "3" in said.errors["unsaved"].format(count=3)
        assert "old.db" in said.errors["set_aside"].format(name="old.db")
