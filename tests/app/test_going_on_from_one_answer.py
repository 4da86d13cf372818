"""One answer's conversation becomes everybody's: it is said at the box for a question, undone, kept and true.

Run: python -m pytest tests/app/test_going_on_from_one_answer.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from comparison.run import Run
from dashboard import resources
from dashboard.session import compare
from dashboard.session.owner import owner_of_browser
from dashboard.shared.safe_text import safe_text
from prompts.conversation import Turn
from tests.app.opened_pages import OWNER, ask, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-kullm", "demo-korwkv"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    counted = iter(range(1, 100))
    scripts = {
        "demo-koalpaca": Script(pieces=("나의 답",)),
        "demo-kullm": Script(lambda request: (f"너의 답 {next(counted)}",)),
        "demo-korwkv": Script.out_of_memory(),
        "demo-chat": Script(pieces=("느", "린 ") * 400, seconds_per_piece=0.05),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def run_of(page: AppTest) -> Run:
    run = resources.services().runs.get(run_id(page), owner_of_browser(OWNER))
    assert run is not None
    return run


def answered(page: AppTest) -> Run:
    run = run_of(page)
    assert run.wait(15)
    assert not page.run().exception
    return run


def menu(page: AppTest, run: str, position: int) -> AppTest:
    page.session_state[f"answer_{run}_{position}_more"] = True
    return page.run()


def pick(page: AppTest, run: str, position: int) -> AppTest:
    return menu(page, run, position).button(key=f"answer_{run}_{position}_go_on").click().run()


def keys(page: AppTest) -> set[str]:
    return {str(button.key) for button in page.button}


def before(run: Run) -> list[Turn]:
    return [request.conversation.turns[0] for request in run.requests]


def title(model_id: str) -> str:
    return safe_text(resources.services().registry.models[model_id].title)


def test_the_next_question_goes_to_all_with_that_answer_and_only_the_next(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS)
    first = answered(page)
    assert f"answer_{first.id}_2_go_on" not in keys(menu(page, first.id, 2)), "it failed"
    says = f"**{title('demo-kullm')}**의 답변에서 이어집니다"
    assert says in texts(pick(page, first.id, 1))
    assert not [each for each in page.toggle if each.key == compare.GO_ON]
    second = answered(ask(page, "둘째?"))
    assert second.previous == first.id and {turn.answer for turn in before(second)} == {"너의 답 1"}
    assert [turn.answered_by for turn in before(second)] == ["demo-kullm", "", "demo-kullm"]
    shown = texts(page)
    assert says not in shown and page.toggle(key=compare.GO_ON).value
    assert shown.count(f"이전 대화는 {title('demo-kullm')}의 답변을 이어받음") == 2
    third = answered(ask(page, "셋째?"))
    own = [request.conversation.turns[1].answer for request in third.requests]
    assert own[:2] == ["나의 답", "너의 답 2"]
    assert {turn.answer for turn in before(third)} == {"너의 답 1"}
    resources.services().runs._kept.clear()
    assert f"이전 대화는 {title('demo-kullm')}" in texts(opened(run=second.id)), "as the history tells it"


def test_it_is_undone_and_every_model_goes_on_with_its_own(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS[:2])
    first = answered(page)
    pick(page, first.id, 0)
    page.button(key="compare_picked_undo").click().run()
    second = answered(ask(page, "둘째?"))
    assert [turn.answer for turn in before(second)] == ["나의 답", "너의 답 1"]


def test_an_earlier_attempt_is_gone_on_from_and_named(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS[:2])
    first = answered(page)
    page.button(key=f"answer_{first.id}_1_again").click().run()
    answered(page)
    page.segmented_control(key=f"attempt_{first.id}_1_of_2").set_value(1).run()
    assert f"**{title('demo-kullm')}** (1번째)의 답변에서" in texts(pick(page, first.id, 1))
    second = answered(ask(page, "둘째?"))
    assert {turn.answer for turn in before(second)} == {"너의 답 1"}
    for shown in (texts(page), texts(opened(run=second.id))):
        assert "너의 답 1" in shown and "너의 답 2" not in shown, "what was gone on with, not the newest"
        assert shown.count("모두 이 답변에서 이어졌습니다") == 1


def test_an_opened_entry_is_gone_on_from(engine: ScriptedEngine) -> None:
    first = answered(ask(opened(), "첫째?", MODELS[:2]))
    entry = opened("history_entry", open=first.id)
    says = f"**{title('demo-koalpaca')}**의 답변에서 이어집니다"
    pick(entry, first.id, 0)
    entry.switch_page("dashboard/pages/compare.py").run()  # AppTest does not follow by itself
    assert says in texts(entry) and run_id(entry) == first.id
    assert {turn.answer for turn in before(answered(ask(entry, "둘째?")))} == {"나의 답"}


def test_a_question_that_waits_says_it_and_keeps_it(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", ["demo-koalpaca", "demo-chat"])
    run_until(page, "느")
    first = run_of(page)
    pick(page, first.id, 0)
    ask(page, "기다려?")
    assert texts(page).count(f"**{title('demo-koalpaca')}**의 답변에서") == 1, (
        "with the question, not the box"
    )
    page.button(key="compare_send_now").click().run()
    assert first.wait(10)
    while run_id(page) == first.id:
        page.run()
    page.button(key=compare.STOP_ALL).click().run()
    second = answered(page)
    assert [(turn.answer, turn.answered_by) for turn in before(second)] == [
        ("나의 답", ""),
        ("나의 답", "demo-koalpaca"),
    ]


def test_what_is_gone_is_said_and_the_question_kept(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS[:2])
    first = answered(page)
    pick(page, first.id, 0)
    services = resources.services()
    services.runs._kept.clear()
    page.run()
    services.history.delete(owner_of_browser(OWNER), [first.id])
    shown = texts(ask(page, "사라진 것에?"))
    assert "이어 갈 답변을 찾을 수 없습니다" in shown and "사라진 것에?" in shown
    assert run_id(page) == first.id, "nothing was asked"
    assert answered(ask(page, "새로?")).previous is None


def test_another_conversation_does_not_take_it_over(engine: ScriptedEngine) -> None:
    page = ask(opened(), "첫째?", MODELS[:2])
    first = answered(page)
    pick(page, first.id, 0)
    page.button(key=compare.NEW).click().run()
    assert "의 답변에서 이어집니다" not in texts(page)
    other = answered(ask(page, "다른 것?"))
    assert other.previous is None and "의 답변에서 이어집니다" not in texts(page)
    assert all(len(request.conversation.turns) == 1 for request in other.requests)
