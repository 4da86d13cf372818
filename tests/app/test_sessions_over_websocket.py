"""Tabs of a real server, over the real websocket: what a run and a model outlive, and whose they are.

Run: python -m pytest tests/app/test_sessions_over_websocket.py
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from benchmarks.page_asking import allow_tokens, ask, buttons, run_id, stop_all, wait_until_ended
from benchmarks.page_client import Tab
from benchmarks.page_server import ROOT, Server, open_server
from benchmarks.page_stage import ENDLESS

QUESTION = "나란히 놓고 보면 무엇이 다른가요?"
DEMO = "demo-koalpaca"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Scripted answers of a second and a half."""
    with open_server(engine="scripted", tokens=45, pieces_per_second=30) as server:
        yield server


def stored(server: Server, run: str) -> list[tuple[int, str]]:
    """Position and state of each answer, read from the file."""
    with closing(sqlite3.connect(server.home / "narani.db")) as connection:
        return connection.execute(
            "SELECT position, state FROM answers WHERE run = (SELECT number FROM runs WHERE id = ?)"
            " ORDER BY position, attempt",
            (run,),
        ).fetchall()


def seconds_until(holds: Callable[[], bool], most: float) -> float:
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < most, "it never came"
        time.sleep(0.02)
    return time.monotonic() - started


def endless(tab: Tab) -> str:
    allow_tokens(tab, 4000)
    return ask(tab, f"{QUESTION} {ENDLESS}")


@pytest.mark.slow
def test_eight_tabs_on_a_cold_server_and_twenty_refreshes_load_a_model_once() -> None:
    """T2 and T1, with a real model."""
    weights = ROOT / "model_registry" / "demo" / DEMO / "model.safetensors"
    with open_server(engine="real", ttl=1) as server:
        shown = eight_at_once(server)
        assert all("서울" in words for words in shown), shown
        tab = asked_of_one(server)
        for _ in range(3):
            tab = refreshed(tab)
        third = server.ask("facts")
        for _ in range(17):
            tab = refreshed(tab)
        last = server.ask("facts")
    assert (last["loads"], last["resident"], last["asked"], last["running"]) == (1, 1, 9, 0)
    assert last["threads"] <= third["threads"]
    assert last["rss"] - third["rss"] < weights.stat().st_size


def asked_of_one(server: Server) -> Tab:
    tab = server.browser().open()
    for key in tab.picture.keys("button"):
        if key.startswith("compare_remove_") and not key.endswith(DEMO):
            tab.click(key)
    ask(tab, "대한민국의 수도는 어디인가요?")
    wait_until_ended(tab, 1)
    assert not tab.faults
    return tab


def eight_at_once(server: Server) -> list[str]:
    with ThreadPoolExecutor(8) as tabs:
        return [tab.picture.words for tab in tabs.map(asked_of_one, [server] * 8)]


def refreshed(tab: Tab) -> Tab:
    tab = tab.refresh()
    assert len(buttons(tab, "again")) == 1 and not tab.faults
    return tab


def test_a_question_sent_while_answers_run_waits_until_they_end_or_are_stopped(server: Server) -> None:
    """T5: what runs is ended by nobody but the person."""
    tab = server.browser().open()
    before = endless(tab)
    tab.wait(lambda tab: "이야기입니다" in tab.picture.words)
    assert ask(tab, "다음 이야기는요?") == before, "the running answers stay in view"
    assert "다음 이야기는요?" in tab.picture.words
    assert stored(server, before) == [(at, "running") for at in range(4)]
    tab.click("compare_send_now")
    seconds_until(lambda: all(state == "stopped" for _, state in stored(server, before)), 5)
    tab.wait(lambda tab: run_id(tab) != before, 10)
    assert stored(server, before) == [(at, "stopped") for at in range(4)]
    allow_tokens(tab, 45)
    stop_all(tab)
    wait_until_ended(tab)
    assert not tab.faults


def test_what_waits_behind_a_run_that_ends_by_itself_goes_out_once_in_all_tabs(server: Server) -> None:
    tab = server.browser().open()
    allow_tokens(tab, 45)
    before = ask(tab, QUESTION)
    other = tab.browser.open(query=tab.query)
    assert ask(tab, "다음 이야기는요?") == before
    other.rerun()
    assert "다음 이야기는요?" in other.picture.words
    for each in (tab, other):
        each.wait(lambda each: run_id(each) != before, 15)
    assert run_id(tab) == run_id(other)
    for each in (tab, other):
        wait_until_ended(each)
        assert each.picture.words.count("다음 이야기는요?") == other.picture.words.count("다음 이야기는요?")
        each.close()
    with closing(sqlite3.connect(server.home / "narani.db")) as connection:
        asked = connection.execute("SELECT count(*) FROM runs WHERE previous = ?", (before,)).fetchone()
    assert asked == (1,)


@pytest.mark.parametrize("gone", [Tab.close, Tab.abort], ids=["FIN", "RST"])
def test_a_lost_connection_does_not_stop_a_run(server: Server, gone: Callable[[Tab], None]) -> None:
    """T6: it ends, is stored, and stands there when its address is opened again."""
    tab = server.browser().open()
    run = ask(tab, QUESTION)
    gone(tab)
    assert {state for _, state in stored(server, run)} == {"running"}
    seconds_until(lambda: {state for _, state in stored(server, run)} == {"done"}, 10)
    again = tab.browser.open(query=tab.query)
    assert len(buttons(again, "again")) == 4


def test_a_tab_that_comes_back_goes_on_where_it_was(server: Server) -> None:
    tab = server.browser().open()
    run = ask(tab, QUESTION)
    session = tab.session
    tab.abort()
    tab.connect()
    tab.rerun()
    wait_until_ended(tab)
    assert (tab.session, run_id(tab)) == (session, run)


def test_a_run_that_nobody_watches_is_stopped_and_one_that_is_watched_goes_on() -> None:
    with open_server(
        environment={"NARANI_UNWATCHED_SECONDS": "2"}, engine="scripted", pieces_per_second=20
    ) as server:
        watched, left = server.browser().open(), server.browser().open()
        kept, alone = endless(watched), endless(left)
        left.close()
        ended = {"stopped"}
        watched.wait(lambda _: {state for _, state in stored(server, alone)} == ended, 10)
        watched.wait(lambda _: server.ask("facts")["running"] == 4, 5)
        assert {state for _, state in stored(server, kept)} == {"running"}
        watched.close()


def test_another_browser_sees_nothing_of_a_run_though_it_knows_the_address(server: Server) -> None:
    tab = server.browser().open()
    ask(tab, "우리끼리만 아는 이야기를 해 주세요.")
    wait_until_ended(tab)
    stranger = server.browser().open(query=tab.query)
    assert not buttons(stranger, "again") and not buttons(stranger, "stop")
    assert "우리끼리만" in tab.picture.words and "우리끼리만" not in stranger.picture.words
    assert "이야기입니다" not in stranger.picture.words
    past = stranger.browser.open("history")
    assert "우리끼리만" not in past.picture.words and not past.faults
    for each in (tab, stranger, past):
        each.close()
