"""Questions that wait behind a run: in order, each once, followed by whoever looks on.

Run: python -m pytest tests/comparison/test_waiting.py
"""

from __future__ import annotations

import threading

import pytest

from comparison.waiting import WaitingQuestions
from errors import AS_WRITTEN, BadRequest


def texts(waiting: WaitingQuestions[str], run_id: str) -> list[str]:
    return [waits.question for waits in waiting.behind(run_id)]


def test_they_go_out_in_the_order_sent_and_the_others_wait_behind_the_next_run() -> None:
    waiting = WaitingQuestions[str]()
    for question in ("하나", "둘", "셋"):
        waiting.put("a", question)
    asked: list[str] = []
    waiting.send("a", lambda question: asked.append(question) or "b")  # type: ignore[func-returns-value]
    assert (asked, texts(waiting, "a"), texts(waiting, "b")) == (["하나"], [], ["둘", "셋"])
    assert (waiting.went_to("a"), waiting.went_to("b")) == ("b", None)


def test_however_many_look_on_each_goes_out_once() -> None:
    waiting = WaitingQuestions[str]()
    waiting.put("a", "하나")
    asked: list[str] = []
    start = threading.Barrier(8)

    def look() -> None:
        start.wait()
        waiting.send("a", lambda question: asked.append(question) or "b")  # type: ignore[func-returns-value]

    tabs = [threading.Thread(target=look) for _ in range(8)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join()
    assert asked == ["하나"] and waiting.went_to("a") == "b"


def test_one_is_cancelled_by_its_id_and_only_while_it_waits() -> None:
    waiting = WaitingQuestions[str]()
    waiting.put("a", "같은 말")
    waiting.put("a", "같은 말")
    first, second = waiting.behind("a")
    assert waiting.cancel("a", second.id) == "같은 말"
    assert waiting.behind("a") == (first,)
    assert waiting.cancel("a", second.id) is None and waiting.cancel("b", first.id) is None
    waiting.send("a", lambda question: "b")
    assert waiting.cancel("a", first.id) is None


def test_one_that_cannot_be_asked_leaves_the_line_and_the_others_stay() -> None:
    waiting = WaitingQuestions[str]()
    waiting.put("a", "하나")
    waiting.put("a", "둘")

    def refuse(question: str) -> str:
        raise BadRequest(AS_WRITTEN, sentence=question)

    with pytest.raises(BadRequest, match="하나"):
        waiting.send("a", refuse)
    assert texts(waiting, "a") == ["둘"] and waiting.went_to("a") is None


def test_nothing_waits_and_nothing_is_sent() -> None:
    WaitingQuestions[str]().send("a", lambda question: pytest.fail("asked"))


def test_memory_holds_only_so_many() -> None:
    waiting = WaitingQuestions[str](limit=2)
    for run in "abc":
        waiting.put(run, run)
        waiting.send(run, lambda question: question + "2")
        waiting.put(run, "또")
    assert [bool(texts(waiting, run)) for run in "abc"] == [False, True, True]
    assert [waiting.went_to(run) for run in "abc"] == [None, "b2", "c2"]
