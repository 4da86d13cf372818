"""The list: newest first, paged, narrowed by each wish and by several at once.

Run: python -m pytest tests/history
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engines.base import GenerationSettings
from history.history import History
from history.records import HistoryFilter, StoredState
from tests.history.history_house import NOON, answered, asked, found, keep

SAMPLED = GenerationSettings(temperature=0.7)


def test_an_empty_history_has_an_empty_page(history: History) -> None:
    page = history.page("me")
    assert page.runs == () and page.older is None
    assert history.models("me") == () and list(history.flat("me")) == []


@pytest.mark.parametrize("words", ["", "하늘", "?"])
@pytest.mark.parametrize("size", [1, 3, 7, 8])
def test_pages_follow_each_other_without_gap_or_repeat(history: History, words: str, size: int) -> None:
    heads = [keep(history, asked(models=("가",))) for _ in range(7)]
    seen: list[str] = []
    before = None
    while True:
        page = history.page("me", HistoryFilter(words=words), before, size)
        seen += [run.head.id for run in page.runs]
        assert len(page.runs) <= size
        if page.older is None:
            break
        before = page.older
        keep(history, asked(models=("가",)))  # what comes meanwhile moves nothing
    assert seen == [head.id for head in reversed(heads)]


def test_a_run_shows_whole_answers_however_it_was_found(history: History) -> None:
    head = keep(history, asked(), "첫째", "둘째")
    (run,) = history.page("me", HistoryFilter(words="둘째")).runs
    assert run == history.get("me", head.id)


@pytest.fixture
def told(history: History) -> dict[str, str]:
    """What tells the runs apart, and their names by id."""
    runs = {
        "plain": keep(history, asked("하늘", ("가",))),
        "sampled": keep(history, asked("바다", ("가", "나"), settings=SAMPLED, minutes=1)),
        "failed": keep(history, asked("산", ("나",), minutes=2), state=StoredState.FAILED),
        "foreign": keep(history, asked("강", ("다",), minutes=3), format_id="kullm"),
        "small": keep(history, asked("섬", ("다",), minutes=4, quantization="nf4")),
        "running": asked("별", ("라",), minutes=5),
    }
    history.begin(runs["running"])
    return {head.id: name for name, head in runs.items()}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (HistoryFilter(), "running small foreign failed sampled plain"),
        (HistoryFilter(models=("가",)), "sampled plain"),
        (HistoryFilter(models=("가", "라")), "running sampled plain"),
        (HistoryFilter(models=("마",)), ""),
        (HistoryFilter(since=NOON + timedelta(minutes=4)), "running small"),
        (HistoryFilter(until=NOON + timedelta(minutes=1)), "sampled plain"),
        (HistoryFilter(since=NOON, until=NOON), "plain"),
        (HistoryFilter(states=(StoredState.FAILED,)), "failed"),
        (HistoryFilter(states=(StoredState.FAILED, StoredState.RUNNING)), "running failed"),
        (HistoryFilter(greedy=False), "sampled"),
        (HistoryFilter(greedy=True), "running small foreign failed plain"),
        (HistoryFilter(format_id="kullm"), "foreign"),
        (HistoryFilter(quantization="nf4"), "small"),
        (HistoryFilter(batches=True), ""),
        (HistoryFilter(batches=False, models=("다",)), "small foreign"),
        (HistoryFilter(models=("나",), states=(StoredState.DONE,)), "sampled"),
        (HistoryFilter(models=("다",), greedy=True, format_id="kullm", words="강"), "foreign"),
        (HistoryFilter(models=("다",), words="하늘"), ""),
        (HistoryFilter(words="흩어져서", greedy=False), "sampled"),
    ],
    ids=str,
)
def test_each_wish_narrows(history: History, told: dict[str, str], wanted: HistoryFilter, names: str) -> None:
    assert [told[id] for id in found(history, wanted)] == names.split()


def test_wishes_about_an_answer_hold_for_one_answer_together(history: History) -> None:
    head = asked(models=("가", "나"))
    history.begin(head)
    history.store(head.id, answered(head, 0, state=StoredState.DONE))
    history.store(head.id, answered(head, 1, state=StoredState.FAILED))
    assert found(history, HistoryFilter(models=("나",), states=(StoredState.FAILED,))) == [head.id]
    assert found(history, HistoryFilter(models=("가",), states=(StoredState.FAILED,))) == []


def test_an_attempt_that_was_replaced_is_not_looked_at(history: History) -> None:
    head = asked(models=("가",))
    history.begin(head)
    history.store(head.id, answered(head, 0, state=StoredState.FAILED))
    history.begin_attempt(head.id, 0, 2, head.requests[0])
    history.store(head.id, answered(head, 0, attempt=2))
    assert found(history, HistoryFilter(states=(StoredState.FAILED,))) == []
    assert found(history, HistoryFilter(states=(StoredState.DONE,))) == [head.id]


def test_models_are_named_once_and_in_order(history: History, told: dict[str, str]) -> None:
    assert history.models("me") == ("가", "나", "다", "라")


def test_the_last_turn_stands_for_each_conversation_of_a_kind(history: History) -> None:
    """One that was gone on with in two ways is two conversations; a turn that was deleted counts no more."""

    def turn(question: str, previous: str | None = None, kind: str = "search", owner: str = "me") -> str:
        head = replace(asked(question, ("가",), previous=previous, owner=owner), kind=kind)
        return keep(history, head).id

    first = turn("한라산은?")
    second, other_way = turn("백두산은?", first), turn("지리산은?", first)
    turn("하늘은?", kind="")
    turn("남의 것은?", first, owner="other")
    alone = turn("바다는?")

    def latest(kind: str) -> list[str]:
        return found(history, HistoryFilter(kind=kind, latest=True))

    assert latest("search") == [alone, other_way, second]
    assert len(latest("")) == 1 and len(found(history, HistoryFilter(kind="search"))) == 4
    history.delete("me", [second, other_way])
    assert latest("search") == [alone, first]
