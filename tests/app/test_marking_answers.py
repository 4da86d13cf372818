"""Answers are marked better, good or bad and get a note, on the page that asks and in an opened entry; with
the names of their models or without.

Run: python -m pytest tests/app/test_marking_answers.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import history
from dashboard.session.owner import owner_of_browser
from dashboard.session.shared import HIDE_NAMES
from history.records import BAD, BETTER, GOOD, Marked, mark_of
from tests.app.opened_pages import OWNER, ask, attempts, open_services, opened, run_id, run_until, texts
from tests.engines.scripted_engine import Script, ScriptedEngine

MODELS = ["demo-koalpaca", "demo-kullm", "demo-korwkv"]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    scripts = {
        "demo-koalpaca": Script(pieces=("서울이에요.",)),
        "demo-kullm": Script(pieces=("서울입니다.",)),
        "demo-korwkv": Script.out_of_memory(),
    }
    with open_services(monkeypatch, tmp_path, scripts) as made:
        yield made


def button(page: AppTest, run: str, position: int, what: str = "better") -> str | None:
    """What the button of a column says, where there is one."""
    key = f"answer_{run}_{position}_{what}"
    found = [each for each in page.button if each.key == key]
    return found[0].help if found else None


def mark(page: AppTest, run: str, position: int, what: str = "better") -> AppTest:
    return page.button(key=f"answer_{run}_{position}_{what}").click().run()


def stored(run: str) -> list[str]:
    found = resources.services().history.get(owner_of_browser(OWNER), run)
    assert found is not None
    return [mark_of(each.answer.extras).values if each.answer else "" for each in found.answers]


def answered(models: list[str] = MODELS) -> tuple[AppTest, str]:
    page = ask(opened(), models=models)
    run_until(page, "서울이에요")
    (run,) = (each for each in resources.services().runs._kept.values() if each.id == run_id(page))
    assert run.wait(10)
    return page.run(), run.id


def test_marking_another_answer_moves_the_mark(engine: ScriptedEngine) -> None:
    page, run = answered()
    assert button(page, run, 0) and "더 나은 답으로 표시" in str(button(page, run, 1))
    assert button(page, run, 2) is None, "it failed"
    mark(page, run, 0)
    assert stored(run) == [BETTER, "", ""] and texts(page).count("trophy: 더 나음") == 1
    mark(page, run, 1)
    assert stored(run) == ["", BETTER, ""] and texts(page).count("trophy: 더 나음") == 1
    assert "표시 지우기" in str(button(page, run, 1)) and "더 나은 답으로 표시" in str(button(page, run, 0))
    mark(page, run, 1)
    assert stored(run) == ["", "", ""] and "더 나음" not in texts(page)


def test_an_opened_entry_marks_alike_and_the_page_that_asks_sees_it(engine: ScriptedEngine) -> None:
    page, run = answered()
    entry = opened("history_entry", open=run)
    mark(entry, run, 1)
    assert stored(run) == ["", BETTER, ""] and texts(entry).count("trophy: 더 나음") == 1
    assert "더 나음" in texts(page.run())
    mark(page, run, 0)
    assert "표시 지우기" in str(button(entry.run(), run, 0))


@pytest.mark.parametrize("in_memory", [True, False])
def test_asked_again_the_new_answer_has_no_mark(engine: ScriptedEngine, in_memory: bool) -> None:
    page, run = answered()
    mark(page, run, 0)
    if not in_memory:
        resources.services().runs._kept.clear()
    page.run()
    page.button(key=f"answer_{run}_0_again").click().run()
    assert attempts(page, run, 0)[-1] == "2번째"
    (live,) = resources.services().runs._kept.values()
    assert live.wait(10)
    assert "더 나음" not in texts(page.run()) and stored(run) == ["", "", ""]
    mark(page, run, 1)
    assert stored(run) == ["", BETTER, ""] and texts(page).count("trophy: 더 나음") == 1


def test_an_entry_asked_once_more_copies_no_mark(engine: ScriptedEngine) -> None:
    _, run = answered()
    entry = opened("history_entry", open=run)
    mark(entry, run, 0)
    entry.button(key="history_again").click().run()
    run_until(entry, "글자 하나까지 같은")
    assert texts(entry).count("trophy: 더 나음") == 1


def test_an_answer_that_was_deleted_meanwhile_is_not_marked_and_says_so(engine: ScriptedEngine) -> None:
    page, run = answered()
    resources.services().history.delete(owner_of_browser(OWNER), [run])
    assert "표시할 수 있습니다" in texts(mark(page, run, 0))


def test_good_and_bad_are_set_and_taken_back_with_one_click_each(engine: ScriptedEngine) -> None:
    page, run = answered()
    mark(mark(page, run, 0, "good"), run, 1, "bad")
    assert stored(run) == [GOOD, BAD, ""]
    assert "thumb_up: 좋음" in texts(page) and "thumb_down: 나쁨" in texts(page)
    assert "좋은 답 표시 지우기 · " in str(button(page, run, 0, "good"))
    assert "나쁜 답으로 표시 · " in str(button(page, run, 0, "bad"))
    mark(mark(page, run, 0, "bad"), run, 1, "bad")
    assert stored(run) == [BAD, "", ""] and "thumb_up: 좋음" not in texts(page)
    assert button(page, run, 2, "good") is None, "it failed"
    mark(page, run, 0)
    assert stored(run) == ["better, bad", "", ""], "better than another may still be bad"


def test_one_answer_alone_is_good_or_bad_and_never_better(engine: ScriptedEngine) -> None:
    page, run = answered(["demo-koalpaca", "demo-korwkv"])
    assert button(page, run, 0) is None
    mark(page, run, 0, "good")
    assert stored(run) == [GOOD, ""]


def test_a_list_narrowed_by_marks_shows_what_is_still_to_be_rated(engine: ScriptedEngine) -> None:
    page, run = answered()
    _, other = answered()
    mark(page, run, 0, "good")
    listed = opened("history")
    for wanted, shown in ((Marked.UNRATED, {other}), (Marked.GOOD, {run}), (Marked.BAD, set())):
        listed.button_group(key=history.MARKS).set_value([wanted]).run()
        keys = {str(each.key) for each in listed.button}
        assert {id for id in (run, other) if f"history_open_{id}" in keys} == shown


def heads(page: AppTest) -> list[str]:
    return [each.value.split("**")[1] for each in page.main.markdown if each.value.startswith("**")]


@pytest.mark.parametrize("name", ["compare", "history_entry"])
def test_without_names_nothing_says_which_model_it_is_and_marks_go_to_the_right_answer(
    engine: ScriptedEngine, name: str
) -> None:
    page, run = answered()
    page = page if name == "compare" else opened(name, open=run)
    named = heads(page)
    assert len(set(named)) == 3
    page.toggle(key=HIDE_NAMES).set_value(True).run()
    assert heads(page) == ["A", "B", "C"]
    said = [str(each.help) for each in page.button if f"answer_{run}" in str(each.key)]
    said += [str(each.value) for each in (*page.main.markdown, *page.main.caption, *page.main.warning)]
    assert not any(each in words for each in (*named, "토큰/초") for words in said)
    mark(mark(page, run, 1), run, 0, "bad")
    assert stored(run) == [BAD, BETTER, ""]
    assert "hidden" in page.query_params["names"]
    refreshed = opened(name, names="hidden", **{"run" if name == "compare" else "open": run})
    assert heads(refreshed) == ["A", "B", "C"]
    page.toggle(key=HIDE_NAMES).set_value(False).run()
    assert heads(page) == named and texts(page).count("trophy: 더 나음") == 1
    assert "names" not in page.query_params


def test_names_stay_hidden_from_question_to_question_and_are_not_seen_as_answers_come(
    engine: ScriptedEngine,
) -> None:
    page, _ = answered()
    page.toggle(key=HIDE_NAMES).set_value(True).run()
    ask(page, "또?")
    run_until(page, "또?")
    assert set(heads(page)) == {"A", "B", "C"}
    (live,) = (each for each in resources.services().runs._kept.values() if each.id == run_id(page))
    assert live.wait(10)
    assert set(heads(page.run())) == {"A", "B", "C"}
