"""What is stored is what is read, field by field. Run: python -m pytest tests/history"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engines.base import Answer, AnswerRequest, FinishReason, GenerationSettings, Measures
from errors import AS_WRITTEN, Cause, NoRoom
from history.history import History
from history.records import RunHead, StoredAnswer, StoredState
from prompts.conversation import Conversation, Turn
from tests.history.history_house import NOON, answered, asked, keep, states, texts

FULL_SETTINGS = GenerationSettings(0.7, 0.9, 40, 1.1, 64, 2**63 - 1, ("###", "끝\n"))
FULL_REQUEST = AnswerRequest(
    "koalpaca",
    Conversation((Turn("첫 질문", "읽을거리", "첫 답"), Turn("둘째 질문", "또")), system="너는 돕는다."),
    FULL_SETTINGS,
    format_id="kullm",
    quantization="nf4",
    thinking=False,
    reproducible=True,
    extras={"search": {"sources": ["하늘"]}},
)
FULL_ANSWER = Answer(
    model_id="koalpaca",
    text="답\n\0끝 😀 각",
    finish_reason=FinishReason.FAILED,
    settings=FULL_SETTINGS,
    prompt="### 질문: 하늘\n\n### 답변:",
    format_id="kullm",
    revision="0123abcd",
    quantization="nf4",
    measures=Measures(17, 99, 1.5, 0.25, 3.125, 31.5, 44.25, 2**40),
    cause=NoRoom(
        "no-room-fits",
        wanted=Cause("memory-wanted", model="가", need=9_000_000_000, quantization="nf4", read="measured"),
        left=5_000_000_000,
        fitting={"nf4": 3_000_000_000},
    ).cause,
    extras={"search": {"sources": [{"title": "하늘", "score": 0.5}]}, "judging": {"votes": [1, None]}},
)
TEXT = st.text(max_size=60) | st.sampled_from(
    ["\0", "각 각", "😀👩‍👩‍👧‍👦", "\u202e가", "\r\n", "'\"--;", "%_\\"]
)


def test_every_field_comes_back(history: History) -> None:
    plain = AnswerRequest("demo", Conversation.ask("왜?"))
    head = RunHead("run", "me", datetime.now(UTC), (FULL_REQUEST, plain), previous="earlier", kind="search")
    history.begin(head)
    running = history.get("me", "run")
    assert running is not None and running.head == head
    assert [(a.state, a.answer, a.started) for a in running.answers] == [
        (StoredState.RUNNING, None, head.created)
    ] * 2
    stored = StoredAnswer(
        0, 1, StoredState.FAILED, FULL_ANSWER, head.created, head.created + timedelta(microseconds=1)
    )
    history.store("run", stored)
    kept = history.get("me", "run")
    assert kept is not None and kept.head == head
    assert kept.answers == (stored, running.answers[1])


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(question=TEXT, input=TEXT, system=TEXT, text=TEXT, prompt=TEXT, error=st.none() | TEXT)
def test_any_text_comes_back(
    history: History, question: str, input: str, system: str, text: str, prompt: str, error: str | None
) -> None:
    request = AnswerRequest("demo", Conversation.ask(question, input, system))
    head = replace(asked(), requests=(request,))
    cause = None if error is None else Cause(AS_WRITTEN, sentence=error)
    stored = answered(head, text=text, prompt=prompt, cause=cause)
    history.begin(head)
    history.store(head.id, stored)
    kept = history.get("me", head.id)
    assert kept is not None and kept.head == head and kept.answers == (stored,)


def test_half_a_character_becomes_the_sign_for_one(history: History) -> None:
    """It cannot be written as UTF-8; the answer is worth more than its refusal."""
    head = keep(history, asked("앞\ud83d뒤"), "앞\udc00뒤")
    kept = history.get("me", head.id)
    assert kept is not None and kept.head.requests[0].conversation.turns[0].question == "앞\ufffd뒤"
    assert texts(history, head) == ["앞\ufffd뒤", "앞\ufffd뒤"]


def test_a_moment_of_another_zone_is_the_same_moment(history: History) -> None:
    seoul = NOON.astimezone(timezone(timedelta(hours=9)))
    head = keep(history, replace(asked(), created=seoul))
    kept = history.get("me", head.id)
    assert kept is not None and kept.head.created == NOON


def test_of_several_attempts_the_newest_is_shown(history: History) -> None:
    head = keep(history, asked())
    history.begin_attempt(head.id, 1, 2, head.requests[1])
    assert states(history, head) == [StoredState.DONE, StoredState.RUNNING]
    history.store(head.id, answered(head, 1, "둘째 답", attempt=2))
    assert texts(history, head) == ["빛이 흩어져서요.", "둘째 답"]
    history.store(head.id, answered(head, 1, "늦은 첫 답", attempt=1))
    assert texts(history, head) == ["빛이 흩어져서요.", "둘째 답"]
    kept = history.get("me", head.id)
    assert kept is not None and kept.head == head and [a.attempt for a in kept.answers] == [1, 2]


def test_an_attempt_whose_beginning_was_not_written_is_kept_as_well(history: History) -> None:
    head = keep(history, asked(models=("가",)), "첫 답")
    history.store(head.id, answered(head, 0, "셋째 답", attempt=3))
    assert texts(history, head) == ["셋째 답"]
    kept = history.get("me", head.id)
    assert kept is not None and kept.head == head


def test_stored_twice_is_stored_once(history: History) -> None:
    head = keep(history, asked(models=("가",)), "먼저")
    history.store(head.id, answered(head, 0, "나중"))
    history.begin(head)
    assert texts(history, head) == ["나중"]
    assert [len(batch["text"]) for batch in history.flat("me")] == [1]


def test_a_conversation_is_found_from_its_end(history: History) -> None:
    first = keep(history, asked("하나"))
    second = keep(history, asked("둘", previous=first.id))
    keep(history, asked("둘, 다른 길", previous=first.id))
    third = keep(history, asked("셋", previous=second.id))
    assert [run.head.id for run in history.thread("me", third.id)] == [first.id, second.id, third.id]
    assert [run.head.id for run in history.thread("me", first.id)] == [first.id]
    assert history.thread("me", "nothing") == ()


def test_runs_that_name_each_other_make_no_endless_conversation(history: History) -> None:
    one = asked("하나", previous="two")
    two = replace(asked("둘", previous=one.id), id="two")
    for head in (one, two):
        history.begin(head)
    assert [run.head.id for run in history.thread("me", "two")] == [one.id, "two"]


@pytest.mark.parametrize("values", [{"models": ["가", "나"], "dark": True}, {"nothing": {}}])
def test_preferences_come_back_and_go(history: History, values: dict[str, object]) -> None:
    history.prefer("me", **values)
    history.prefer("me", seed=7)
    assert history.preferences("me") == values | {"seed": 7}
    history.prefer("me", **dict.fromkeys(values), seed=8)
    assert history.preferences("me") == {"seed": 8}
    assert history.preferences("you") == {}
