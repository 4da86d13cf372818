"""A conversation over sources: what models are shown of earlier turns, what a following question is about.

Run: python -m pytest tests/search/test_asking_from_sources.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from comparison.asking import SentQuestion
from comparison.run import Run
from comparison.turns import conversation
from errors import BadRequest
from history.records import THIS_MACHINE
from prompts.conversation import Turn
from search.deciding import SearchMode
from search.records import SearchResult, searched_of
from search.watch import SearchWatch
from search.wish import EXTRACTIVE, SearchWish
from tests.engines.script import Script
from tests.engines.scripted_engine import ScriptedEngine
from tests.search.search_house import MOUNTAIN, PALACE, SearchHouse, search_house

CITING = Script(pieces=("경복궁은 ", "1395년에 ", "지어졌다[1]. ", "산은 한라산이다 [2]."))
SAID = "경복궁은 1395년에 지어졌다. 산은 한라산이다."
FIRST = SearchWish("경복궁은 언제 지어졌나요?", ("demo-kullm", "demo-chat"), mode=SearchMode.ALWAYS)


@pytest.fixture
def queries() -> list[str]:
    return []


@pytest.fixture
def house(tmp_path: Path, queries: list[str]) -> Iterator[SearchHouse]:
    def found(query: str, limit: int, watch: SearchWatch) -> Sequence[SearchResult]:
        queries.append(query)
        return (PALACE, MOUNTAIN) if len(queries) == 1 else (MOUNTAIN,)

    endless = Script(pieces=("가",), repeats=True, seconds_per_piece=0.01)
    engine = ScriptedEngine({"demo-korwkv": endless}, CITING)
    with search_house(tmp_path, found, engine) as opened:
        yield opened


def answered(house: SearchHouse, wish: SearchWish) -> Run:
    search = house.searches.start("me", wish)
    assert search.wait(10)
    run = house.runs.get(search.view().run_id or "", "me")
    assert run is not None and run.wait(10), search.view()
    return run


def goes_on(previous: Run, question: str, *models: str) -> SearchWish:
    return SearchWish(question, models or FIRST.models, mode=SearchMode.ALWAYS, previous=previous.id)


def test_earlier_turns_are_shown_without_their_sources_and_numbers(house: SearchHouse) -> None:
    first = answered(house, FIRST)
    second = answered(house, goes_on(first, "그 산은 얼마나 높나요?", "demo-chat", "demo-koalpaca"))
    assert second.previous == first.id
    for request in second.requests:
        earlier, asked = request.conversation.turns
        lent = "" if request.model_id == "demo-chat" else "demo-kullm"
        assert earlier == Turn(FIRST.question, "", SAID, lent)
        assert asked.input_above and MOUNTAIN.snippet in asked.input and PALACE.snippet not in asked.input
    third = answered(house, goes_on(second, "고마워요", "demo-chat"))
    assert [turn.input for turn in third.requests[0].conversation.turns[:-1]] == ["", ""]


def test_a_plain_question_that_goes_on_sees_neither(house: SearchHouse) -> None:
    first = answered(house, FIRST)
    turns = conversation(house.runs, house.history, "me", first.id, 1)
    sent = SentQuestion("그래서?", "", ("demo-chat", "demo-koalpaca"), FIRST.how, goes_on=True)
    run = house.plain.ask("me", sent, turns)
    for request in run.requests:
        assert request.conversation.turns[0].input == "" and request.conversation.turns[0].answer == SAID
        assert not request.extras and request.conversation.turns[-1] == Turn("그래서?")
    stored = house.history.get("me", first.id)
    assert stored is not None and stored.answers[0].answer is not None
    assert "[1]" in stored.answers[0].answer.text, "what was answered stays as it was"


def test_a_following_question_is_searched_for_with_the_words_of_the_one_before(
    house: SearchHouse, queries: list[str]
) -> None:
    first = answered(house, FIRST)
    second = answered(house, goes_on(first, "그건 누가 지었나요?"))
    assert "경복궁" in queries[1]
    searched = searched_of(second.requests[0].extras)
    assert searched is not None and searched.queries == (queries[1],)
    assert searched.question == second.requests[0].conversation.turns[-1].question == "그건 누가 지었나요?"


def test_nobody_goes_on_while_models_still_answer(house: SearchHouse) -> None:
    search = house.searches.start("me", SearchWish("왜?", ("demo-korwkv",), mode=SearchMode.ALWAYS))
    assert search.wait(10)
    run = house.runs.get(search.view().run_id or "", "me")
    assert run is not None
    with pytest.raises(BadRequest, match="still answering"):
        house.searches.start("me", goes_on(run, "또?"))
    run.stop_all()
    assert run.wait(10)


def test_the_extractive_column_is_asked_beside_models_with_the_same_sources(house: SearchHouse) -> None:
    run = answered(house, SearchWish(FIRST.question, ("demo-chat", EXTRACTIVE), mode=SearchMode.ALWAYS))
    of_model, extract = run.requests
    assert extract.model_id == EXTRACTIVE and extract.extras == of_model.extras
    assert extract.conversation == of_model.conversation
    text = run.columns[1].live.view().text
    assert "1395년" in text and "[1]" in text, "no model was asked for it"


@pytest.mark.parametrize(
    "folder", ["", "documents", "documents/own", "elsewhere", "documents-too", "documents/../x", "no\0name"]
)
def test_a_folder_of_the_machine_is_searched_only_from_the_machine(
    house: SearchHouse, tmp_path: Path, folder: str
) -> None:
    wish = replace(FIRST, folder=folder and str(tmp_path / folder))
    house.asking.check(THIS_MACHINE, wish)
    if folder in ("", "documents", "documents/own"):
        house.asking.check("someone", wish)
    else:
        with pytest.raises(BadRequest) as refused:
            house.searches.start("someone", wish)
        assert str(tmp_path) not in str(refused.value)


def test_a_link_leads_nobody_out_of_the_folder_for_all(house: SearchHouse, tmp_path: Path) -> None:
    (tmp_path / "documents").mkdir()
    (tmp_path / "documents" / "out").symlink_to(tmp_path)
    with pytest.raises(BadRequest):
        house.asking.check("someone", replace(FIRST, folder=str(tmp_path / "documents" / "out")))
