"""The pool keeps its budget, loads once, waits for who is in use, and gives back what it takes.

Run: python -m pytest tests/engines/test_model_pool.py
"""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from engines.base import FinishReason, LiveAnswer, State
from engines.loading import load_model
from errors import AS_WRITTEN, LoadError
from tests.engines.running_engine import RunningEngine, answer_of, make_models, open_engine, wait_until

HIDDEN = 256
"""Weights of a few MB, so that the budget is about weights and not about caches."""


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("models")
    return make_models(folder, {"a": "gpt_neox", "b": "gpt_neox", "c": "gpt_neox"}, hidden=HIDDEN)


@pytest.fixture(scope="module")
def one_model(specs: dict[str, Any]) -> int:
    """Bytes that one of the models is measured to take."""
    with open_engine(specs) as running:
        answer_of(running.ask("a"))
        return running.view().residents[0].weight_bytes


@pytest.fixture
def tight(specs: dict[str, Any], one_model: int) -> Iterator[RunningEngine]:
    """Room for one model and its cache, not for two."""
    with open_engine(specs, budget=int(one_model * 1.9)) as running:
        yield running


def in_threads(count: int, work: Callable[[int], None]) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_ten_threads_that_ask_for_one_cold_model_share_one_load(specs: dict[str, Any]) -> None:
    lives: list[LiveAnswer] = []
    with open_engine(specs) as running:
        in_threads(10, lambda number: lives.append(running.ask("a", f"질문 {number}")))
        assert all(answer_of(live).finish_reason is FinishReason.LENGTH for live in lives)
        assert running.loads == ["a"]


def test_a_model_too_big_is_refused_before_any_byte_is_loaded(specs: dict[str, Any], one_model: int) -> None:
    with open_engine(specs, budget=int(one_model * 0.6)) as running:
        answer = answer_of(running.ask("a"))
        assert (answer.finish_reason, answer.error_code) == (FinishReason.FAILED, "no-room")
        assert running.loads == []
        assert "nf4" in (answer.error or "") and "MB" in (answer.error or "")
        assert running.view().most_used == 0


def test_where_nothing_fits_the_message_says_so(specs: dict[str, Any]) -> None:
    with open_engine(specs, budget=1000) as running:
        assert "NARANI_MEMORY_BUDGET" in (answer_of(running.ask("a")).error or "")


@pytest.mark.parametrize("order", [("long", "short"), ("short", "long")])
def test_one_question_too_long_for_the_budget_does_not_shut_the_model_for_others(
    specs: dict[str, Any], one_model: int, order: tuple[str, str]
) -> None:
    with open_engine(specs, budget=one_model + 1_500_000) as running:
        ask = {
            "long": lambda: running.ask("a", "가나다 " * 60, max_new_tokens=500),
            "short": lambda: running.ask("a", max_new_tokens=4),
        }
        lives = {name: ask[name]() for name in order}
        answers = {name: answer_of(live) for name, live in lives.items()}
        assert answers["long"].finish_reason is FinishReason.FAILED
        assert answers["short"].finish_reason is FinishReason.LENGTH
        assert answer_of(ask["short"]()).finish_reason is FinishReason.LENGTH


def test_two_models_that_fit_only_one_at_a_time_both_answer(tight: RunningEngine, one_model: int) -> None:
    """T3: the second waits and says so; there are never two, and the books never exceed the budget."""
    first = tight.ask("a", max_new_tokens=150)
    wait_until(lambda: first.view().state is State.ANSWERING)
    second = tight.ask("b", max_new_tokens=20)
    wait_until(lambda: second.view().note == "memory" or second.ended)
    assert second.view().state is State.WAITING
    assert answer_of(first).finish_reason is FinishReason.LENGTH
    assert answer_of(second).finish_reason is FinishReason.LENGTH
    view = tight.view()
    assert [resident.model_id for resident in view.residents] == ["b"]
    assert view.most_used <= view.budget
    released = [event for event in view.events if event.what == "release"]
    assert [(event.model_id, event.bytes) for event in released] == [("a", one_model)]


def test_three_models_two_users_and_room_for_one(tight: RunningEngine) -> None:
    """T3 with weak references: no two networks are alive at once, whoever asks."""
    alive: weakref.WeakSet[Any] = weakref.WeakSet()
    most: list[int] = []
    load = tight.pool._load

    def watched(*args: Any) -> Any:
        gc.collect()
        loaded = load(*args)
        alive.add(loaded.model)
        most.append(len(alive))
        return loaded

    tight.pool._load = watched
    lives = [tight.ask(id, max_new_tokens=10) for id in ("a", "b", "c", "a", "b", "c", "b")]
    assert all(answer_of(live).finish_reason is FinishReason.LENGTH for live in lives)
    assert max(most) == 1
    assert tight.view().most_used <= tight.view().budget


def test_who_waits_for_room_is_not_overtaken_for_ever(tight: RunningEngine) -> None:
    """A model in demand is leased to nobody new while an older load waits for its place."""
    lives = [tight.ask("a", max_new_tokens=60)]
    wait_until(lambda: lives[0].view().state is State.ANSWERING)
    waiting = tight.ask("b", max_new_tokens=5)
    wait_until(lambda: waiting.view().note == "memory")
    lives.append(tight.ask("a", max_new_tokens=5))
    assert answer_of(waiting).finish_reason is FinishReason.LENGTH
    assert answer_of(lives[1]).finish_reason is FinishReason.LENGTH
    assert tight.loads == ["a", "b", "a"]


def test_the_longest_unused_goes_first(specs: dict[str, Any], one_model: int) -> None:
    with open_engine(specs, budget=int(one_model * 2.8)) as running:
        for id in ("a", "b", "a", "c"):
            answer_of(running.ask(id))
        assert {resident.model_id for resident in running.view().residents} == {"a", "c"}


