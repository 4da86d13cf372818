"""A question that goes on with a conversation: whom it goes to, with which settings, and when.

Run: python -m pytest tests/app/test_following_questions.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from comparison.run import Run
from dashboard import resources
from dashboard.session import compare
from dashboard.shared.safe_text import safe_text
from tests.app.opened_pages import ask, open_services, opened, run_id, run_until, texts, tick
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-korwkv"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    slow = Script(pieces=("느", "린 ") * 400, seconds_per_piece=0.05)
    with open_services(monkeypatch, tmp_path, {"demo-chat": slow}) as made:
        yield made


def run_of(page: AppTest) -> Run:
    runs = resources.services().runs
    (owner,) = {run.owner for run in runs._kept.values()}
    run = runs.get(run_id(page), owner)
    assert run is not None
    return run


def answered(page: AppTest) -> Run:
    run = run_of(page)
    assert run.wait(15)
    page.run()
    assert not page.exception
    return run


def test_a_following_question_goes_to_those_ticked_now(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS)
    first = answered(page)
    tick(page, "demo-korwkv", False)
    tick(page, "demo-kullm")
    second = answered(ask(page, "둘째?"))
    assert second.previous == first.id
    assert [request.model_id for request in second.requests] == ["demo-koalpaca", "demo-kullm"]
    own, late = (request.conversation.turns[0] for request in second.requests)
    assert own.answer == late.answer == first.answers[0].view().text
    assert (own.answered_by, late.answered_by) == ("", "demo-koalpaca")
    models = resources.services().registry.models
    titles = {model: safe_text(spec.title) for model, spec in models.items()}
    for shown in (texts(page), texts(opened(run=second.id))):
        assert f"{titles['demo-korwkv']}: 선택 해제됨, 이번 질문에서 제외" in shown
        assert shown.count(f"이전 대화는 {titles['demo-koalpaca']}의 답변을 이어받음") == 1


def test_the_baseline_is_what_a_late_one_takes_over(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS)
    first = answered(page)
    page.button(key=f"answer_{first.id}_1_baseline").click().run()
    tick(page, "demo-kullm")
    late = answered(ask(page, "둘째?")).requests[-1].conversation.turns[0]
    assert (late.answer, late.answered_by) == (first.answers[1].view().text, "demo-korwkv")


def test_who_missed_a_turn_longer_ago_than_is_drawn_still_sees_its_own_answer(
    engine: ScriptedEngine,
) -> None:
    page = ask(opened(), "첫째?", MODELS)
    first = answered(page)
    tick(page, "demo-korwkv", False)
    for question in ("둘째?", "셋째?", "넷째?"):
        answered(ask(page, question))
    tick(page, "demo-korwkv")
    back = answered(ask(page, "다섯째?")).requests[-1].conversation.turns
    assert [turn.answered_by for turn in back] == ["", *["demo-koalpaca"] * 3, ""]
    assert back[0].answer == first.answers[1].view().text
    assert "참여하지 않은 질문 3개" in texts(page)


def set_settings(page: AppTest) -> None:
    page.segmented_control(key=compare.PRESET).set_value("creative").run()
    page.number_input(key=compare.SEED).set_value(7)
    page.number_input(key=compare.MAX_NEW_TOKENS).set_value(50)
    page.text_area(key=compare.SYSTEM).set_value("짧게.")
    page.toggle(key=compare.REPRODUCIBLE).set_value(True)
    page.selectbox(key=compare.FORMAT).set_value("kullm").run()


def check_settings(run: Run) -> None:
    for request in run.requests:
        settings = request.settings
        assert (settings.temperature, settings.seed, settings.max_new_tokens) == (1.0, 7, 50)
        assert (request.format_id, request.reproducible) == ("kullm", True)
        assert request.conversation.system == "짧게."


def test_a_following_question_is_asked_with_what_is_set_now(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS)
    answered(page)
    set_settings(page)
    page.session_state["compare_quantizations"] = {"demo-korwkv": "int8"}
    second = answered(ask(page.run(), "둘째?"))
    check_settings(second)
    assert [request.quantization for request in second.requests] == [None, "int8"]


@pytest.mark.parametrize("way", ["refresh", "history"])
def test_a_conversation_opened_anew_goes_on_as_it_was_asked(engine: ScriptedEngine, way: str) -> None:
    page = opened()
    set_settings(page)
    answered(ask(page, "첫째?", ["demo-korwkv"]))
    if way == "refresh":
        again = opened(run=run_id(page))
    else:
        again = opened()
        assert len(again.session_state["compare_picked"]) == 4
        again.switch_page("dashboard/pages/history_entry.py")
        again.query_params["open"] = run_id(page)
        again.run().button(key="history_go_on").click().run()
        again.switch_page("dashboard/pages/compare.py").run()  # AppTest does not follow by itself
    second = answered(ask(again, "둘째?"))
    assert [request.model_id for request in second.requests] == ["demo-korwkv"]
    check_settings(second)
    assert second.requests[0].conversation.turns[0].answered_by == ""


SLOW = ["demo-chat", "demo-koalpaca"]


def asked_slowly() -> tuple[AppTest, Run]:
    page = ask(opened(), "첫째?", SLOW)
    run_until(page, "느")
    return page, run_of(page)


def test_a_question_sent_while_answers_run_waits_and_stops_nothing(engine: ScriptedEngine) -> None:
    page, first = asked_slowly()
    page.text_area(key=compare.INPUT).set_value("긴 글").run()
    ask(page, "둘째?")
    shown = texts(page)
    assert "대기 중" in shown and "둘째?" in shown and "느" in shown, "what runs stays in view"
    assert run_of(page) is first and not first.ended and first.answers[1].wait(5)
    assert first.answers[1].view().state == "done"
    tick(page, "demo-koalpaca", False)
    again = opened(run=first.id)
    assert "둘째?" in texts(again), "also after a refresh"
    assert not first.ended
    page.button(key="compare_send_now").click().run()
    assert first.wait(5)
    page.run()
    second = run_of(page)
    assert second.previous == first.id
    assert [request.model_id for request in second.requests] == SLOW, "those ticked when it was sent"
    asked = second.requests[0].conversation
    assert (asked.turns[0].answer or "").startswith("느린") and asked.turns[1].input == "긴 글"
    assert "대기 중" not in texts(page)
    again.run()
    assert run_id(again) == second.id, "the other tab follows"
    assert len(resources.services().runs._kept) == 2, "it was asked once"


def test_several_wait_in_order_and_one_is_cancelled_without_being_lost(engine: ScriptedEngine) -> None:
    page, first = asked_slowly()
    for question in ("둘째?", "셋째?", "넷째?"):
        ask(page, question)
    cancel = [each for each in page.button if (each.key or "").startswith("compare_cancel_")]
    cancel[1].click().run()
    assert "셋째?" in [code.value for code in page.code]
    first.stop_all()
    assert first.wait(5)
    page.run()
    second = run_of(page)
    assert second.requests[0].conversation.turns[-1].question == "둘째?"
    assert "넷째?" in texts(page) and not second.ended
    assert second.answers[1].wait(5)
    second.stop_all()
    assert second.wait(5)
    third = run_of(page.run())
    third.stop_all()
    assert [turn.question for turn in third.requests[1].conversation.turns] == ["첫째?", "둘째?", "넷째?"]
    assert "셋째?" in [code.value for code in page.code], "until it is thrown away"
    ask(page, "셋째?")
    assert not page.code, "or asked"


def test_a_question_that_cannot_be_asked_is_refused_at_once_and_kept(engine: ScriptedEngine) -> None:
    page, first = asked_slowly()
    page.session_state["compare_picked"] = []
    page.run()
    ask(page, "아까운 질문")
    assert "고른 모델이 없습니다" in texts(page) and "대기 중" not in texts(page)
    for _ in range(2):
        page.run()
    assert [code.value for code in page.code] == ["아까운 질문"], "the page was drawn again meanwhile"
    assert not first.ended
    (discard,) = (each for each in page.button if (each.key or "").startswith("compare_discard_"))
    discard.click().run()
    assert not page.code


def test_a_new_question_waits_too_where_nothing_is_to_go_on(engine: ScriptedEngine) -> None:
    page, first = asked_slowly()
    page.toggle(key=compare.GO_ON).set_value(False).run()
    ask(page, "딴 이야기?")
    assert run_of(page) is first and not first.ended
    first.stop_all()
    assert first.wait(5)
    second = run_of(page.run())
    assert second.previous is None and len(second.requests[0].conversation.turns) == 1


def test_beginning_anew_ends_nothing_and_hands_back_what_waited(engine: ScriptedEngine) -> None:
    page, first = asked_slowly()
    ask(page, "둘째?")
    page.button(key=compare.NEW).click().run()
    assert "나란한 답" in texts(page) and [code.value for code in page.code] == ["둘째?"]
    ask(page, "셋째?", ["demo-koalpaca"])
    assert answered(page).id != first.id and not first.ended
