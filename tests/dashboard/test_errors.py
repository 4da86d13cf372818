"""What a person reads when something went wrong: a lead in their language, and a stranger's words kept plain.

Run: python -m pytest tests/dashboard/test_errors.py
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from comparison.questions import read_questions
from dashboard.errors import explain, in_words, led_by
from dashboard.shared.safe_text import safe_text
from dashboard.texts import Texts, read_texts
from engines.no_room import Lack, no_room
from errors import NaraniError, NoRoom, UnknownName
from history.problems import Problem, not_done, not_stored
from model_registry.own_sources import no_folder, wrong_source
from tests.model_registry.test_own_sources import WRONG
from tests.test_architecture import ROOMS, ROOT

KOREAN, ENGLISH = read_texts("ko"), read_texts("en")


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


FACTS = re.compile(r"\{\w+\}")
DETAILS = ENGLISH.error_details
REASONS = (Problem.FULL, Problem.LOCKED, Problem.READ_ONLY, Problem.HOME, Problem.BROKEN)
MADE = (
    UnknownName("model", "koalpac", ["koalpaca"]),
    UnknownName("model", "x", ["koalpaca"]),
    *(
        no_room(Lack("M", "m", "nf4", need=9, budget=5, measured=measured, kept=kept, fitting=fitting))
        for measured, kept in ((False, {}), (True, {}), (False, {"K": 2}))
        for fitting in ({}, {"nf4": 3})
    ),
    *(
        make(problem)
        for make in (not_stored, not_done)
        for problem in (Problem.FULL, Problem.LOCKED, Problem.READ_ONLY, Problem.HOME, Problem.BROKEN)
    ),
)
"""Those whose sentences are put together of parts."""
FILES = ("{}\n[]", 'question\n"왜', "question,input\n왜?", "question,question\n왜?,왜?")


def sentences() -> Iterator[str]:
    """Every string of the sources, with {} for what is filled in."""
    files = [ROOT / "errors.py", *(path for room in ROOMS for path in (ROOT / room).glob("**/*.py"))]
    for node in (node for path in files for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(each.value) if isinstance(each, ast.Constant) else "{}" for each in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield FACTS.sub("{}", node.value)


def refused(folder: Path) -> Iterator[NaraniError]:
    for at, text in enumerate(FILES):
        path = folder / f"{at}.{'csv' if at else 'jsonl'}"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(NaraniError) as caught:
            read_questions(path)
        yield caught.value


def test_every_detail_is_a_sentence_that_the_sources_say(tmp_path: Path) -> None:
    said = {
        *sentences(),
        *(FACTS.sub("{}", DETAILS[name_of(str(each))]) for each in [*MADE, *refused(tmp_path)]),
    }
    assert {FACTS.sub("{}", english) for english in DETAILS.values()} <= said


def name_of(sentence: str) -> str:
    """Of the detail that a sentence is said by: the names of all details, each as its own words, say it."""
    names = Texts("en")
    names._sections["error_details"] = {name: name for name in DETAILS}
    return in_words(sentence, names)


@pytest.mark.parametrize("name", DETAILS)
def test_a_detail_is_korean_with_the_facts_of_its_sentence_and_with_no_others(name: str) -> None:
    facts = {fact[1:-1]: f"<{fact}>" for fact in FACTS.findall(DETAILS[name])}
    shown = in_words(DETAILS[name].format(**facts), KOREAN)
    assert re.search("[가-힣]", shown) and name_of(DETAILS[name].format(**facts)) == name
    assert all(fact in shown for fact in facts.values())


def test_every_source_that_is_no_model_is_named_in_korean(tmp_path: Path) -> None:
    """And no wording is kept for a shape that nobody meets."""
    met = set()
    for case, (lay, is_adapter, _) in WRONG.items():
        place = tmp_path / case
        place.mkdir()
        said = wrong_source(lay(place), is_adapter) or ""
        met.add(name_of(said))
        assert in_words(said, KOREAN) != said == in_words(said, ENGLISH)
    lone = tmp_path / "tokenizer.json"
    lone.touch()
    met.add(name_of(no_folder(lone) or ""))
    assert met == {name for name in DETAILS if name.startswith("source_")}


def test_a_sentence_that_nobody_translated_stays_as_it_is() -> None:
    assert in_words("A tree\nfell on it.", KOREAN) == "A tree fell on it."
    assert in_words("I think: The question is empty. Write something to ask.", KOREAN).startswith("I think")


@pytest.mark.parametrize("lead", ["", "아래를 보세요."])
def test_a_stranger_s_words_are_no_markup(lead: str) -> None:
    shown = led_by(lead, "]\n\n# T ![x](http://a/b.png) {y} **b** :red[x] <img src=x>", KOREAN)
    detail = shown.removeprefix(f"{lead}\n\n:small[").removesuffix("]") if lead else shown
    assert detail == safe_text("] # T ![x](http://a/b.png) {y} **b** :red[x] <img src=x>")


def test_every_trouble_of_the_history_has_its_words() -> None:
    for said in (KOREAN, ENGLISH):
        for problem in ("full", "locked", "read-only", "home", "broken"):
            assert said.errors[f"problem_{problem}"]
        assert "3" in said.errors["unsaved"].format(count=3)
        assert "old.db" in said.errors["set_aside"].format(name="old.db")