def test_an_answer_is_the_same_though_its_model_was_wanted_away_meanwhile(tight: RunningEngine) -> None:
    """T4: release comes after the answer."""
    alone = answer_of(tight.ask("a", max_new_tokens=80)).text
    first = tight.ask("a", max_new_tokens=80)
    wait_until(lambda: first.view().state is State.ANSWERING)
    second = tight.ask("b", max_new_tokens=5)
    assert answer_of(first).text == alone
    answer_of(second)


def test_a_model_is_let_go_only_after_the_round_that_used_it(
    tight: RunningEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its lease is back, but the decode loop is still in the middle of the round."""
    round_may_end = threading.Event()
    finish = LiveAnswer.finish

    def slow_finish(live: LiveAnswer, answer: Any) -> None:
        if live.model_id == "a":
            round_may_end.wait(20)
        finish(live, answer)

    monkeypatch.setattr(LiveAnswer, "finish", slow_finish)
    first = tight.ask("a", max_new_tokens=5)
    wait_until(lambda: bool(tight.view().residents) and tight.view().residents[0].leases == 0)
    second = tight.ask("b", max_new_tokens=5)
    wait_until(lambda: not tight.view().residents)
    time.sleep(0.2)
    assert [event.what for event in tight.view().events] == ["load"]
    round_may_end.set()
    assert answer_of(first).finish_reason is FinishReason.LENGTH
    assert answer_of(second).finish_reason is FinishReason.LENGTH
    assert [event.what for event in tight.view().events] == ["load", "release", "load"]


def test_a_stopped_question_leaves_the_queue_at_once(tight: RunningEngine) -> None:
    first = tight.ask("a", max_new_tokens=400)
    wait_until(lambda: first.view().state is State.ANSWERING)
    waiting = tight.ask("b")
    wait_until(lambda: waiting.view().note == "memory")
    waiting.ask_to_stop()
    assert answer_of(waiting, 2).finish_reason is FinishReason.STOPPED
    assert not first.ended
    first.ask_to_stop()
    assert answer_of(first, 2).finish_reason is FinishReason.STOPPED
    assert tight.loads == ["a"]


def test_what_was_only_set_aside_for_a_load_is_never_told_as_used(specs: dict[str, Any]) -> None:
    """Neither in the peak nor in the memory over time, whether the load fails, is stopped or another goes
    meanwhile."""
    begun, go_on = threading.Event(), threading.Event()

    def broken(spec: Any, *how: Any) -> Any:
        if spec.id != "c":
            return load_model(spec, *how)
        begun.set()
        go_on.wait(10)
        raise LoadError(AS_WRITTEN, sentence="The weights are damaged.")

    with open_engine(specs, load=broken) as running:
        assert running.load("a").wait(20)
        small = running.view()
        live = running.load("c")
        assert begun.wait(10)
        under_way = running.view()
        assert under_way.set_aside > 0 and under_way.there == small.used
        assert running.release("a")
        go_on.set()
        assert live.wait(10) and live.error is not None
        wait_until(lambda: running.view().events[-1].what == "refuse")
        after = running.view()
        assert (after.used, after.most_used) == (0, small.used)
        assert [(event.what, event.used) for event in after.events] == [
            ("load", small.used),
            ("release", 0),
            ("refuse", 0),
        ]


def test_forty_loads_and_releases_leave_memory_flat(specs: dict[str, Any], one_model: int) -> None:
    process = psutil.Process()
    with open_engine(specs) as running:

        def once() -> None:
            answer_of(running.ask("a", max_new_tokens=4))
            wait_until(lambda: running.release("a"))

        for _ in range(10):
            once()
        gc.collect()
        before = process.memory_info().rss
        for _ in range(40):
            once()
        gc.collect()
        assert process.memory_info().rss - before < 0.05 * before
        released = [event.bytes for event in running.view().events if event.what == "release"]
        assert released == [one_model] * 50
        assert running.view().used == 0


def test_a_model_in_use_is_not_unloaded_by_hand(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        live = running.ask("a", max_new_tokens=300)
        wait_until(lambda: live.view().state is State.ANSWERING)
        assert not running.release("a")
        assert not running.release("b")
        live.ask_to_stop()
        answer_of(live)


def test_a_cache_that_does_not_fit_beside_others_waits_for_them(
    specs: dict[str, Any], one_model: int
) -> None:
    """Both models are resident; the second question's cache has room only when the first has ended."""
    with open_engine(specs, budget=int(one_model * 2.45)) as running:
        for id in ("a", "b"):
            answer_of(running.ask(id, max_new_tokens=4))
        lives = [running.ask(id, "서울은", max_new_tokens=480) for id in ("a", "b")]
        assert all(answer_of(live).finish_reason is FinishReason.LENGTH for live in lives)
        assert running.loads == ["a", "b"]
        assert running.view().most_used <= running.view().budget


def test_closing_ends_every_question(specs: dict[str, Any]) -> None:
    with open_engine(specs) as running:
        lives = [running.ask("a", max_new_tokens=400), running.ask("b", max_new_tokens=400)]
        wait_until(lambda: lives[0].view().state is State.ANSWERING)
    assert all(live.ended for live in lives)
    assert not [thread for thread in threading.enumerate() if thread.name in ("decode-cpu", "load-cpu")]


def test_the_folder_of_a_model_is_not_written_to(specs: dict[str, Any]) -> None:
    folder = Path(specs["a"].runs.source)
    before = sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir())
    with open_engine(specs) as running:
        answer_of(running.ask("a"))
    assert sorted((path.name, path.stat().st_mtime_ns) for path in folder.iterdir()) == before
