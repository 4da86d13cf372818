"""The search chat on the real pages: found, answered, checked, gone on with, stopped, kept and found again.

Run: python -m pytest tests/app/test_search_page.py
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from dashboard import resources
from dashboard.session import owner, search
from dashboard.texts import read_texts
from engines.base import AnswerRequest
from history.records import HistoryFilter
from search import wiring
from search.documents.provider import SHIPPED
from search.records import ROOM, searched_of
from tests.app.opened_pages import open_services, opened, run_id, run_until, texts, tick
from tests.engines.scripted_engine import Script, ScriptedEngine
from tests.search.providers.loopback_service import LoopbackService, Reply, serving

ROOT = Path(__file__).parents[2]
KO = read_texts("ko").search
QUESTION, FOLLOWING = "한라산의 높이는 얼마인가요?", "그 산은 어느 섬에 있나요?"
REASONS = read_texts("ko").reasons
QUOTED = REASONS["quoted"]
ENDED = re.compile("|".join(re.escape(REASONS[end]) for end in ("quoted", "eos")))


def from_source(request: AnswerRequest) -> list[str]:
    """What the first source begins with, and a figure that stands in none."""
    searched = searched_of(request.extras)
    if searched is None or not searched.sources:
        return ["출처 없이 답합니다."]
    return [f"{searched.sources[0].passage.partition('.')[0]} [1]. ", "높이는 98,765m입니다 [1]."]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[ScriptedEngine]:
    script = Script(from_source)
    slow = Script(["또 "], 0.05, repeats=True)
    models = {"demo-chat": script, "demo-kullm": slow}
    few = tmp_path / "few"
    few.mkdir()
    for name in ("한라산", "훈민정음", "김치"):
        shutil.copy(SHIPPED / f"{name}.md", few)
    monkeypatch.setattr(wiring, "SHIPPED", few)
    with open_services(monkeypatch, tmp_path / "home", models) as made:
        yield made
        resources.services().searches.stop_all()


@pytest.fixture
def searxng(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackService]:
    with serving() as service:
        monkeypatch.setenv("NARANI_SEARXNG_URL", service.address)
        monkeypatch.setenv("NARANI_SEARCH_PROVIDER", "searxng")
        yield service


def ask(page: AppTest, question: str = QUESTION) -> AppTest:
    return page.chat_input(key=search.TYPED.box_key).set_value(question).run()


def answered(page: AppTest, question: str = QUESTION, count: int = 1) -> AppTest:
    before = page.query_params.get("run")
    ask(page, question)
    until = time.monotonic() + 20
    while page.query_params.get("run", before) == before or len(ENDED.findall(texts(page))) < count:
        assert time.monotonic() < until, texts(page)
        time.sleep(0.02)
        page.run()
    return page


def drawn(page: AppTest) -> str:
    """The HTML of ours on the page."""
    assert not page.exception, page.exception
    return "\n".join(element.proto.body for element in page.get("html"))


def test_it_answers_from_the_shipped_documents_without_any_model(engine: ScriptedEngine) -> None:
    page = opened("search")
    assert KO["intro"] in texts(page)
    answered(page)
    shown, html = texts(page), drawn(page)
    assert "검색했습니다" in shown and QUESTION in shown
    assert html.count('class="nr-source"') > 1 and "한라산.md" in html
    assert html.count("popovertarget=") == html.count('class="nr-sentence nr-supported"') > 0
    assert re.search(r'nr-sentence nr-supported">[^<]*1,947m', html)
    assert "출처:" not in shown and not page.code, "the sources are cards, and no wall of text"


def test_where_the_sources_hold_no_answer_it_says_that_this_is_why_there_is_none(
    engine: ScriptedEngine,
) -> None:
    page = answered(opened("search"), "한라산 등산로의 주차 요금은 얼마인가요?")
    assert KO["abstains"] in texts(page) and 'class="nr-source"' in drawn(page)
    assert '<div class="nr-counts">' not in drawn(page), "nothing was stated, so nothing is counted"


def test_a_refresh_a_second_tab_and_another_page_find_the_same_conversation(engine: ScriptedEngine) -> None:
    page = answered(opened("search"))
    again = opened("search", run=run_id(page))
    assert QUESTION in texts(again) and "1,947m" in drawn(again)
    stranger = opened("search", owner="p" * 43, run=run_id(page))
    assert KO["gone"] in texts(stranger) and QUESTION not in texts(stranger)
    assert "**발췌 답변" in texts(opened(run=run_id(page))), "on Compare, too"
    page.switch_page("dashboard/pages/models.py").run()
    page.switch_page("dashboard/pages/search.py").run()
    assert "1,947m" in drawn(page)


def test_a_following_question_goes_on_and_the_turn_before_it_is_folded(engine: ScriptedEngine) -> None:
    page = answered(opened("search"))
    first = run_id(page)
    answered(page, FOLLOWING)
    shown = texts(page)
    assert QUESTION in "".join(box.label for box in page.expander)
    assert KO["sources_folded"].partition("{")[0] in shown
    run = resources.services().history.page(_owner(page), HistoryFilter(kind=ROOM)).runs[0]
    assert run.head.previous == first
    assert [turn.question for turn in run.head.requests[0].conversation.turns] == [QUESTION, FOLLOWING]


def test_conversations_are_listed_by_their_first_question_and_opened_again(engine: ScriptedEngine) -> None:
    page = answered(opened("search"))
    answered(page, FOLLOWING)
    last = run_id(page)
    page.button(key="search_new").click().run()
    assert "run" not in page.query_params
    answered(page, "훈민정음은 언제 반포되었나요?")
    page.button(key="search_new").click().run()
    labels = [button.label for button in page.button if str(button.key).startswith("search_open_")]
    assert [label.replace("\\", "") for label in labels] == ["훈민정음은 언제 반포되었나요?", QUESTION]
    tick(page, "demo-chat", models=search.MODELS)
    page.button(key=f"search_open_{last}").click().run()
    assert run_id(page) == last and FOLLOWING in texts(page)
    assert search.MODELS.remove_key("demo-chat") not in [button.key for button in page.button]


def test_models_answer_side_by_side_from_the_same_sources(engine: ScriptedEngine) -> None:
    page = opened("search")
    tick(page, "demo-chat", models=search.MODELS)
    answered(page, count=2)
    run = resources.services().history.page(_owner(page), HistoryFilter(kind=ROOM)).runs[0]
    assert [request.model_id for request in run.head.requests] == ["extractive", "demo-chat"]
    assert run.head.requests[0].extras == run.head.requests[1].extras
    html = drawn(page)
    assert "nr-table" in html and KO["by_support"] in texts(page)
    assert re.search(r'nr-sentence nr-unsupported">[^<]*98,765m', html)
    assert KO["reason_figure-not-in-source"] in html


def test_without_extracts_and_models_there_is_nobody_to_ask(engine: ScriptedEngine) -> None:
    page = opened("search")
    page.toggle(key=search.EXTRACTIVE).set_value(False).run()
    ask(page)
    assert page.error and QUESTION in texts(page), "what was typed is kept"
    assert page.button(key="search_example_0").disabled


def test_a_question_that_comes_while_answers_run_is_kept_unsent(engine: ScriptedEngine) -> None:
    page = opened("search")
    page.toggle(key=search.EXTRACTIVE).set_value(False).run()
    tick(page, "demo-kullm", models=search.MODELS)
    ask(page)
    run_until(page, "또 또")
    ask(page, FOLLOWING)
    assert page.error and FOLLOWING in [code.value for code in page.code]
    page.button(key="search_stop_all").click().run()


def test_a_slow_search_is_stopped_and_can_be_asked_again_or_without_sources(
    searxng: LoopbackService, engine: ScriptedEngine
) -> None:
    searxng.reply = Reply(b"x" * 9, stall=True)
    page = opened("search")
    tick(page, "demo-chat", models=search.MODELS)
    ask(page)
    while not searxng.requests:
        page.run()
    html = drawn(page)
    assert "nr-now" in html and QUESTION in texts(page)
    (live,) = resources.services().searches._kept
    other = opened("search", search=live)
    assert "nr-now" in drawn(other), "a second tab looks on"
    page.button(key="search_stop").click().run()
    run_until(page, KO["stopped"])
    run_until(other, KO["stopped"])
    asked = len(searxng.requests)
    page.button(key="search_again").click().run()
    while len(searxng.requests) == asked:
        page.run()
    page.button(key="search_stop").click().run()
    run_until(page, KO["stopped"])
    page.button(key="search_without").click().run()
    shown = run_until(page, "출처 없이 답합니다")
    assert "검색하지 않았습니다" in shown and "run" in page.query_params


def test_a_failed_search_says_why_and_keeps_the_question(
    searxng: LoopbackService, engine: ScriptedEngine
) -> None:
    searxng.reply = Reply(b"no", status=500)
    page = opened("search")
    ask(page)
    shown = run_until(page, KO["failed"])
    assert "SearXNG" in shown and QUESTION in shown
    assert page.button(key="search_without").disabled, "extracts need sources"
    ask(page, FOLLOWING)
    run_until(page, KO["failed"])
    assert QUESTION in [code.value for code in page.code], "the first one is kept among the unsent"
    page.button(key="search_discard_search").click().run()
    assert KO["intro"] in texts(page)


def test_each_provider_says_whether_it_can_be_used_and_what_one_should_know(engine: ScriptedEngine) -> None:
    page = opened("search")
    names = page.selectbox(key=search.PROVIDER).options
    assert names[0] == KO["documents"] and any(
        "Naver" in name and KO["not_now"][8:] in name for name in names
    )
    page.selectbox(key=search.PROVIDER).set_value("google").run()
    assert "2027-01-01" in texts(page).replace("\\", "") and page.warning


def test_an_own_folder_is_searched_and_one_that_is_not_there_is_named(
    engine: ScriptedEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(owner, "is_machine", lambda: True)
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "a.md").write_text("# 우리 팀\n\n우리 팀의 회의는 화요일 열 시에 한다.", encoding="utf-8")
    page = opened("search")
    page.text_input(key=search.FOLDER).set_value(str(folder)).run()
    ask(page, "우리 팀의 회의는 언제 하나요?")
    run_until(page, QUOTED)
    assert "a.md" in drawn(page)
    page.text_input(key=search.FOLDER).set_value(str(tmp_path / "none")).run()
    ask(page, "회의는 어디서 하나요?")
    assert "none" in run_until(page, KO["failed"])


def test_at_another_machine_only_the_folder_that_is_for_all_is_offered(
    engine: ScriptedEngine, tmp_path: Path
) -> None:
    page = opened("search")
    assert page.selectbox(key=search.FOLDER_FOR_ALL).options == [KO["documents_shipped"]]
    assert not [box for box in page.text_input if box.key == search.FOLDER]
    for_all = tmp_path / "home" / "documents"
    for_all.mkdir()
    (for_all / "b.md").write_text("# 함께\n\n함께 보는 글은 목요일에 나온다.", encoding="utf-8")
    page = opened("search")
    page.selectbox(key=search.FOLDER_FOR_ALL).select(str(for_all)).run()
    ask(page, "함께 보는 글은 언제 나오나요?")
    run_until(page, QUOTED)
    assert "b.md" in drawn(page)


def test_the_history_shows_sources_and_verdicts_and_leads_back_to_the_chat(engine: ScriptedEngine) -> None:
    page = answered(opened("search"))
    entry = opened("history_entry", open=run_id(page))
    html = drawn(entry)
    assert html.count('class="nr-source"') > 1 and 'nr-sentence nr-supported"' in html
    assert not entry.code, "no wall of sources as input"
    entry.button(key="history_go_on").click().run()
    assert entry.chat_input(key=search.TYPED.box_key) and "1,947m" in drawn(entry)


def test_opening_the_page_imports_neither_models_nor_readers(tmp_path: Path) -> None:
    code = (
        "import sys, warnings; warnings.simplefilter('ignore')\n"
        "from streamlit.testing.v1 import AppTest\n"
        "page = AppTest.from_file('comparison_app.py', default_timeout=20).run()\n"
        "page.switch_page('dashboard/pages/search.py').run()\n"
        "assert not page.exception and page.chat_input, page.exception\n"
        "heavy = {'torch', 'transformers', 'tokenizers', 'kiwipiepy', 'trafilatura', 'pypdf', 'ddgs'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    environment = {**os.environ, "NARANI_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, env=environment
    )
    assert done.stdout.strip() == "[]", done.stderr


def _owner(page: AppTest) -> str:
    run = next(iter(resources.services().runs._kept.values()))
    return run.owner
