"""One wording per code and language: each is raised, each has its facts, and a cause survives being stored.

Run: python -m pytest tests/errors/test_wordings.py
"""

from __future__ import annotations

import json
import re
import string
from fnmatch import fnmatchcase

import pytest

from errors import AS_WRITTEN, BadRequest, Cause, NoRoom, UnknownName, wording
from errors.stored import cause_of, stored_cause
from errors.wording import LANGUAGES, wordings
from tests.errors.raised_codes import made

ENGLISH, KOREAN = wordings("en"), wordings("ko")


def facts_of(template: str) -> set[str]:
    return {fact for _, fact, *_ in string.Formatter().parse(template) if fact is not None}


def test_both_languages_have_every_code_with_the_same_facts() -> None:
    assert {code: facts_of(said) for code, said in ENGLISH.items()} == {
        code: facts_of(said) for code, said in KOREAN.items()
    }


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_code_stands_in_one_file(language: str) -> None:
    from errors.wording import FOLDER

    lines = [
        line.partition(" = ")[0]
        for path in (FOLDER / language).glob("*.toml")
        for line in path.read_text(encoding="utf-8").splitlines()
        if " = " in line
    ]
    assert len(lines) == len(set(lines)), sorted({line for line in lines if lines.count(line) > 1})


def test_every_error_that_is_made_has_a_wording_and_gives_its_facts() -> None:
    faults = []
    for each in made():
        found = [code for code in ENGLISH if fnmatchcase(code, each.code)]
        if not found and each.code != AS_WRITTEN:
            faults.append(f"{each.where}: no wording for '{each.code}'")
        for code in found:
            lacking = facts_of(ENGLISH[code]) - each.facts
            if lacking and not each.more:
                faults.append(f"{each.where}: '{code}' lacks {', '.join(sorted(lacking))}")
    assert not faults, "\n".join(faults)


def test_every_wording_is_of_a_code_that_is_made() -> None:
    patterns = {each.code for each in made()}
    idle = {code for code in ENGLISH if not any(fnmatchcase(code, pattern) for pattern in patterns)}
    assert not idle, ", ".join(sorted(idle))


@pytest.mark.parametrize("code", KOREAN)
def test_a_korean_wording_is_korean_and_an_english_one_is_not(code: str) -> None:
    korean, english = (re.sub(r"\{.*?\}", "", said[code]) for said in (KOREAN, ENGLISH))
    assert re.search("[가-힣]", korean) or not re.search("[A-Za-z]", korean + english)
    assert not re.search("니다|세요", english)


CAUSE = NoRoom(
    "no-room-fits",
    wanted=Cause("memory-wanted-asking", model="M", need=9_000_000_000, quantization="nf4", read="measured"),
    left=5_000_000_000,
    fitting={"nf4": 3_000_000_000},
    names=("a", "b"),
).cause


def test_a_cause_comes_back_from_json_as_it_was() -> None:
    held = json.loads(json.dumps(CAUSE.as_json()))
    assert Cause.from_json(held, "no-room") == CAUSE


def test_facts_are_written_as_the_reader_s_language_has_them() -> None:
    assert wording(CAUSE, "en") == (
        "M with this question needs 9.0 GB (nf4, measured), and the budget is 5.0 GB. "
        "It would fit as nf4 (3.0 GB)."
    )
    assert "이 질문까지 9.0 GB가 필요한데(nf4, 실측)" in wording(CAUSE, "ko")
    assert "Known: a, b." in str(UnknownName("model", "x", ("b", "a")))


@pytest.mark.parametrize(
    ("cause", "says"),
    [
        (Cause("name-of-none", kind="model", name="가"), "'가'라는 모델은 없습니다"),
        (Cause("name-of-none", kind="recipe", name="강"), "'강'이라는 레시피는 없습니다"),
        (Cause("picked-twice", name="x"), "'x'을(를) 두 번"),
        (Cause("stored-quantized", model="M", quantization="길"), "길로 불러올"),
    ],
)
def test_a_korean_particle_fits_the_sound_before_it(cause: Cause, says: str) -> None:
    assert says in wording(cause, "ko")


def test_what_only_another_narani_knows_is_shown_plainly() -> None:
    newer = Cause("tired-of-it", hours=3, model="가")
    assert wording(newer, "ko") == wording(newer, "en") == "tired-of-it (hours: 3, model: 가)"
    assert wording(Cause("no-room"), "ko") == "no-room"
    assert wording(Cause.from_json({}), "ko") == "None"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sentence_that_nobody_worded_stays_as_it_is(language: str) -> None:
    assert wording(cause_of("A tree\nfell on it."), language) == "A tree\nfell on it."
    assert cause_of("I think: The question is empty. Write something to ask.").code == AS_WRITTEN


def test_a_sentence_of_before_is_known_by_its_wording_also_in_its_parts() -> None:
    assert cause_of(str(BadRequest("empty-question")), "bad-request") == BadRequest("empty-question").cause
    known = cause_of(wording(CAUSE, "en"), "no-room")
    assert known.category == "no-room"
    assert wording(known, "ko") == wording(CAUSE, "ko")


def test_what_was_stored_with_code_and_facts_is_that_cause() -> None:
    held = json.loads(json.dumps(CAUSE.as_json()))
    assert stored_cause("whatever was written", "no-room", held) == CAUSE
    assert stored_cause(None, None, None) is None


def test_a_stored_code_that_only_a_newer_narani_knows_leaves_the_sentence_beside_it() -> None:
    newer = Cause("tired-of-it", hours=3).as_json()
    cause = stored_cause("It is tired.", "no-room", newer)
    assert cause == Cause(AS_WRITTEN, category="no-room", sentence="It is tired.")
